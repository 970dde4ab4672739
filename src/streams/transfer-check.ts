import { type StreamConfig, checkConfigChange, checkMetadata } from './core/config.ts'
import {
  CALLER_CORE_TYPES,
  CHILD_CREATED,
  CHILD_DELETED,
  CLOSED,
  CREATED,
  ERROR_OCCURRED,
  PROCESSOR_ATTACHED,
  PROCESSOR_DETACHED,
  SUBSCRIBER_CONNECTED,
  SUBSCRIBER_DISCONNECTED,
  checkCallerCoreEvent,
  checkReason,
  isCoreType,
} from './core/core-events.ts'
import { MAX_CONTENT_TYPE, isContentType } from './content-type.ts'
import { type CoreState, emptyState } from './core/state.ts'
import { ItxError, shown } from './errors.ts'
import { type EncodedEvent, RESERVED_PREFIX, type Raw } from './event.ts'
import { checkEncodedInput } from './event-input.ts'
import { encodeJson, parseJsonText } from './json-text.ts'
import type { StreamPath } from './path.ts'

/** What an import refuses or changes of what a file says: every rule for a log that others wrote. */

/** How far ahead of this server's clock an imported event may be: a later one would hold every event after it there. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1000
const MAX_RESERVED_KEY_LENGTH = 1000
/** The greatest offset that is imported: as many events again can follow before offsets run out of whole numbers. */
const MAX_IMPORTED_OFFSET = 2 ** 52

const CALLERS: ReadonlySet<string> = new Set(CALLER_CORE_TYPES)
/** Core events that speak of the place they were written in: stored, marked as imported, and not obeyed. */
const OF_THE_OLD_PLACE: ReadonlySet<string> = new Set([
  CREATED,
  CHILD_CREATED,
  CHILD_DELETED,
  PROCESSOR_ATTACHED,
  PROCESSOR_DETACHED,
])
/** Core events that change nothing but the counters. */
const OF_RECORD: ReadonlySet<string> = new Set([SUBSCRIBER_CONNECTED, SUBSCRIBER_DISCONNECTED, ERROR_OCCURRED])

const EVENT_KEYS = new Set(['offset', 'type', 'createdAt', 'payload', 'metadata', 'source', 'idempotencyKey', 'raw'])

/**
 * Validates an event of an import: the rules of append for callers' events, and for its place and time the form that
 * the engine gives them. Its sequence is another matter (`decideImport`).
 *
 * @param now wall clock, milliseconds since the epoch
 * @returns the event as it is stored
 * @throws {ItxError} BAD_REQUEST naming the offset, the field and the rule.
 */
export function checkImportedEvent(value: unknown, now: number): EncodedEvent {
  if (!isRecord(value)) throw new ItxError('BAD_REQUEST', 'an imported event must be an object', { field: 'event' })
  const { offset, createdAt, raw, idempotencyKey, ...input } = value
  if (!isImportable(offset)) {
    throw bad('offset', 'an imported event must have its offset, a whole number from 1 to 2^52')
  }
  try {
    const unknown = Object.keys(value).find((key) => !EVENT_KEYS.has(key))
    if (unknown !== undefined) throw bad('event', `unknown field ${JSON.stringify(unknown.slice(0, 80))}`)
    const key = reservedKey(input['type'], idempotencyKey)
    const checked = checkEncodedInput({ ...input, ...(key === null ? { idempotencyKey } : {}) })
    const event: EncodedEvent = {
      ...checked,
      ...(key === null ? {} : { idempotencyKey: key }),
      offset,
      createdAt: checkTime(createdAt, now),
      ...rawMark(raw, checked),
    }
    return isCoreType(event.type) ? checkCoreEvent(event) : event
  } catch (error) {
    if (!(error instanceof ItxError)) throw error
    throw new ItxError(error.code, `event ${offset}: ${error.message}`, { ...error.details, offset })
  }
}

function checkCoreEvent(event: EncodedEvent): EncodedEvent {
  if (CALLERS.has(event.type)) {
    checkCallerCoreEvent(event, CALLERS)
    return event
  }
  const payload: unknown = JSON.parse(event.payload ?? '{}')
  if (!isRecord(payload)) throw bad('payload', `the payload of ${event.type} must be an object`)
  if (event.type === CLOSED) {
    checkReason(payload['reason'])
    return event
  }
  if (OF_RECORD.has(event.type)) return event
  if (!OF_THE_OLD_PLACE.has(event.type)) {
    throw bad('type', `${JSON.stringify(event.type)} is no event of this version's engine`)
  }
  return { ...event, payload: encodeJson({ ...payload, imported: true }, 'payload') }
}

/** The engine's own keys begin with the type of the event that has them; null for every other key. */
function reservedKey(type: unknown, key: unknown): string | null {
  if (typeof key !== 'string' || typeof type !== 'string' || !isCoreType(type)) return null
  if (!key.startsWith(RESERVED_PREFIX)) return null
  if (key.startsWith(type) && key.length <= MAX_RESERVED_KEY_LENGTH && key.isWellFormed()) return key
  throw bad('idempotencyKey', `a key that begins with "${RESERVED_PREFIX}" must begin with the event's type`)
}

function rawMark(raw: unknown, event: { readonly type: string; readonly payload?: string }): { raw?: Raw } {
  if (raw === undefined) return {}
  const { type, payload } = event
  if (payload !== undefined && !isCoreType(type)) {
    if (raw === true) return { raw }
    const text: unknown = JSON.parse(payload)
    if (raw === 'text' && typeof text === 'string') return { raw }
    if (raw === 'bytes' && typeof text === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return { raw }
  }
  throw bad('raw', 'raw is true, "text" or "bytes", for a message with such a payload, or absent')
}

function checkTime(time: unknown, now: number): string {
  if (!isIsoTime(time)) throw bad('createdAt', 'createdAt must be a time such as 2026-01-01T00:00:00.000Z')
  if (Date.parse(time) > now + MAX_AHEAD_MS) {
    throw new ItxError('BAD_REQUEST', `createdAt ${time} is more than a day ahead of this server's clock`, {
      field: 'createdAt',
      value: time,
      now: new Date(now).toISOString(),
    })
  }
  return time
}

function isIsoTime(time: unknown): time is string {
  if (typeof time !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time)) return false
  const ms = Date.parse(time)
  return !Number.isNaN(ms) && new Date(ms).toISOString() === time
}

/** What a log says of itself before its first event. */
export interface LogHead {
  readonly contentType: string
  readonly firstOffset: number
  /** The core state before the first event, as JSON text; present when the log begins above 1. */
  readonly baseState?: string
}

const STATE_KEYS: ReadonlySet<string> = new Set(Object.keys(emptyState('/' as StreamPath, '')))

/**
 * The state that an imported log goes on from, in its new place: nothing in it claims children, processors or tokens of a
 * circuit breaker.
 *
 * @throws {ItxError} BAD_REQUEST naming the field: it comes out of a file.
 */
export function importedBase(path: StreamPath, incarnationId: string, head: LogHead, now: number): CoreState {
  const { contentType, firstOffset, baseState } = head
  checkContentType(contentType)
  if (!isImportable(firstOffset)) {
    throw bad('firstOffset', `firstOffset must be a whole number from 1 to 2^52, not ${shown(firstOffset)}`)
  }
  const empty = { ...emptyState(path, incarnationId), contentType }
  if (firstOffset > 1 !== (baseState !== undefined)) {
    throw bad('baseState', 'a log that begins above 1, and no other, comes with the state before its first event')
  }
  if (baseState === undefined) return empty
  const given: unknown = JSON.parse(parseJsonText(baseState, 'baseState'))
  if (!isRecord(given)) throw bad('baseState', 'baseState must be an object')
  const unknown = Object.keys(given).find((key) => !STATE_KEYS.has(key))
  if (unknown !== undefined)
    throw bad('baseState', `unknown field ${JSON.stringify(unknown.slice(0, 80))} in baseState`)
  const maxOffset = firstOffset - 1
  if (given['firstOffset'] !== firstOffset || given['maxOffset'] !== maxOffset) {
    throw bad('baseState', `baseState must be that before offset ${firstOffset}`)
  }
  const pauseReason = given['pauseReason']
  if (pauseReason !== null) checkReason(pauseReason)
  if (given['contentType'] !== contentType) throw bad('baseState', 'baseState and head name different content types')
  return {
    ...empty,
    createdAt: checkTime(given['createdAt'], now),
    eventCount: count(given, 'eventCount', maxOffset),
    firstOffset,
    maxOffset,
    lastVisibleOffset: count(given, 'lastVisibleOffset', maxOffset),
    lastEventAt: checkTime(given['lastEventAt'], now),
    paused: flag(given, 'paused'),
    pauseReason: pauseReason ?? null,
    closed: flag(given, 'closed'),
    config: baseConfig(given['config']),
    metadata: checkMetadata(given['metadata']),
  }
}

/** @throws {ItxError} BAD_REQUEST for what no stream can be created with. */
function checkContentType(contentType: unknown): void {
  if (!isContentType(contentType)) {
    throw bad('contentType', `contentType must be a media type of at most ${MAX_CONTENT_TYPE} characters`)
  }
}

function baseConfig(value: unknown): StreamConfig {
  const config = checkConfigChange(value)
  if (Object.values(config).includes(null)) throw bad('baseState', 'a setting in baseState must not be null')
  return config as StreamConfig
}

function count(state: Readonly<Record<string, unknown>>, field: string, atMost: number): number {
  const value = state[field]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= atMost) return value
  throw bad('baseState', `${field} in baseState must be a whole number from 0 to ${atMost}`)
}

function flag(state: Readonly<Record<string, unknown>>, field: string): boolean {
  const value = state[field]
  if (typeof value === 'boolean') return value
  throw bad('baseState', `${field} in baseState must be true or false`)
}

function isImportable(offset: unknown): offset is number {
  return typeof offset === 'number' && Number.isInteger(offset) && offset >= 1 && offset <= MAX_IMPORTED_OFFSET
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bad(field: string, message: string): ItxError {
  return new ItxError('BAD_REQUEST', message, { field })
}
