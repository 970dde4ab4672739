import { ItxError } from './errors.ts'
import type { JsonText } from './json-text.ts'
import { utf8Bytes } from './utf8.ts'

/** Where an event came from, when code made it. */
export interface EventSource {
  readonly processor?: { readonly slug: string; readonly version: string }
}

/** What a caller appends (design page `streams.md`, "Events"). A closed object: unknown keys are refused. */
export interface EventInput {
  /** 1 to 255 characters, no control characters. `stream/…` is reserved. */
  readonly type: string
  /** Any JSON value. */
  readonly payload?: unknown
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly source?: EventSource
  /** 1 to 255 characters after trimming. A second event with the key of a first is that first event. */
  readonly idempotencyKey?: string
  /** A precondition: the offset this event must get. */
  readonly offset?: number
}

/** An event as it is read: the input plus its place and its time. */
export interface StreamEvent {
  /** 1-based, gapless within the stream. */
  readonly offset: number
  readonly type: string
  /** ISO 8601, UTC, milliseconds; never earlier than the event before it. */
  readonly createdAt: string
  readonly payload?: unknown
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly source?: EventSource
  readonly idempotencyKey?: string
}

/**
 * Marks a payload as a message of the HTTP door, to be read back as just that: `true` for a JSON value, otherwise a JSON
 * string that holds a piece of a byte stream, as text or in base64.
 */
export type Raw = true | 'text' | 'bytes'

/** An input on its way: payload and metadata as JSON text. This form crosses the socket. */
export interface EncodedInput {
  readonly type: string
  readonly payload?: JsonText
  readonly metadata?: JsonText
  readonly source?: EventSource
  readonly idempotencyKey?: string
  readonly offset?: number
  /** Set by the HTTP door alone. */
  readonly raw?: Raw
}

/** A stored event: payload and metadata as JSON text. This form is stored, delivered and sent. */
export interface EncodedEvent {
  readonly offset: number
  readonly type: string
  readonly createdAt: string
  readonly payload?: JsonText
  readonly metadata?: JsonText
  readonly source?: EventSource
  readonly idempotencyKey?: string
  readonly raw?: Raw
}

/** The answer for one appended event, at the position of its input. */
export interface Receipt {
  readonly offset: number
  readonly createdAt: string
  /** True when the idempotency key was known: offset and time are the first event's. */
  readonly duplicate: boolean
}

export interface AppendLimits {
  /** Payload and metadata of one event, in bytes of UTF-8. */
  readonly eventBytes: number
  /** Events in one batch. */
  readonly batchEvents: number
  /** Payload and metadata of a whole batch, in bytes of UTF-8. */
  readonly batchBytes: number
}

export const DEFAULT_APPEND_LIMITS: AppendLimits = {
  eventBytes: 16 * 1024 * 1024,
  batchEvents: 1000,
  batchBytes: 32 * 1024 * 1024,
}

/** Types the engine owns. Callers append them only through the methods that are meant for it. */
export const RESERVED_PREFIX = 'stream/'

/** Parses payload and metadata of a stored event. */
export function decodeEvent(event: EncodedEvent): StreamEvent {
  const { payload, metadata, raw: _raw, ...rest } = event
  return {
    ...rest,
    ...(payload === undefined ? {} : { payload: JSON.parse(payload) as unknown }),
    ...(metadata === undefined ? {} : { metadata: JSON.parse(metadata) as Record<string, unknown> }),
  }
}

/** A stored event as one line of JSON, without parsing its payload. */
export function eventJson(event: EncodedEvent): string {
  let json = `{"offset":${event.offset},"type":${JSON.stringify(event.type)},"createdAt":"${event.createdAt}"`
  if (event.payload !== undefined) json += `,"payload":${event.payload}`
  if (event.metadata !== undefined) json += `,"metadata":${event.metadata}`
  if (event.source !== undefined) json += `,"source":${JSON.stringify(event.source)}`
  if (event.idempotencyKey !== undefined) json += `,"idempotencyKey":${JSON.stringify(event.idempotencyKey)}`
  return `${json}}`
}

/** Size of an event in bytes as the limits count it: payload and metadata. */
export function encodedBytes(event: { readonly payload?: JsonText; readonly metadata?: JsonText }): number {
  return (
    (event.payload === undefined ? 0 : utf8Bytes(event.payload)) +
    (event.metadata === undefined ? 0 : utf8Bytes(event.metadata))
  )
}

/**
 * Holds a batch to the limits.
 *
 * @throws {ItxError} BAD_REQUEST with `details.reason = "too-large"`, the limit and the size.
 */
export function checkLimits(batch: readonly EncodedInput[], limits: AppendLimits): void {
  checkCount(batch, limits)
  // Three bytes are the most a UTF-16 unit can take: nearly every batch is cleared without counting.
  let most = 0
  for (const event of batch) {
    const bound = 3 * ((event.payload?.length ?? 0) + (event.metadata?.length ?? 0))
    if (bound > limits.eventBytes) {
      const bytes = encodedBytes(event)
      if (bytes > limits.eventBytes) throw tooLarge('an event', 'bytes', bytes, limits.eventBytes)
    }
    most += bound
  }
  if (most <= limits.batchBytes) return
  const total = batch.reduce((bytes, event) => bytes + encodedBytes(event), 0)
  if (total > limits.batchBytes) throw tooLarge('a batch', 'bytes', total, limits.batchBytes)
}

/**
 * Holds a batch to its number of events, before anything of them is looked at: to validate millions takes a minute.
 *
 * @throws {ItxError} BAD_REQUEST as `checkLimits`.
 */
export function checkCount(batch: readonly unknown[], { batchEvents }: Pick<AppendLimits, 'batchEvents'>): void {
  if (batch.length <= batchEvents) return
  const most = batch.every((event) => (event as EncodedInput | null)?.raw) ? mostMessages(batchEvents) : batchEvents
  if (batch.length > most) throw tooLarge('a batch', 'events', batch.length, most)
}

/** Raw messages of one batch, at most: bytes alone would let one request write tens of millions of rows. */
export function mostMessages(batchEvents: number): number {
  return 100 * batchEvents
}

/** The error for anything over a size limit; the HTTP door answers it with 413. */
export function tooLarge(what: string, unit: 'bytes' | 'events', size: number, limit: number): ItxError {
  return new ItxError('BAD_REQUEST', `${what} of ${size} ${unit} is too large; at most ${limit}`, {
    reason: 'too-large',
    unit,
    size,
    limit,
  })
}
