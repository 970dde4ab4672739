import type { Role } from '../control-plane/roles.ts'
import * as argument from './arguments.ts'
import type {
  ActivityApi,
  ItxApi,
  ProjectApi,
  ProjectsApi,
  ScanApi,
  StreamApi,
  StreamsApi,
  SubscriptionApi,
} from './handle.ts'
import type { Parameter } from './parameter.ts'

/**
 * The table of operations: for every method of every object of the handle its least role (design page `itx.md`, "The
 * handle"), what it takes, and what it is good for. The boundary checks with it and `describe()` answers from it; a
 * method without a row, or with another number of parameters than its interface has, does not compile.
 */

export type Methods<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T] & string

type Each<A extends readonly unknown[]> = { readonly [I in keyof A]: Parameter }

export interface OperationRow<P extends readonly Parameter[] = readonly Parameter[]> {
  /** The least role; null where no role of a project decides. */
  readonly needs: Role | null
  readonly summary: string
  readonly parameters: P
  /** What comes back. */
  readonly returns: string
}

/** A row for every method of an interface. */
export type Rows<Api> = {
  readonly [M in Methods<Api>]: Api[M] extends (...args: infer A) => unknown ? OperationRow<Each<Required<A>>> : never
}

const NOTHING = 'Nothing.'
const NOBODY = { needs: null } as const
const VIEWER = { needs: 'viewer' } as const
const EDITOR = { needs: 'editor' } as const
const OPERATOR = { needs: 'operator' } as const
const ADMIN = { needs: 'admin' } as const

export const ITX = {
  whoami: {
    ...NOBODY,
    summary: 'Who this handle belongs to.',
    parameters: [],
    returns:
      'A user { kind: "user", id, email, name, instanceAdmin } or a token { kind: "token", id, projectId, role }.',
  },
  ping: { ...NOBODY, summary: 'Whether the server answers.', parameters: [], returns: '"pong".' },
} as const satisfies Rows<ItxApi>

export const PROJECTS = {
  get: {
    ...NOBODY,
    summary: 'The handle of a project. NOT_FOUND for one that is missing and for one that is not yours alike.',
    parameters: [argument.idOrSlug],
    returns: 'A project; call through it at once, without waiting.',
  },
  list: {
    ...NOBODY,
    summary: 'Your projects, by slug, a page at a time; with match those that have a text in their name or slug.',
    parameters: [argument.projectPage],
    returns:
      '{ projects: [{ id, slug, name, role }], nextAfter: string | null, mayCreate }; mayCreate: whether you own an organisation, which create takes.',
  },
  create: {
    ...NOBODY,
    summary: 'Makes a project, with you as its admin. For users who own an organisation; never for tokens.',
    parameters: [argument.newProject],
    returns: '{ id, slug, name, role }.',
  },
} as const satisfies Rows<ProjectsApi>

export const PROJECT = {
  describe: {
    ...VIEWER,
    summary: 'This description.',
    parameters: [],
    returns: '{ project, notes, objects }.',
  },
  project: { ...VIEWER, summary: 'The project itself.', parameters: [], returns: '{ id, slug, name, role }.' },
  overview: {
    ...VIEWER,
    summary: 'What the project is doing: what was stored in the last 300 s, where, and what is paused or parked.',
    parameters: [],
    returns:
      '{ at, streams, since, subscribers, appended, subscribed, refused, refusals: [{ code, reason, count }], recent: [{ row, appended }], busiest, paused, pausedCount, parked, parkedCount }; numbers are by the second, of one stream by 5 s.',
  },
  rename: {
    ...ADMIN,
    summary: 'Gives the project another name, another slug, or both. CONFLICT for a slug that is taken.',
    parameters: [argument.projectChange],
    returns: '{ id, slug, name, role }, as they are now.',
  },
  createReadToken: {
    ...EDITOR,
    summary:
      'Makes a token that reads one path and what is below it, for a browser of an end user. It ends by itself and cannot be taken back before.',
    parameters: [argument.readTokenOptions],
    returns: '{ id, token, path, expiresAt }; expiresAt in milliseconds since 1970.',
  },
  contents: {
    ...ADMIN,
    summary: 'How much there is in the project: what goes when it is deleted. Counts every stream.',
    parameters: [],
    returns: '{ streams, events, bytes, members, tokens }; bytes on the disk.',
  },
  delete: {
    ...ADMIN,
    summary: 'Deletes the project with its streams, members and tokens, for good.',
    parameters: [],
    returns: NOTHING,
  },
} as const satisfies Rows<ProjectApi>

export const STREAMS = {
  get: {
    ...VIEWER,
    summary: 'The handle of a stream, whether it exists or not.',
    parameters: [argument.path],
    returns: 'A stream; call through it at once, without waiting.',
  },
  list: {
    ...VIEWER,
    summary: 'Streams by path: the prefix itself and everything below it, a page at a time.',
    parameters: [argument.listOptions],
    returns:
      '{ streams: [{ path, name, eventCount, maxOffset, lastEventAt, childCount, … }], nextAfter: string | null }.',
  },
  activity: {
    ...VIEWER,
    summary:
      'Tells which children of some streams have changed, at most twice a second. Begin, then read the children.',
    parameters: [argument.activityOptions, argument.onRows],
    returns: 'An activity. Nothing comes before something has changed; one batch is under way at a time.',
  },
} as const satisfies Rows<StreamsApi>

export const STREAM = {
  append: {
    ...EDITOR,
    summary: 'Appends events, all or none. The stream and those above it are created where they are missing.',
    parameters: [argument.events],
    returns: 'A receipt per event, in order: { offset, createdAt, duplicate }. What is answered is on the disk.',
  },
  read: {
    ...VIEWER,
    summary: 'A page of events, at most 4 MiB of them.',
    parameters: [argument.readOptions],
    returns:
      '{ events, nextCursor, maxOffset, incarnationId }. Go on with nextCursor as after (asc) or before (desc); null on the last page.',
  },
  subscribe: {
    ...VIEWER,
    summary: 'Replays the log from where you say, then goes on live, without a gap and without a duplicate.',
    parameters: [argument.subscribeOptions, argument.onBatch],
    returns: 'A subscription. The first batch comes at once, even when empty; at most 4 are under way.',
  },
  state: {
    ...VIEWER,
    summary: 'What is known of the stream as a whole.',
    parameters: [],
    returns:
      '{ exists, path, eventCount, firstOffset, maxOffset, lastEventAt, paused, closed, config, metadata, … }; config and metadata are JSON text.',
  },
  children: {
    ...VIEWER,
    summary: 'The streams right below, by name or the newest first, a page at a time.',
    parameters: [argument.childrenOptions],
    returns: '{ path, children, total, nextAfter: string | null }; nextAfter is for the order by name alone.',
  },
  getEvent: {
    ...VIEWER,
    summary: 'One event, by its offset or its idempotency key.',
    parameters: [argument.eventLocator],
    returns: 'The event, or null.',
  },
  scan: {
    ...VIEWER,
    summary: 'Looks through the log for events that a CEL expression is true of.',
    parameters: [argument.scanOptions, argument.onScanBatch],
    returns: 'A scan. Batches come with matches and with how far it is; one is under way at a time.',
  },
  stateAt: {
    ...VIEWER,
    summary: "A processor's state after any event.",
    parameters: [argument.stateAtOptions],
    returns: '{ offset, state }; state is JSON text.',
  },
  processors: {
    ...VIEWER,
    summary: 'The processors attached to the stream and how they get on, and those that the server has.',
    parameters: [],
    returns: '{ attached: [{ slug, status, checkpoint, lag, error, … }], available: [{ slug, description, … }] }.',
  },
  export: {
    ...VIEWER,
    summary:
      'A page of the whole log as it is stored, for import elsewhere. Pass on incarnationId and maxOffset (as through).',
    parameters: [argument.exportOptions],
    returns: '{ contentType, incarnationId, firstOffset, maxOffset, baseState, events, nextCursor }.',
  },
  import: {
    ...EDITOR,
    summary: 'Stores a piece of an exported log, all or nothing, where there is no stream.',
    parameters: [argument.importChunk],
    returns: '{ incarnationId, maxOffset }.',
  },
  create: {
    ...EDITOR,
    summary: 'Creates the stream without an event of its own. Appending creates it as well.',
    parameters: [argument.newStream],
    returns: '{ created, state }; created is false where it existed.',
  },
  setMetadata: {
    ...EDITOR,
    summary: "Replaces the stream's metadata.",
    parameters: [argument.metadata],
    returns: NOTHING,
  },
  pause: {
    ...OPERATOR,
    summary: "Refuses callers' events from now on: CONFLICT, reason paused.",
    parameters: [argument.reason],
    returns: NOTHING,
  },
  resume: { ...OPERATOR, summary: 'Takes events again.', parameters: [argument.reason], returns: NOTHING },
  configure: {
    ...OPERATOR,
    summary: "Changes the stream's settings.",
    parameters: [argument.configChange],
    returns: NOTHING,
  },
  close: {
    ...OPERATOR,
    summary: "Ends the stream for good: no caller's event passes again.",
    parameters: [argument.reason],
    returns: NOTHING,
  },
  attach: {
    ...OPERATOR,
    summary: 'Attaches a processor: it reduces the whole log, its effects begin with what comes next.',
    parameters: [argument.processor],
    returns: NOTHING,
  },
  detach: {
    ...OPERATOR,
    summary: 'Detaches a processor: its state and its checkpoint are forgotten.',
    parameters: [argument.processor],
    returns: NOTHING,
  },
  restart: {
    ...OPERATOR,
    summary: 'Sets a parked processor going again.',
    parameters: [argument.processor, argument.restartOptions],
    returns: NOTHING,
  },
  reset: {
    ...ADMIN,
    summary: 'Wipes the log and begins a new life; the streams below stay.',
    parameters: [],
    returns: '{ incarnationId }, of the new life.',
  },
  delete: {
    ...ADMIN,
    summary: 'Deletes the stream. One with streams below it is deleted with recursive alone.',
    parameters: [argument.deleteOptions],
    returns: '{ deleted }, the number of streams.',
  },
} as const satisfies Rows<StreamApi>

export const SUBSCRIPTION = {
  closed: {
    ...VIEWER,
    summary: 'Waits until the subscription has ended.',
    parameters: [],
    returns: '{ reason, code? }: unsubscribed, failed, incarnation, deleted, shutdown or storage.',
  },
  unsubscribe: { ...VIEWER, summary: 'Ends it; nothing arrives afterwards.', parameters: [], returns: NOTHING },
} as const satisfies Rows<SubscriptionApi>

export const ACTIVITY = {
  closed: {
    ...VIEWER,
    summary: 'Waits until the activity has ended.',
    parameters: [],
    returns: '{ reason, code? }: stopped, failed, storage, deleted (the project) or shutdown.',
  },
  stop: { ...VIEWER, summary: 'Ends it; nothing arrives afterwards.', parameters: [], returns: NOTHING },
} as const satisfies Rows<ActivityApi>

export const SCAN = {
  closed: {
    ...VIEWER,
    summary: 'Waits until the scan has ended.',
    parameters: [],
    returns: '{ reason, code? }: done when everything was looked at, stopped when you ended it.',
  },
  stop: { ...VIEWER, summary: 'Ends it; nothing arrives afterwards.', parameters: [], returns: NOTHING },
} as const satisfies Rows<ScanApi>

type TakenAll<P extends readonly unknown[]> = {
  -readonly [I in keyof P]: P[I] extends Parameter<infer T> ? T : never
}

/** The arguments of an operation, as its row takes them. */
export type Taken<R extends OperationRow> = TakenAll<R['parameters']>

/**
 * The arguments of a call, each as its row takes it. What is beyond them is left out.
 *
 * @throws {ItxError} BAD_REQUEST naming the operation, the argument and the rule.
 */
export function taken<R extends OperationRow>(row: R, operation: string, given: readonly unknown[]): Taken<R> {
  return row.parameters.map((parameter, i) => parameter.take(given[i], operation)) as Taken<R>
}
