import type { CoreState } from './core/state.ts'
import { ItxError, shown } from './errors.ts'
import { type StreamPath, parsePath, pathName } from './path.ts'
import type { CatalogueRow, ChildrenOrder, CommittedReader } from './storage/port.ts'

/** Rows of one catalogue page, at most. */
export const MAX_LIST_LIMIT = 1000
const DEFAULT_LIST_LIMIT = 100
const MAX_MATCH_LENGTH = 255
/** Letters that may stand apart: as a pattern they are within what every host of the engine takes (50 bytes). */
const MAX_FUZZY_LENGTH = 16

export interface ChildrenOptions {
  /** By name when absent; `created`: the newest first. */
  readonly order?: ChildrenOrder
  /** Begin after this name; not together with `skip`, and only in the order of names. */
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
  /** The name to pass as `after` for the next page; null on the last, and where the order is not that of names. */
  readonly nextAfter: string | null
}

export interface ListOptions {
  readonly prefix?: string
  /** Begin after this path. */
  readonly after?: string
  readonly limit?: number
  /** Part of the path, in any case. */
  readonly match?: string
  /** The letters of `match`, 16 at most, may stand apart in the path, as long as they are in their order. */
  readonly fuzzy?: boolean
}

export interface StreamsPage {
  readonly streams: readonly CatalogueRow[]
  /** The path to pass as `after` for the next page; null on the last. */
  readonly nextAfter: string | null
}

/**
 * The immediate children of a stream, by name or by their making: one indexed read. A stream that does not exist has none.
 *
 * @param knownCount the number of children that its state says; the last page is held against it
 * @throws {ItxError} BAD_REQUEST for a bad limit, skip, order or match, and for `after` where the order is not
 *   that of names; INTERNAL when children are missing from the list.
 */
export function listChildren(
  reader: CommittedReader,
  path: StreamPath,
  knownCount: number,
  options: ChildrenOptions,
): ChildrenPage {
  const limit = pageLimit(options.limit, DEFAULT_LIST_LIMIT, MAX_LIST_LIMIT)
  const match = matchText(options.match)
  if (options.after !== undefined && options.skip !== undefined) {
    throw new ItxError('BAD_REQUEST', 'children takes "after" or "skip", not both', { field: 'skip' })
  }
  const byName = checkedOrder(options.order) === 'name'
  if (!byName && options.after !== undefined) {
    throw new ItxError('BAD_REQUEST', 'children takes "after", a name, only in the order of names', { field: 'after' })
  }
  const rows = reader.children(path, {
    limit: limit + 1,
    ...(byName ? {} : { order: 'created' }),
    ...(options.after === undefined ? {} : { after: options.after }),
    ...(options.skip === undefined ? {} : { skip: wholeNumber(options.skip, 'skip') }),
    ...(match === undefined ? {} : { match }),
  })
  const last = rows.length <= limit
  const all = last && match === undefined && options.after === undefined && options.skip === undefined
  const total = all ? rows.length : match === undefined && !last ? knownCount : reader.countChildren(path, match)
  if (match === undefined && total !== knownCount) throw miscounted(path, 'children', knownCount, total)
  const children = rows.slice(0, limit)
  return { path, children, total, nextAfter: last || !byName ? null : (children.at(-1)?.name ?? null) }
}

function checkedOrder(order: unknown): ChildrenOrder {
  if (order === undefined || order === 'name') return 'name'
  if (order === 'created') return order
  throw new ItxError('BAD_REQUEST', `order must be "name" or "created", not ${shown(order)}`, { field: 'order' })
}

/**
 * A prefix and everything below it, by path: one indexed read.
 *
 * @param knownBelow the number of streams below the prefix that its state says; the last page is held against it
 * @throws {ItxError} BAD_REQUEST for a bad limit, prefix or match; INTERNAL when streams are missing from the list.
 */
export function listStreams(
  reader: CommittedReader,
  prefix: StreamPath,
  knownBelow: number,
  options: ListOptions,
): StreamsPage {
  const limit = pageLimit(options.limit, DEFAULT_LIST_LIMIT, MAX_LIST_LIMIT)
  const match = matchText(options.match, options.fuzzy ? MAX_FUZZY_LENGTH : MAX_MATCH_LENGTH)
  const rows = reader.list(prefix, {
    limit: limit + 1,
    ...(options.after === undefined ? {} : { after: parsePath(options.after) }),
    ...(match === undefined ? {} : { match, fuzzy: options.fuzzy ?? false }),
  })
  if (match === undefined && rows.length <= limit) {
    const all = options.after === undefined
    const below = all ? rows.filter(({ path }) => path !== prefix).length : reader.countBelow(prefix)
    if (below !== knownBelow) throw miscounted(prefix, 'streams below it', knownBelow, below)
  }
  const streams = rows.slice(0, limit)
  return { streams, nextAfter: rows.length > limit ? (streams.at(-1)?.path ?? null) : null }
}

/** A stream as the catalogue lists it. */
export function catalogueRow(state: CoreState): CatalogueRow {
  return {
    path: state.path,
    name: pathName(state.path),
    incarnationId: state.incarnationId,
    contentType: state.contentType,
    eventCount: state.eventCount,
    maxOffset: state.maxOffset,
    createdAt: state.createdAt,
    lastEventAt: state.lastEventAt,
    paused: state.paused,
    closed: state.closed,
    childCount: state.childCount,
    descendantCount: state.descendantCount,
  }
}

/** A row with a damaged path, or a damaged index, is not listed where it belongs: only the count shows it. */
function miscounted(path: StreamPath, what: string, known: number, found: number): ItxError {
  return new ItxError('INTERNAL', `${path} has ${known} ${what}, but ${found} are found`, {
    reason: 'corrupt',
    path,
  })
}

/** @throws {ItxError} BAD_REQUEST when the limit is not a whole number from 1 to `max`. */
export function pageLimit(limit: unknown, byDefault: number, max: number): number {
  if (limit === undefined) return byDefault
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > max) {
    throw new ItxError('BAD_REQUEST', `limit must be a whole number from 1 to ${max}, not ${shown(limit)}`, {
      field: 'limit',
      limit: max,
    })
  }
  return limit
}

/** @throws {ItxError} BAD_REQUEST when the value is not a whole number of at least 0. */
export function wholeNumber(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new ItxError('BAD_REQUEST', `${field} must be a whole number of at least 0, not ${shown(value)}`, { field })
  }
  return value
}

function matchText(match: string | undefined, most = MAX_MATCH_LENGTH): string | undefined {
  if (match === undefined || match === '') return undefined
  if (match.length > most) {
    throw new ItxError('BAD_REQUEST', `match has ${match.length} characters; at most ${most}`, {
      field: 'match',
      limit: MAX_MATCH_LENGTH,
    })
  }
  return match
}
