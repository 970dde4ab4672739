import {
  BackoffDefaults,
  type DurableStream,
  type StreamOptions,
  type StreamResponse,
  stream as readStream,
} from '@durable-streams/client'
import { ItxError, type ItxErrorCode, itxErrorCode } from '../streams/errors.ts'
import { whenNetworkIs } from './http-network.ts'

/** Where a stream is and how to ask for it: what the published client calls its stream options, as far as they are about
 * one request. When to ask, and from where, is the source's business. */
export type HttpStreamOptions = Omit<StreamOptions, 'offset' | 'live' | 'backoffOptions' | 'sseResilience'>

export interface HttpQuestion {
  /** `-1` is the start, `now` the tail. */
  readonly offset: string
  /** Waits at the tail; before it, the server answers at once and by the page. */
  readonly wait: boolean
  readonly cursor?: string | undefined
}

/** What the headers of an answer say. */
export interface HttpAnswer {
  /** On their way: rejects when the body breaks off, or is no JSON. */
  readonly messages: Promise<readonly unknown[]>
  /** The offset after them. */
  readonly next: string
  readonly upToDate: boolean
  readonly closed: boolean
  readonly cursor?: string
  /** The life of the stream, where the server tells it. */
  readonly life?: string
}

/**
 * Makes one request: how often, and when again, is for whoever asks. Answers as soon as the headers are there. The signal
 * ends it with whatever of it is still under way.
 */
export type Ask = (question: HttpQuestion, signal: AbortSignal) => Promise<HttpAnswer>

/** The published client reads; a session of it is one request here, so that nothing is read ahead of the listener. */
export function asker(stream: HttpStreamOptions | DurableStream, answerWithinMs: number): Ask {
  return async ({ offset, wait, cursor }, signal) => {
    const watch = new AbortController()
    const whole = AbortSignal.any([signal, watch.signal])
    const silence = () => watch.abort(new ItxError('UNAVAILABLE', `no answer within ${answerWithinMs} ms`, SILENT))
    // A request that waits is not told that its network is gone.
    const leave = whenNetworkIs('offline', () => watch.abort(new ItxError('UNAVAILABLE', 'offline', OFFLINE)))
    let timer = setTimeout(silence, answerWithinMs)
    const heard = () => {
      // What still trickles in after the end must not wind it up again.
      if (whole.aborted) return
      clearTimeout(timer)
      timer = setTimeout(silence, answerWithinMs)
    }
    const over = () => {
      clearTimeout(timer)
      leave()
    }
    const watched = async <T>(step: Promise<T>) => {
      try {
        // The client may be waiting to try again, which its signal does not end.
        return await Promise.race([step, aborted(whole)])
      } catch (error) {
        throw watch.signal.aborted ? watch.signal.reason : error
      }
    }
    const request = {
      offset,
      live: false as const,
      json: true,
      signal: whole,
      params: { ...(wait ? { live: 'long-poll' } : {}), ...(wait && cursor !== undefined ? { cursor } : {}) },
    }
    try {
      const response = await watched(begin(stream, request))
      heard()
      const said = headersOf(response, hintOf(stream))
      const messages = watched(messagesOf(response, heard)).finally(over)
      // Whoever waits for them is told.
      messages.catch(() => undefined)
      return { ...said, messages }
    } catch (error) {
      over()
      throw error
    }
  }
}

const OFFLINE = { reason: 'offline' } as const
const SILENT = { reason: 'silent' } as const

interface OneRequest {
  readonly offset: string
  readonly live: false
  readonly json: boolean
  readonly signal: AbortSignal
  readonly params: Record<string, string>
}

function begin(stream: HttpStreamOptions | DurableStream, request: OneRequest): Promise<StreamResponse> {
  // A handle keeps its own way of trying again, which cannot be told otherwise.
  if (isHandle(stream)) return stream.stream(request)
  const { onError } = stream
  return readStream({
    ...stream,
    ...request,
    params: { ...stream.params, ...request.params },
    backoffOptions: { ...BackoffDefaults, maxRetries: 0 },
    // It may mend a refusal (a token that has run out); what time mends is not its business.
    ...(onError ? { onError: (error) => (troubleOf(error).kind === 'passing' ? undefined : onError(error)) } : {}),
  })
}

function isHandle(stream: HttpStreamOptions | DurableStream): stream is DurableStream {
  return 'stream' in stream && typeof stream.stream === 'function'
}

function hintOf(stream: HttpStreamOptions | DurableStream): boolean {
  return !isHandle(stream) && stream.json === true
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}

function headersOf(response: StreamResponse, isJson: boolean): Omit<HttpAnswer, 'messages'> {
  const { headers, status } = response
  const type = headers.get('content-type')
  if (status !== 204 && !isJson && !/^application\/json\s*(?:;|$)/i.test(type ?? '')) {
    response.cancel()
    throw noJsonStream(`its content type is ${JSON.stringify(type?.slice(0, 80) ?? '')}`)
  }
  const next = headers.get('stream-next-offset')
  if (next === null) {
    response.cancel()
    throw noJsonStream(`no Stream-Next-Offset came with status ${status}`)
  }
  const closed = headers.get('stream-closed')?.toLowerCase() === 'true'
  const cursor = headers.get('stream-cursor')
  const life = lifeOf(headers.get('etag'))
  return {
    next,
    upToDate: closed || headers.has('stream-up-to-date'),
    closed,
    ...(cursor === null ? {} : { cursor }),
    ...(life === undefined ? {} : { life }),
  }
}

async function messagesOf(response: StreamResponse, heard: () => void): Promise<readonly unknown[]> {
  // Told on two ways; one of them is listened to.
  response.closed.catch(() => {})
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of response.bodyStream()) {
    heard()
    text += decoder.decode(piece, { stream: true })
  }
  text += decoder.decode()
  if (text.trim() === '') return []
  const parsed: unknown = JSON.parse(text)
  return Array.isArray(parsed) ? (parsed as unknown[]) : [parsed]
}

/**
 * The life of a stream from the tag of a page. The protocol names none: of other servers nothing is known of it, and a tag
 * that merely looks alike must not count.
 */
function lifeOf(etag: string | null): string | undefined {
  return /^W\/"([^":]+):m:\d+:\d+(?::c)?"$/.exec(etag ?? '')?.[1]
}

function noJsonStream(why: string): ItxError {
  return new ItxError('BAD_REQUEST', `this is no JSON stream: ${why}`, { reason: 'content-type' })
}

/** What a failed request means: it passes with time, there is no such stream (now), or asking again cannot help. */
export type Trouble =
  | { readonly kind: 'passing'; readonly afterMs: number; readonly garbled: boolean }
  | { readonly kind: 'absent'; readonly status: number; readonly error: ItxError }
  | { readonly kind: 'final'; readonly error: Error }

const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429])
/** A server that wants to be left alone longer than this is asked all the same. */
const LONGEST_RETRY_AFTER_MS = 3_600_000

export function troubleOf(error: unknown): Trouble {
  const status = statusOf(error)
  if (status === undefined) {
    const isFinal = itxErrorCode(error) === 'BAD_REQUEST'
    // Without a status nobody has answered, or a header could not be made, or the body broke off.
    if (!isFinal) return { kind: 'passing', afterMs: 0, garbled: error instanceof SyntaxError }
    return { kind: 'final', error: error as Error }
  }
  if (status >= 500 || PASSING_STATUSES.has(status)) {
    return { kind: 'passing', afterMs: retryAfterOf(error), garbled: false }
  }
  const refused = new ItxError(
    codeOf(status),
    `the server answered with status ${status}`,
    { status },
    { cause: error },
  )
  return status === 404 || status === 410
    ? { kind: 'absent', status, error: refused }
    : { kind: 'final', error: refused }
}

function codeOf(status: number): ItxErrorCode {
  if (status === 401 || status === 403) return 'FORBIDDEN'
  return status === 404 || status === 410 ? 'NOT_FOUND' : 'BAD_REQUEST'
}

function statusOf(error: unknown): number | undefined {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  return typeof status === 'number' ? status : undefined
}

function retryAfterOf(error: unknown): number {
  const headers = (error as { headers?: Readonly<Record<string, string>> }).headers
  const value = headers?.['retry-after']
  if (value === undefined) return 0
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS)
}
