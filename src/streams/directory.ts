import { ItxError } from './errors.ts'
import { type StreamPath, parsePath } from './path.ts'
import type { CatalogueRow, CommittedReader } from './storage/port.ts'

/** Rows of one catalogue page, at most. */
export const MAX_LIST_LIMIT = 1000
const DEFAULT_LIST_LIMIT = 100
const MAX_MATCH_LENGTH = 255

export interface ChildrenOptions {
  /** Begin after this name; not together with `skip`. */
  readonly after?: string
  /** Skip this many children. */
  readonly skip?: number
  /** 1 to 1,000; 100 when absent. */
  readonly limit?: number
  /** Part of the name, in any case. */
  readonly match?: string
}

export interface ChildrenPage {
  readonly path: StreamPath
  readonly children: readonly CatalogueRow[]
  /** Children of the stream that match, on all pages. */
  readonly total: number
  /** The name to pass as `after` for the next page; null on the last. */
  readonly nextAfter: string | null
}

export interface ListOptions {
  readonly prefix?: string
  /** Begin after this path. */
  readonly after?: string
  readonly limit?: number
  /** Part of the path, in any case. */
  readonly match?: string
}

export interface StreamsPage {
  readonly streams: readonly CatalogueRow[]
  /** The path to pass as `after` for the next page; null on the last. */
  readonly nextAfter: string | null
}

/**
 * The immediate children of a stream, by name: one indexed read. A stream that does not exist has none.
 *
 * @throws {ItxError} BAD_REQUEST for a bad limit, skip or match.
 */
export function listChildren(
  reader: CommittedReader,
  path: StreamPath,
  knownCount: number | null,
  options: ChildrenOptions,
): ChildrenPage {
  const limit = pageLimit(options.limit, DEFAULT_LIST_LIMIT, MAX_LIST_LIMIT)
  const match = matchText(options.match)
  if (options.after !== undefined && options.skip !== undefined) {
    throw new ItxError('BAD_REQUEST', 'children takes "after" or "skip", not both', { field: 'skip' })
  }
  const rows = reader.children(path, {
    limit: limit + 1,
    ...(options.after === undefined ? {} : { after: options.after }),
    ...(options.skip === undefined ? {} : { skip: wholeNumber(options.skip, 'skip') }),
    ...(match === undefined ? {} : { match }),
  })
  const total = match === undefined && knownCount !== null ? knownCount : reader.countChildren(path, match)
  const children = rows.slice(0, limit)
  return { path, children, total, nextAfter: rows.length > limit ? (children.at(-1)?.name ?? null) : null }
}

/**
 * A prefix and everything below it, by path: one indexed read.
 *
 * @throws {ItxError} BAD_REQUEST for a bad prefix, limit or match.
 */
export function listStreams(reader: CommittedReader, options: ListOptions): StreamsPage {
  const limit = pageLimit(options.limit, DEFAULT_LIST_LIMIT, MAX_LIST_LIMIT)
  const match = matchText(options.match)
  const rows = reader.list(parsePath(options.prefix ?? '/'), {
    limit: limit + 1,
    ...(options.after === undefined ? {} : { after: parsePath(options.after) }),
    ...(match === undefined ? {} : { match }),
  })
  const streams = rows.slice(0, limit)
  return { streams, nextAfter: rows.length > limit ? (streams.at(-1)?.path ?? null) : null }
}

/** @throws {ItxError} BAD_REQUEST when the limit is not a whole number from 1 to `max`. */
export function pageLimit(limit: unknown, byDefault: number, max: number): number {
  if (limit === undefined) return byDefault
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > max) {
    throw new ItxError('BAD_REQUEST', `limit must be a whole number from 1 to ${max}, not ${String(limit)}`, {
      field: 'limit',
      limit: max,
    })
  }
  return limit
}

/** @throws {ItxError} BAD_REQUEST when the value is not a whole number of at least 0. */
export function wholeNumber(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new ItxError('BAD_REQUEST', `${field} must be a whole number of at least 0, not ${String(value)}`, { field })
  }
  return value
}

function matchText(match: string | undefined): string | undefined {
  if (match === undefined || match === '') return undefined
  if (match.length > MAX_MATCH_LENGTH) {
    throw new ItxError('BAD_REQUEST', `match has ${match.length} characters; at most ${MAX_MATCH_LENGTH}`, {
      field: 'match',
      limit: MAX_MATCH_LENGTH,
    })
  }
  return match
}
