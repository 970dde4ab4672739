import { ItxError, shown } from './errors.ts'
import { type JsonText, encodeJson, memberText, parseJsonText, utf8Bytes } from './json-text.ts'

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

export const MAX_TYPE_LENGTH = 255
export const MAX_KEY_LENGTH = 255

/** Types the engine owns. Callers append them only through the methods that are meant for it. */
export const RESERVED_PREFIX = 'stream/'

const INPUT_KEYS = new Set(['type', 'payload', 'metadata', 'source', 'idempotencyKey', 'offset'])

/**
 * Validates what a caller wants to append and encodes its payload.
 *
 * @throws {ItxError} BAD_REQUEST naming the field and the rule.
 */
export function encodeInput(value: unknown): EncodedInput {
  try {
    return envelope(value, (payload, field) => encodeJson(payload, field))
  } catch (error) {
    if (error instanceof ItxError) throw error
    // What is no plain object may refuse to be looked at.
    throw bad('event', `the event cannot be read: ${error instanceof Error ? error.message : shown(error)}`)
  }
}

/**
 * Validates an input whose payload is JSON text already: what the socket carries.
 *
 * @throws {ItxError} BAD_REQUEST naming the field and the rule.
 */
export function checkEncodedInput(value: unknown): EncodedInput {
  return envelope(value, (payload, field) => {
    if (typeof payload !== 'string') throw bad(field, `${field} must be JSON text on the wire, not ${kind(payload)}`)
    return parseJsonText(payload, field)
  })
}

/**
 * Reads an input from JSON text. Payload and metadata keep the very text they were sent as, so that large integers
 * keep their digits.
 *
 * @throws {ItxError} BAD_REQUEST naming the field and the rule.
 */
export function parseEnvelope(text: string): EncodedInput {
  // The envelope adds a level; payload and metadata are each held to theirs when they are encoded.
  const json = parseJsonText(text, 'event', Infinity)
  const input = encodeInput(JSON.parse(json))
  const payload = input.payload === undefined ? null : memberText(json, 'payload')
  const metadata = input.metadata === undefined ? null : memberText(json, 'metadata')
  return { ...input, ...(payload === null ? {} : { payload }), ...(metadata === null ? {} : { metadata }) }
}

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

function envelope(value: unknown, encode: (payload: unknown, field: string) => JsonText): EncodedInput {
  if (!isRecord(value)) throw bad('event', `an event must be an object, not ${kind(value)}`)
  for (const key in value) {
    if (!INPUT_KEYS.has(key)) throw bad(key, `unknown field ${JSON.stringify(preview(key))} in an event`)
  }
  const { type, payload, metadata, source, idempotencyKey, offset } = value
  const event: { -readonly [K in keyof EncodedInput]: EncodedInput[K] } = { type: checkType(type) }
  if (payload !== undefined) event.payload = encode(payload, 'payload')
  if (metadata !== undefined) {
    const text = encode(metadata, 'metadata')
    if (!text.startsWith('{')) throw bad('metadata', 'metadata must be an object')
    event.metadata = text
  }
  if (source !== undefined) event.source = checkSource(source)
  if (idempotencyKey !== undefined) event.idempotencyKey = checkKey(idempotencyKey)
  if (offset !== undefined) event.offset = checkOffset(offset)
  return event
}

// oxlint-disable-next-line no-control-regex -- control characters are what is being refused
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

function checkType(type: unknown): string {
  if (type === undefined) throw bad('type', 'an event must have a type')
  if (typeof type !== 'string') throw bad('type', `type must be a string, not ${kind(type)}`)
  if (type.length === 0) throw bad('type', 'type must not be empty')
  if (type.length > MAX_TYPE_LENGTH) {
    throw bad('type', `type has ${type.length} characters; at most ${MAX_TYPE_LENGTH}`)
  }
  if (CONTROL.test(type)) throw bad('type', 'type must not contain control characters')
  if (!type.isWellFormed()) throw bad('type', 'type contains a lone surrogate')
  return type
}

/** Whether a string can be an event's type. */
export function isUsableType(type: unknown): type is string {
  return (
    typeof type === 'string' &&
    type.length > 0 &&
    type.length <= MAX_TYPE_LENGTH &&
    !CONTROL.test(type) &&
    type.isWellFormed()
  )
}

function checkKey(key: unknown): string {
  if (typeof key !== 'string') throw bad('idempotencyKey', `idempotencyKey must be a string, not ${kind(key)}`)
  const trimmed = key.trim()
  if (trimmed === '') throw bad('idempotencyKey', 'idempotencyKey must not be blank')
  if (trimmed.length > MAX_KEY_LENGTH) {
    throw bad('idempotencyKey', `idempotencyKey has ${trimmed.length} characters; at most ${MAX_KEY_LENGTH}`)
  }
  if (!trimmed.isWellFormed()) throw bad('idempotencyKey', 'idempotencyKey contains a lone surrogate')
  if (trimmed.startsWith(RESERVED_PREFIX)) {
    throw bad('idempotencyKey', `idempotencyKey must not begin with "${RESERVED_PREFIX}"`)
  }
  return trimmed
}

function checkOffset(offset: unknown): number {
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 1) {
    throw bad('offset', `offset must be a whole number of at least 1, not ${shown(offset)}`)
  }
  return offset
}

function checkSource(source: unknown): EventSource {
  if (!isRecord(source)) throw bad('source', `source must be an object, not ${kind(source)}`)
  closed(source, 'source', ['processor'])
  const { processor } = source
  if (processor === undefined) return {}
  if (!isRecord(processor)) throw bad('source.processor', 'source.processor must be an object')
  closed(processor, 'source.processor', ['slug', 'version'])
  const { slug, version } = processor
  if (!isShortText(slug) || !isShortText(version)) {
    throw bad('source.processor', 'source.processor needs slug and version, strings of 1 to 255 characters')
  }
  return { processor: { slug, version } }
}

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 255 && value.isWellFormed()
}

function closed(value: object, field: string, keys: readonly string[]): void {
  for (const key in value) {
    if (!keys.includes(key)) throw bad(field, `unknown field ${JSON.stringify(preview(key))} in ${field}`)
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bad(field: string, message: string): ItxError {
  return new ItxError('BAD_REQUEST', message, { field: preview(field) })
}

function kind(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}

function preview(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
