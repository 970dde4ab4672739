import { ItxError, type ItxErrorCode, itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import type { Closed, SubscribeAfter, WireBatch } from '../handle.ts'
import { type HandleSource, Backoff, pause } from './retry.ts'

export interface FollowOptions {
  readonly connection: HandleSource
  readonly project: string
  readonly path: string
  readonly after: SubscribeAfter
  /** The life of the stream that `after` belongs to. */
  readonly incarnationId?: string | undefined
  /** Only these types. */
  readonly types?: readonly string[]
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
 * @throws {ItxError} what waiting cannot mend: NOT_FOUND, FORBIDDEN, BAD_REQUEST, CONFLICT `incarnation`, UNAVAILABLE
 *   `closed`.
 */
export async function followStream(options: FollowOptions): Promise<void> {
  let after = options.after
  let incarnationId = options.incarnationId
  const backoff = new Backoff()
  while (!options.signal.aborted) {
    try {
      await followOnce(options, after, incarnationId, (batch) => {
        after = batch.through
        incarnationId = batch.incarnationId ?? undefined
        backoff.reset()
      })
    } catch (error) {
      if (options.signal.aborted) return
      if (isFinal(error)) throw error
      options.onInterrupted?.(error)
      await pause(backoff.next(), options.signal, options.connection)
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
  // What the server waits for. At the end it is told about all of them, taken or not: it would keep them for good.
  const waiting = new Set<() => void>()
  const receive = async (batch: WireBatch) => {
    const over = Promise.withResolvers<void>()
    waiting.add(over.resolve)
    taken = taken.then(() => take(batch))
    taken.then(over.resolve, over.reject)
    await over.promise.finally(() => waiting.delete(over.resolve))
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
        ...(options.types === undefined ? {} : { types: options.types }),
        ...(options.state === undefined ? {} : { state: options.state }),
      },
      receive,
    )
    if (signal.aborted) return
    const ended = await Promise.race([subscription.closed(), aborted.promise])
    if (ended === 'aborted') {
      // The server forgets it with the stub as well; a broken socket must not turn an end into an error.
      await subscription.unsubscribe().catch(() => {})
      return
    }
    throw endError(path, ended)
  } finally {
    current = false
    // What is being taken decides where the next subscription begins.
    await Promise.race([taken.catch(() => {}), aborted.promise])
    signal.removeEventListener('abort', onAbort)
    for (const answer of waiting) answer()
  }
}

/** What the server's end of a subscription means: a code of it that waiting cannot mend is final here, too. */
function endError(path: string, { reason, code }: Closed): ItxError {
  const known = itxErrorCode({ code })
  const final = known === 'NOT_FOUND' || known === 'FORBIDDEN'
  const carried: ItxErrorCode = final ? known : 'UNAVAILABLE'
  return new ItxError(carried, `the subscription to ${path} ended: ${reason}`, { reason })
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
    case 'UNAVAILABLE':
      // By whoever made the connection: it does not come back.
      return itxErrorDetails(error)?.['reason'] === 'closed'
    default:
      return false
  }
}
