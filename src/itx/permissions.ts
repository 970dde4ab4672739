import { type Role, roleAtLeast } from '../control-plane/roles.ts'
import { CALLER_CORE_TYPES, type CallerCoreType } from '../streams/core/core-events.ts'
import { ItxError } from '../streams/errors.ts'
import type { ProjectApi, StreamApi, StreamsApi } from './handle.ts'

type Methods<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T]

/** Every operation of a project's handle. `streams.get` only names a stream: what is done with it is checked then. */
export type Operation = Methods<ProjectApi> | Exclude<Methods<StreamsApi>, 'get'> | Methods<StreamApi>

/** The least role for each operation (design page `itx.md`, "The handle"). One without a row does not compile. */
export const NEEDED_ROLE = {
  describe: 'viewer',
  project: 'viewer',
  list: 'viewer',
  children: 'viewer',
  state: 'viewer',
  read: 'viewer',
  getEvent: 'viewer',
  subscribe: 'viewer',
  scan: 'viewer',
  export: 'viewer',
  processors: 'viewer',
  stateAt: 'viewer',
  append: 'editor',
  create: 'editor',
  import: 'editor',
  setMetadata: 'editor',
  pause: 'operator',
  resume: 'operator',
  configure: 'operator',
  close: 'operator',
  attach: 'operator',
  detach: 'operator',
  restart: 'operator',
  reset: 'admin',
  delete: 'admin',
} as const satisfies Record<Operation, Role>

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
