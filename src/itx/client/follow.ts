import { ItxError, itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import type { SubscribeAfter, WireBatch } from '../handle.ts'
import type { Connection } from './connection.ts'

const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 15_000

export interface FollowOptions {
  readonly connection: Connection
  readonly project: string
  readonly path: string
  readonly after: SubscribeAfter
  /** The life of the stream that `after` belongs to. */
  readonly incarnationId?: string | undefined
  readonly state?: boolean
  /** Called for each batch, in order, each event once. Its result is the acknowledgement. */
  readonly onBatch: (batch: WireBatch) => unknown
  /** An attempt has failed and another will be made. */
  readonly onInterrupted?: (error: unknown) => void
  readonly signal: AbortSignal
}

/**
 * Follows a stream for as long as the signal allows: resumes after the last offset that was taken, through any number
 * of broken connections, with no gap and nothing twice.
 *
 * @throws {ItxError} what waiting cannot mend: NOT_FOUND, FORBIDDEN, BAD_REQUEST, CONFLICT `incarnation`.
 */
export async function followStream(options: FollowOptions): Promise<void> {
  let after = options.after
  let incarnationId = options.incarnationId
  let wait = FIRST_RETRY_MS
  while (!options.signal.aborted) {
    try {
      await followOnce(options, after, incarnationId, (batch) => {
        after = batch.through
        incarnationId = batch.incarnationId ?? undefined
        wait = FIRST_RETRY_MS
      })
    } catch (error) {
      if (options.signal.aborted) return
      if (isFinal(error)) throw error
      options.onInterrupted?.(error)
      await pause(wait * (0.5 + Math.random() / 2), options.signal)
      wait = Math.min(wait * 2, LAST_RETRY_MS)
    }
  }
}

/** One subscription, from its start to its end. Returns only when the signal ends it. */
async function followOnce(
  options: FollowOptions,
  after: SubscribeAfter,
  incarnationId: string | undefined,
  onTaken: (batch: WireBatch) => void,
): Promise<void> {
  const { connection, project, path, signal } = options
  // Late deliveries of a subscription that is over must not be taken: its successor brings them again.
  let current = true
  // The server sends a few batches before the first is acknowledged: they wait for one another here.
  let taken = Promise.resolve()
  const take = async (batch: WireBatch) => {
    if (!current || signal.aborted) return
    await options.onBatch(batch)
    onTaken(batch)
  }
  const aborted = Promise.withResolvers<'aborted'>()
  const onAbort = () => aborted.resolve('aborted')
  signal.addEventListener('abort', onAbort)
  try {
    using handle = await connection.project(project)
    using stream = handle.streams.get(path)
    using subscription = await stream.subscribe(
      {
        after,
        ...(incarnationId === undefined ? {} : { incarnationId }),
        ...(options.state === undefined ? {} : { state: options.state }),
      },
      (batch) => (taken = taken.then(() => take(batch))),
    )
    if (signal.aborted) return
    const ended = await Promise.race([subscription.closed(), aborted.promise])
    if (ended === 'aborted') {
      // The server forgets it with the stub as well; a broken socket must not turn an end into an error.
      await subscription.unsubscribe().catch(() => {})
      return
    }
    throw new ItxError('UNAVAILABLE', `the subscription ended: ${ended.reason}`, { reason: ended.reason })
  } finally {
    current = false
    // What is being taken decides where the next subscription begins.
    await Promise.race([taken.catch(() => {}), aborted.promise])
    signal.removeEventListener('abort', onAbort)
  }
}

/** Whether trying again cannot help. */
export function isFinal(error: unknown): boolean {
  switch (itxErrorCode(error)) {
    case 'NOT_FOUND':
    case 'FORBIDDEN':
    case 'BAD_REQUEST':
      return true
    case 'CONFLICT':
      return itxErrorDetails(error)?.['reason'] === 'incarnation'
    default:
      return false
  }
}

/** Waits, or returns at once when the signal comes. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
