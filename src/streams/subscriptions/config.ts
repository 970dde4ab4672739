import { createHash } from 'node:crypto'
import { ItxError, shown } from '../errors.ts'
import { MAX_PATH_LENGTH, MAX_PATH_LEVELS, type StreamPath, isBelow, parsePath } from '../path.ts'
import { globMatcher } from './glob.ts'

/** What names in subscriptions are relative to, and what is below it that is no stream. */
export const STREAM_ROOT = '/v1/stream' as StreamPath
const CONTROL = `${STREAM_ROOT}/__ds`

/** Subscriptions of a project, at most. */
export const MAX_SUBSCRIPTIONS = 1000
/** Streams that one subscription names, at most. */
export const MAX_NAMED_STREAMS = 1000
/** Characters, at most. */
const MAX_ID = 128
const MAX_URL = 2048
const MAX_DESCRIPTION = 1000
const MAX_WORKER = 255
/** Milliseconds. */
const DEFAULT_LEASE = 30_000
const LEASE = { least: 1000, most: 600_000 }

/** What is kept of what a subscription was made with; it never changes. */
export interface SubscriptionConfig {
  /** Of everything it was made with, so that whoever makes it again can be told whether it is the same. */
  readonly hash: string
  readonly type: 'webhook' | 'pull-wake'
  readonly pattern: string | null
  /** Where a webhook is sent. */
  readonly url: string | null
  /** The name of the stream in which wakes are told. */
  readonly wakeStream: string | null
  readonly leaseMs: number
  readonly description: string | null
}

/**
 * A subscription as the protocol writes it (section 6.2). What it does not know it leaves alone.
 *
 * @throws {ItxError} BAD_REQUEST naming the field and the rule.
 */
export function subscriptionConfig(input: unknown): {
  readonly config: SubscriptionConfig
  /** The streams that it names, in order, each once. */
  readonly streams: readonly string[]
} {
  const given = asObject(input)
  const { type } = given
  if (type !== 'webhook' && type !== 'pull-wake') throw bad('type', 'must be "webhook" or "pull-wake"', type)
  const pattern = given['pattern'] === undefined ? null : checkPattern(given['pattern'])
  const streams = given['streams'] === undefined ? [] : streamNames(given['streams'])
  if (pattern === null && streams.length === 0) throw bad('pattern', 'or streams must be there', given['pattern'])
  const wakeStream = type === 'pull-wake' ? streamName(given['wake_stream'], 'wake_stream') : null
  if (wakeStream !== null && streams.includes(wakeStream)) {
    throw bad('streams', 'must not name the wake stream: each wake would be cause for the next', wakeStream)
  }
  const made = {
    type,
    pattern,
    url: type === 'webhook' ? checkUrl(given['webhook']) : null,
    wakeStream,
    leaseMs: checkLease(given['lease_ttl_ms']),
    description: given['description'] === undefined ? null : text(given['description'], 'description', MAX_DESCRIPTION),
  } as const
  const hash = createHash('sha256')
    .update(JSON.stringify({ ...made, streams }))
    .digest('hex')
  return { config: { ...made, hash }, streams }
}

/**
 * Names of streams, in order, each once.
 *
 * @throws {ItxError} BAD_REQUEST.
 */
export function streamNames(input: unknown): string[] {
  if (!Array.isArray(input)) throw bad('streams', 'must be an array of names', input)
  if (input.length > MAX_NAMED_STREAMS) throw over('streams', 'names', input.length, MAX_NAMED_STREAMS)
  return [...new Set(input.map((name) => streamName(name, 'streams')))].toSorted()
}

/** @throws {ItxError} BAD_REQUEST. */
export function subscriptionId(input: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is being refused
  if (input === '' || input.length > MAX_ID || /[\0-\x1f\x7f]/.test(input) || !input.isWellFormed()) {
    throw bad('id', `must have 1 to ${MAX_ID} characters, and no control character`, input)
  }
  return input
}

/** @throws {ItxError} BAD_REQUEST. */
export function workerName(input: unknown): string {
  const name = text(input, 'worker', MAX_WORKER)
  if (name === '') throw bad('worker', 'must not be empty', name)
  return name
}

/** Whether a pattern means a stream. The wake stream it never means: each wake would be cause for the next. */
export function patternMatcher({
  pattern,
  wakeStream,
}: Pick<SubscriptionConfig, 'pattern' | 'wakeStream'>): (path: StreamPath) => boolean {
  if (pattern === null) return () => false
  const matches = globMatcher(pattern)
  return (path) => {
    const name = nameOf(path)
    return name !== null && name !== wakeStream && matches(name)
  }
}

/** The name of a stream relative to the stream root; null for what is not below it, or no stream. */
export function nameOf(path: StreamPath): string | null {
  if (!isBelow(path, STREAM_ROOT) || path === CONTROL || path.startsWith(`${CONTROL}/`)) return null
  return path.slice(STREAM_ROOT.length + 1)
}

/** The path of a name that was checked. */
export function pathOf(name: string): StreamPath {
  return `${STREAM_ROOT}/${name}` as StreamPath
}

/**
 * The name of a stream, in its one form.
 *
 * @throws {ItxError} BAD_REQUEST.
 */
export function streamName(input: unknown, field: string): string {
  if (typeof input !== 'string') throw bad(field, 'must name streams', input)
  const path = parsePath(`${STREAM_ROOT}/${trimmed(input)}`)
  const name = nameOf(path)
  if (name === null) throw bad(field, 'must name streams below the stream root', input)
  return name
}

/** Slashes around a name or a pattern mean nothing. */
function trimmed(input: string): string {
  let from = 0
  let to = input.length
  while (input[from] === '/') from++
  while (to > from && input[to - 1] === '/') to--
  return input.slice(from, to)
}

function checkPattern(input: unknown): string {
  if (typeof input !== 'string') throw bad('pattern', 'must be a string', input)
  const pattern = trimmed(text(input, 'pattern', MAX_PATH_LENGTH))
  const segments = pattern.split('/')
  if (segments.length > MAX_PATH_LEVELS) throw over('pattern', 'segments', segments.length, MAX_PATH_LEVELS)
  for (const segment of segments) {
    if (/^(?:[A-Za-z0-9\-._~:@!$&'()*+,;=]|%2[Aa])+$/.test(segment) && segment !== '.' && segment !== '..') continue
    throw bad('pattern', `has the segment ${shown(segment)}, which no stream can have`, input)
  }
  return pattern
}

function checkUrl(webhook: unknown): string {
  const url = typeof webhook === 'object' && webhook !== null ? (webhook as { url?: unknown }).url : undefined
  if (url === undefined) throw bad('webhook.url', 'must be there', url)
  return text(url, 'webhook.url', MAX_URL)
}

function checkLease(input: unknown = DEFAULT_LEASE): number {
  const whole = typeof input === 'number' && Number.isInteger(input)
  if (whole && input >= LEASE.least && input <= LEASE.most) return input
  throw bad('lease_ttl_ms', `must be a whole number from ${LEASE.least} to ${LEASE.most}`, input)
}

function text(input: unknown, field: string, limit: number): string {
  if (typeof input !== 'string') throw bad(field, 'must be a string', input)
  if (!input.isWellFormed()) throw bad(field, 'must not have half a character', input)
  if (input.length <= limit) return input
  throw over(field, 'characters', input.length, limit)
}

function asObject(input: unknown): Readonly<Record<string, unknown>> {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Record<string, unknown>
  throw bad('body', 'must be a JSON object', input)
}

function over(field: string, what: string, size: number, limit: number): ItxError {
  return new ItxError('BAD_REQUEST', `${field} has ${size} ${what}; at most ${limit}`, { field, size, limit })
}

/** What there is leaves no room for one more. */
export function tooMany(what: string, count: number, limit: number): ItxError {
  return new ItxError('CONFLICT', `${count} ${what}; at most ${limit}`, { reason: 'too-many', count, limit })
}

export function bad(field: string, rule: string, value: unknown): ItxError {
  return new ItxError('BAD_REQUEST', `${field} ${rule}; not ${shown(value)}`, { field, value: shown(value) })
}
