import type { ProjectStreams } from '../streams/project-streams.ts'
import type { ProjectInfo } from './handle.ts'
import { type Operation, coreTypesFor, requireRole } from './permissions.ts'

/**
 * A project that somebody may touch, and how far. Whoever holds one may use it: `resolveProject` makes it for the doors.
 */
export class ProjectAccess {
  readonly info: ProjectInfo
  /** Core events that may be appended like any other, through whichever door. */
  readonly coreTypes: ReadonlySet<string>
  /** The project's streams. Asked for anew by each operation: an idle project's file may be closed in between. */
  readonly streams: () => ProjectStreams

  constructor(info: ProjectInfo, streams: () => ProjectStreams) {
    this.info = info
    this.coreTypes = coreTypesFor(info.role)
    this.streams = streams
  }

  /** @throws {ItxError} FORBIDDEN when the role is too small. */
  require(operation: Operation): void {
    requireRole(this.info.role, operation)
  }
}
