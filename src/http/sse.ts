import type { Writable } from 'node:stream'
import type { Instance } from '../itx/instance.ts'
import type { KnownPrincipal } from '../itx/principal.ts'
import type { ProjectAccess, StreamState } from '../itx/project-access.ts'
import type { StreamPath } from '../streams/path.ts'
import { pipedResponse } from './piped-response.ts'
import { tailOf } from './protocol-headers.ts'
import { sseForm } from './sse-frame.ts'
import { SseHub } from './sse-hub.ts'
import { SseReader } from './sse-reader.ts'
import { streamCursor } from './stream-cursor.ts'

interface SseRequest {
  readonly path: StreamPath
  /** The stream as it was found. */
  readonly state: Pick<StreamState, 'incarnationId' | 'contentType' | 'lastVisibleOffset' | 'firstOffset'>
  /** The visible event after which the reader begins. */
  readonly after: number
  /** The `cursor` that it came with. */
  readonly cursor: string | null
}

/**
 * A stream's events from an offset on, as Server-Sent Events without end (Durable Streams protocol, "SSE"). It ends when
 * the stream is closed and everything was said, when the stream is deleted or reset, when its reader loses the right, and
 * when the server stops.
 *
 * @throws {ItxError} RATE_LIMITED `readers`; UNAVAILABLE when shutting down.
 */
export function sse(
  { readers, config, log }: Pick<Instance, 'readers' | 'config' | 'log'>,
  access: ProjectAccess,
  principal: KnownPrincipal,
  { path, state, after, cursor }: SseRequest,
): Response {
  const form = sseForm(state.contentType)
  const streams = access.streams()
  let reader: SseReader | undefined
  let ended = false
  const leave = readers.enter(principal, access, () => {
    ended = true
    reader?.cut()
  })
  // As every read is: a stream that ends after a time without use goes on.
  streams.touch(path)
  const begin = (target: Writable) => {
    if (ended) return void target.end()
    const stream = { path, incarnationId: state.incarnationId, form, keepAliveMs: config.longPollMs }
    reader = new SseReader(SseHub.of(streams, stream), target, {
      // Never beyond the tail: what comes next would be missed.
      after: Math.min(after, tailOf(state)),
      cursor: Number(streamCursor(cursor)),
      onClose: leave,
      log,
    })
  }
  return pipedResponse(begin, leave, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    // Of proxies that gather an answer before they pass it on, the commonest obeys this.
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    ...(form === 'base64' ? { 'stream-sse-data-encoding': 'base64' } : {}),
  })
}
