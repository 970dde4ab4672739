import type { CoreState, LogSegment } from './core/state.ts'
import { ItxError } from './errors.ts'
import type { StreamPath } from './path.ts'
import type { StreamRef, WorkingReader } from './storage/port.ts'

/** Where a fork leaves its source. */
export interface ForkPlace {
  readonly source: StreamPath
  /** The life of the source that the offsets belong to. */
  readonly incarnationId: string
  /** The offset that was asked for, and how far into what follows: what makes two requests the same. */
  readonly offset: number
  readonly subOffset: number
  /** The last offset that the fork reads in its source. */
  readonly through: number
}

/** Logs that a fork reads, at most: its state names each, and appends rewrite it. */
export const MAX_FORK_SEGMENTS = 64

const ONE = { limit: 1, maxBytes: 1, atLeastOne: true }

/**
 * The state that a fork begins with: what it takes over from its source is there to be read, and counted, but nothing in
 * it was its own doing. Reads the source's log, the open group included.
 *
 * @param empty the fork, before it is one
 * @throws {ItxError} CONFLICT `incarnation`; BAD_REQUEST `offset` outside of what the source has; CONFLICT `fork-depth`.
 */
export function forkBase(
  empty: CoreState,
  { ref, state }: { readonly ref: StreamRef; readonly state: CoreState },
  { source, incarnationId, offset, subOffset, through }: ForkPlace,
  reader: Pick<WorkingReader, 'readEvents'>,
): CoreState {
  const details = { path: source, offset: through, firstOffset: state.firstOffset, maxOffset: state.lastVisibleOffset }
  if (state.incarnationId !== incarnationId) {
    throw new ItxError('CONFLICT', `${source} has begun a new life`, { reason: 'incarnation', path: source })
  }
  if (through > state.lastVisibleOffset || through < state.firstOffset - 1) {
    throw new ItxError('BAD_REQUEST', `${source} has no offset ${through} to fork from`, {
      field: 'offset',
      ...details,
    })
  }
  const segments = inherited(ref, state, through)
  if (segments.length > MAX_FORK_SEGMENTS) {
    throw new ItxError(
      'CONFLICT',
      `a fork of ${source} would read ${segments.length} logs; at most ${MAX_FORK_SEGMENTS}`,
      {
        reason: 'fork-depth',
        path: source,
        limit: MAX_FORK_SEGMENTS,
      },
    )
  }
  const before = { after: state.firstOffset - 1, before: through + 1, descending: true, ...ONE }
  const [last] = reader.readEvents(ref, before).events
  const [lastVisible] = reader.readEvents(ref, { ...before, visibleOnly: true }).events
  return {
    ...empty,
    contentType: state.contentType,
    firstOffset: state.firstOffset,
    maxOffset: through,
    eventCount: through - state.firstOffset + 1,
    lastVisibleOffset: lastVisible?.offset ?? 0,
    lastEventAt: last?.createdAt ?? '',
    fork: { id: ref.id, path: source, incarnationId, offset, subOffset, segments },
  }
}

/** What lies where, up to an offset of a log: in the logs that its stream reads itself, then in its own. */
function inherited(ref: StreamRef, { fork, firstOffset }: CoreState, through: number): LogSegment[] {
  const upTo = (segment: LogSegment): LogSegment => ({ ...segment, through: Math.min(segment.through, through) })
  const own = fork ? (fork.segments.at(-1)?.through ?? firstOffset - 1) : firstOffset - 1
  const { id, path, incarnationId } = ref
  return [...(fork?.segments ?? []), { id, path, incarnationId, after: own, through }]
    .map(upTo)
    .filter((segment) => segment.after < segment.through)
}
