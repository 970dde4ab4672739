import { type Role, roleAtLeast } from '../control-plane/roles.ts'
import { CALLER_CORE_TYPES, type CallerCoreType } from '../streams/core/core-events.ts'
import { ItxError } from '../streams/errors.ts'
import type { ProjectApi, StreamApi, StreamsApi } from './handle.ts'
import { type Methods, PROJECT, STREAM, STREAMS } from './operations.ts'

/**
 * Every operation of a project's handle, as errors and the audit name it. `streams.get` only names a stream: what is done
 * with it is checked then. A project's own `delete` has its project before it, to be told from a stream's.
 */
export type Operation =
  | Exclude<Methods<ProjectApi>, 'delete'>
  | 'project.delete'
  | Exclude<Methods<StreamsApi>, 'get'>
  | Methods<StreamApi>

const { delete: deleteProject, ...ofProject } = PROJECT
const { get: _get, ...ofStreams } = STREAMS
const ROWS = {
  ...ofProject,
  'project.delete': deleteProject,
  ...ofStreams,
  ...STREAM,
} as const satisfies Record<Operation, { readonly needs: Role }>

/** The least role for each operation. */
export const NEEDED_ROLE = Object.fromEntries(
  Object.entries(ROWS).map(([operation, { needs }]) => [operation, needs]),
) as Readonly<Record<Operation, Role>>

const OPERATION_OF = {
  'stream/configured': 'configure',
  'stream/metadata-updated': 'setMetadata',
  'stream/paused': 'pause',
  'stream/resumed': 'resume',
} as const satisfies Record<CallerCoreType, Operation>

/** Core events that a role may append like any other: those whose operation it may perform. */
export function coreTypesFor(role: Role): ReadonlySet<string> {
  return new Set(CALLER_CORE_TYPES.filter((type) => roleAtLeast(role, NEEDED_ROLE[OPERATION_OF[type]])))
}

/** @throws {ItxError} FORBIDDEN when the role is too small for the operation. */
export function requireRole(role: Role, operation: Operation): void {
  const needed = NEEDED_ROLE[operation]
  if (roleAtLeast(role, needed)) return
  throw new ItxError('FORBIDDEN', `${operation} needs the role ${needed}; this handle has ${role}`, {
    reason: 'role',
    operation,
    role,
    needed,
  })
}
