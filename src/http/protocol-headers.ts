import type { CoreState, Expiry, Producer } from '../itx/project-access.ts'
import { MAX_CONTENT_TYPE, isContentType } from '../streams/content-type.ts'
import { ItxError } from '../streams/errors.ts'
import { formatOffset, parseStreamOffset } from './http-offset.ts'
import { STREAMS_PREFIX } from './stream-path.ts'

/** The request headers of the Durable Streams protocol, read and checked; what they mean is the engine's business. */

/** The type of a stream whose creator names none. */
export const DEFAULT_BYTES_TYPE = 'application/octet-stream'
/** Characters of a producer's name or of a Stream-Seq, at most. */
const MAX_NAME = 1024
/** A hundred years: a longer time is none. */
const MAX_TTL_SECONDS = 100 * 365 * 24 * 60 * 60
const WHOLE = /^(?:0|[1-9]\d*)$/
const DIGITS = /^\d{1,16}$/
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/

/**
 * The content type that a stream is to be created with, as it was sent; undefined when there is none that could be one.
 *
 * @throws {ItxError} BAD_REQUEST for one that is long: it is kept in the state, which appends rewrite.
 */
export function contentTypeOf(headers: Headers): string | undefined {
  const value = headers.get('content-type')
  if (value === null) return undefined
  if (value.length > MAX_CONTENT_TYPE) {
    throw new ItxError('BAD_REQUEST', `content type has ${value.length} characters; at most ${MAX_CONTENT_TYPE}`, {
      field: 'content-type',
      size: value.length,
      limit: MAX_CONTENT_TYPE,
    })
  }
  return isContentType(value) ? value : undefined
}

/** When a stream is to end by itself. @throws {ItxError} BAD_REQUEST for what is no such time, or for two of them. */
export function expiryOf(headers: Headers): Expiry | undefined {
  const ttl = headers.get('stream-ttl')
  const expiresAt = headers.get('stream-expires-at')
  if (ttl !== null && expiresAt !== null) {
    throw bad('stream-expires-at', 'Stream-TTL and Stream-Expires-At exclude each other')
  }
  if (ttl !== null) {
    const ttlSeconds = Number(ttl)
    if (WHOLE.test(ttl) && ttlSeconds <= MAX_TTL_SECONDS) return { ttlSeconds }
    throw bad(
      'stream-ttl',
      `Stream-TTL must be a whole number of seconds, at most ${MAX_TTL_SECONDS}, not ${shown(ttl)}`,
    )
  }
  if (expiresAt === null) return undefined
  if (RFC3339.test(expiresAt) && !Number.isNaN(Date.parse(expiresAt))) return { expiresAt }
  throw bad(
    'stream-expires-at',
    `Stream-Expires-At must be a time such as 2026-01-01T00:00:00Z, not ${shown(expiresAt)}`,
  )
}

/** Whether nothing is to come after this request. Any value but `true` counts as none. */
export function closes(headers: Headers): boolean {
  return headers.get('stream-closed')?.trim().toLowerCase() === 'true'
}

/** Who appends, so that a retry is known. @throws {ItxError} BAD_REQUEST unless all three headers are there and good. */
export function producerOf(headers: Headers): Producer | undefined {
  const id = headers.get('producer-id')
  const epoch = headers.get('producer-epoch')
  const seq = headers.get('producer-seq')
  if (id === null && epoch === null && seq === null) return undefined
  if (id === null || epoch === null || seq === null) {
    throw bad('producer-id', 'Producer-Id, Producer-Epoch and Producer-Seq go together')
  }
  if (id.trim() === '' || id.length > MAX_NAME) {
    throw bad('producer-id', `Producer-Id must have 1 to ${MAX_NAME} characters; it has ${id.length}`)
  }
  return { id, epoch: counter('producer-epoch', epoch), seq: counter('producer-seq', seq) }
}

function counter(field: string, text: string): number {
  const value = Number(text)
  if (DIGITS.test(text) && Number.isSafeInteger(value)) return value
  throw bad(field, `${field} must be a whole number up to 2^53 - 1, not ${shown(text)}`)
}

/** @throws {ItxError} BAD_REQUEST for a Stream-Seq that is empty or long. */
export function streamSeqOf(headers: Headers): string | undefined {
  const seq = headers.get('stream-seq')
  if (seq === null) return undefined
  if (seq !== '' && seq.length <= MAX_NAME) return seq
  throw bad('stream-seq', `Stream-Seq must have 1 to ${MAX_NAME} characters; it has ${seq.length}`)
}

/** What a fork is to be made of. */
export interface ForkRequest {
  /** The source's path inside the project, not yet looked at. */
  readonly rawPath: string
  /** Undefined: the source's end. */
  readonly offset: number | undefined
  readonly subOffset: number
}

/** @throws {ItxError} BAD_REQUEST for headers of a fork that name no source, or are malformed. */
export function forkOf(headers: Headers, project: string): ForkRequest | undefined {
  const from = headers.get('stream-forked-from')
  const offset = headers.get('stream-fork-offset')
  const subOffset = headers.get('stream-fork-sub-offset')
  if (from === null) {
    const field = subOffset === null ? 'stream-fork-offset' : 'stream-fork-sub-offset'
    if (offset === null && subOffset === null) return undefined
    throw bad(field, `${field} needs Stream-Forked-From`)
  }
  if (subOffset !== null && !(WHOLE.test(subOffset) && Number.isSafeInteger(Number(subOffset)))) {
    throw bad('stream-fork-sub-offset', `Stream-Fork-Sub-Offset must be a whole number, not ${shown(subOffset)}`)
  }
  return {
    rawPath: sourcePath(from, project),
    offset: offset === null ? undefined : parseStreamOffset(offset, 'stream-fork-offset'),
    subOffset: Number(subOffset ?? '0'),
  }
}

/** A source is named below the project, or by its whole address. */
function sourcePath(from: string, project: string): string {
  const path = /^https?:\/\//i.test(from) && URL.canParse(from) ? new URL(from).pathname : from
  const root = `${STREAMS_PREFIX}${encodeURIComponent(project)}/`
  const inside = path.startsWith(root) ? path.slice(root.length - 1) : path
  if (inside.startsWith('/')) return inside
  throw bad('stream-forked-from', `Stream-Forked-From must be the path of a stream, not ${shown(from)}`)
}

/** Where a stream ends for who reads messages: at the last of them, and never before the beginning of what is left. */
export function tailOf({
  lastVisibleOffset,
  firstOffset,
}: Pick<CoreState, 'lastVisibleOffset' | 'firstOffset'>): number {
  return Math.max(lastVisibleOffset, firstOffset - 1)
}

/** What every answer about a stream says of it: its type, its end, and how it ends. */
export function streamHeaders(state: CoreState): Record<string, string> {
  return {
    'content-type': state.contentType,
    'stream-next-offset': formatOffset(tailOf(state)),
    ...(state.closed ? { 'stream-closed': 'true' } : {}),
  }
}

export function expiryHeaders({ expiry }: CoreState): Record<string, string> {
  if (expiry === undefined) return {}
  return 'ttlSeconds' in expiry
    ? { 'stream-ttl': String(expiry.ttlSeconds) }
    : { 'stream-expires-at': expiry.expiresAt }
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, 80))
}

function bad(field: string, message: string): ItxError {
  return new ItxError('BAD_REQUEST', message, { field })
}
