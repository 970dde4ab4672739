import { ItxError, shown } from './errors.ts'
import { type EncodedInput, type EventSource, RESERVED_PREFIX } from './event.ts'
import { type JsonText, encodeJson, memberText, parseJsonText } from './json-text.ts'

export const MAX_TYPE_LENGTH = 255
export const MAX_KEY_LENGTH = 255

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
