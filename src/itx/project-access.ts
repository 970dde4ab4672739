import type { Actor } from '../control-plane/audit.ts'
import { ItxError } from '../streams/errors.ts'
import { ROOT_PATH, type StreamPath, isBelow, parsePath } from '../streams/path.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'
import type { ProjectInfo, ProjectRole } from './handle.ts'
import { type Operation, coreTypesFor, requireRole } from './permissions.ts'
import { IN_PROCESS, type Session } from './session.ts'

/** What the doors need of the engine's words: they get the engine from here alone. */
export type { CoreState, Expiry, Producer } from '../streams/core/state.ts'
export type { ForkPlace } from '../streams/fork.ts'
export type { Created } from '../streams/stream-creation.ts'
export { MAX_PAGE_EVENTS, type StreamState } from '../streams/project-reader.ts'
export type { MessageReceipt } from '../streams/project-writer.ts'

interface AccessParts {
  /** The project's id. */
  readonly id: string
  readonly role: ProjectRole
  /** The project as it is now. @throws {ItxError} NOT_FOUND once it was deleted. */
  readonly info: () => ProjectInfo
  /** @throws {ItxError} NOT_FOUND once the project was deleted; UNAVAILABLE when its file cannot be opened. */
  readonly streams: () => ProjectStreams
  /** The access ends here: this path and what is below it. Everything when absent. */
  readonly scope?: StreamPath
  readonly session?: Session
  /** Who holds it, as the audit names them. */
  readonly by?: Actor
  /** Told when an operation is allowed, before it is done. */
  readonly onAllowed?: (operation: Operation) => void
  /** Told when something is refused. */
  readonly onDenied?: (reason: 'role' | 'scope', operation: string) => void
}

/**
 * A project that somebody may touch, and how far. Whoever holds one may use it: `resolveProject` makes it for the doors.
 */
export class ProjectAccess {
  readonly #onAllowed: AccessParts['onAllowed']
  readonly #onDenied: AccessParts['onDenied']
  readonly id: string
  readonly role: ProjectRole
  readonly scope: StreamPath
  readonly session: Session
  readonly by: Actor
  /** Core events that may be appended like any other, through whichever door. */
  readonly coreTypes: ReadonlySet<string>
  readonly info: () => ProjectInfo
  /** The project's streams. Asked for anew by each operation: an idle project's file may be closed in between. */
  readonly streams: () => ProjectStreams

  constructor({ id, role, info, streams, ...rest }: AccessParts) {
    this.id = id
    this.role = role
    this.scope = rest.scope ?? ROOT_PATH
    this.session = rest.session ?? IN_PROCESS
    this.by = rest.by ?? { kind: 'operator' }
    this.coreTypes = coreTypesFor(role)
    this.info = info
    this.streams = streams
    this.#onAllowed = rest.onAllowed
    this.#onDenied = rest.onDenied
  }

  /** @throws {ItxError} FORBIDDEN `role` when the role is too small. */
  require(operation: Operation): void {
    try {
      requireRole(this.role, operation)
    } catch (error) {
      this.#onDenied?.('role', operation)
      throw error
    }
    this.#onAllowed?.(operation)
  }

  /** Runs an append from its arguments on, and counts it for the project's overview when it is refused. */
  async appending<T>(append: () => T | Promise<T>): Promise<T> {
    try {
      return await append()
    } catch (error) {
      this.#countRefusal(error)
      throw error
    }
  }

  #countRefusal(error: unknown): void {
    try {
      this.streams().appendRefused(error)
    } catch {
      // The project is gone, or the server stops: there is nothing left to count for, and the append has its own error.
    }
  }

  /**
   * A path that this access reaches.
   *
   * @throws {ItxError} BAD_REQUEST for a bad path; FORBIDDEN `path` for any other, whether there is a stream or not.
   */
  path(input: unknown): StreamPath {
    const path = parsePath(input)
    if (path === this.scope || isBelow(path, this.scope)) return path
    this.#onDenied?.('scope', 'get')
    throw new ItxError('FORBIDDEN', `this handle reaches ${this.scope} and what is below it, not ${path}`, {
      reason: 'path',
      path,
      scope: this.scope,
    })
  }
}

/** The error for a project that is not there for somebody, whatever the reason. */
export function projectNotFound(idOrSlug: string): ItxError {
  const name = idOrSlug.length > 100 ? `${idOrSlug.slice(0, 100)}…` : idOrSlug
  return new ItxError('NOT_FOUND', `project ${JSON.stringify(name)} was not found`, { project: name })
}
