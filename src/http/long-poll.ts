import type { Instance } from '../itx/instance.ts'
import type { ReadingEnd } from '../itx/live-readers.ts'
import type { KnownPrincipal } from '../itx/principal.ts'
import type { ProjectAccess } from '../itx/project-access.ts'
import { type StreamLife, StreamTail, type TailListener } from '../itx/stream-tail.ts'
import { ItxError } from '../streams/errors.ts'

/**
 * What a long poll heard: events that callers may see; the end of a closed stream; nothing in time; or the stream was
 * deleted or reset, or nobody waits any more.
 */
export type News = 'events' | 'closed' | 'timeout' | 'gone'

interface Wait extends StreamLife {
  /** News is what is after it. */
  readonly after: number
  readonly ms: number
  /** The client is gone. */
  readonly signal: AbortSignal
}

/**
 * Waits until there is something to read after an offset; resolves at once when there is already. A waiter costs an entry
 * in a set and a timer.
 */
export function waitForNews(streams: ReturnType<ProjectAccess['streams']>, wait: Wait): Promise<News> {
  const { after, ms, signal } = wait
  if (signal.aborted) return Promise.resolve('gone')
  return new Promise((resolve) => {
    const settle = (news: News) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      tail.leave(listener)
      resolve(news)
    }
    const look = () => {
      if (tail.visible > after) settle('events')
      else if (tail.closed && tail.lastVisible <= after) settle('closed')
    }
    const listener: TailListener = {
      news: look,
      // A server that stops, or a disk that failed, tells nothing about the stream: whoever asks again will see.
      ended: (reason) => settle(reason === 'deleted' || reason === 'incarnation' ? 'gone' : 'timeout'),
    }
    const onAbort = () => settle('gone')
    const timer = setTimeout(() => settle('timeout'), ms)
    signal.addEventListener('abort', onAbort)
    const tail = StreamTail.of(streams, wait)
    tail.join(listener)
    void tail.ready.then(look)
  })
}

/**
 * A long poll of somebody who may read the stream.
 *
 * @throws {ItxError} RATE_LIMITED `readers`; UNAVAILABLE when shutting down; FORBIDDEN `credential` when the right to read
 *   was lost while waiting: whoever reads on then must not read what came.
 */
export async function longPoll(
  { readers, config }: Pick<Instance, 'readers' | 'config'>,
  access: ProjectAccess,
  principal: KnownPrincipal,
  request: Request,
  { path, incarnationId, after }: StreamLife & { readonly after: number },
): Promise<News> {
  const over = new AbortController()
  const onAbort = () => over.abort()
  let why: ReadingEnd | null = null
  const leave = readers.enter(principal, access, (reason) => {
    why = reason
    over.abort()
  })
  request.signal.addEventListener('abort', onAbort)
  try {
    const wait = { path, incarnationId, after, ms: config.longPollMs, signal: over.signal }
    const news = await waitForNews(access.streams(), wait)
    return endedBy(why) ?? news
  } finally {
    request.signal.removeEventListener('abort', onAbort)
    leave()
  }
}

/** What somebody hears whose wait was ended from here. */
function endedBy(why: ReadingEnd | null): News | null {
  if (why === null) return null
  if (why === 'shutdown') return 'timeout'
  throw new ItxError('FORBIDDEN', `the credential has lost its right: ${why}`, { reason: 'credential' })
}
