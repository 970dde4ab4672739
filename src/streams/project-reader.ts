import type { Actors } from './actors.ts'
import { type CoreState, emptyState } from './core/state.ts'
import {
  type ChildrenOptions,
  type ChildrenPage,
  type ListOptions,
  type StreamsPage,
  listChildren,
  listStreams,
  pageLimit,
  wholeNumber,
} from './directory.ts'
import { missingEvent, trimmedBelow } from './errors.ts'
import { type EncodedEvent, encodedBytes } from './event.ts'
import { ROOT_PATH, type StreamPath, parsePath } from './path.ts'
import type { CommittedReader, EventPage, EventRange, StreamRef } from './storage/port.ts'
import { findStitched } from './storage/segments.ts'

/** Events of a page, at most; bytes of a page, at most (it always holds one event). */
export const MAX_READ_LIMIT = 1000
/** Events of a page that the server itself asks for, at most: reading them holds up everybody else for milliseconds. */
export const MAX_PAGE_EVENTS = 5000
const DEFAULT_READ_LIMIT = 100
const READ_BYTES = 4 * 1024 * 1024
/** Events a filtered read looks at before it answers with what it has. */
const READ_SCAN = 10_000
/** A subscriber holds up to four batches: pages for it are smaller. */
const FEED_PAGE = { limit: 500, maxBytes: 512 * 1024, atLeastOne: true }

export interface ReadOptions {
  /** Exclusive; the beginning of the log when absent. */
  readonly after?: number
  /** Exclusive; the end when absent. */
  readonly before?: number
  /** 1 to 5,000; 100 when absent. Callers of the doors may ask for 1,000. */
  readonly limit?: number
  readonly order?: 'asc' | 'desc'
  /** Only these types. A page may then hold fewer than `limit` events and still not be the last. */
  readonly types?: readonly string[]
  /** Leave core events out, as the HTTP door does. */
  readonly visibleOnly?: boolean
}

export interface ReadPage {
  readonly events: readonly EncodedEvent[]
  /** Pass as `after` (ascending) or `before` (descending) for the next page; null on the last. */
  readonly nextCursor: number | null
  readonly maxOffset: number
  readonly incarnationId: string | null
}

/** Names one event. */
export type EventLocator = { readonly offset: number } | { readonly idempotencyKey: string }

/** The state of a stream, or of none: `exists: false` with an empty state. */
export type StreamState = CoreState & {
  readonly exists: boolean
  /** It was deleted, and forks still read its log. */
  readonly gone?: true
}

/**
 * Reads what is committed. Nothing here writes or makes an actor, unless a state must be rebuilt, or a stream is read that
 * would end without use.
 */
export class ProjectReader {
  readonly #committed: CommittedReader
  readonly #actors: Actors

  constructor(committed: CommittedReader, actors: Actors) {
    this.#committed = committed
    this.#actors = actors
  }

  async state(path: StreamPath): Promise<StreamState> {
    const found = await this.#actors.readable(path)
    if (found) return { ...found.state, exists: true }
    this.#actors.checkOpen()
    const gone = this.#committed.isRetained(path)
    return { ...emptyState(path, ''), exists: false, ...(gone ? { gone } : {}) }
  }

  /**
   * A page of events, at most 4 MiB of them.
   *
   * @throws {ItxError} BAD_REQUEST for a bad option; NOT_FOUND `trimmed` below the first offset; INTERNAL for a damaged row.
   */
  async read(path: StreamPath, options: ReadOptions = {}): Promise<ReadPage> {
    const limit = pageLimit(options.limit, DEFAULT_READ_LIMIT, MAX_PAGE_EVENTS)
    const asked = options.after === undefined ? undefined : wholeNumber(options.after, 'after')
    const before = options.before === undefined ? undefined : wholeNumber(options.before, 'before')
    const descending = options.order === 'desc'
    const types = options.types ? new Set(options.types) : null
    const found = await this.#actors.readable(path)
    if (!found) return { events: [], nextCursor: null, maxOffset: 0, incarnationId: null }
    const { ref, state } = found
    if (state.expiry) this.#actors.touchPath(path)
    if (asked !== undefined && asked + 1 < state.firstOffset) throw trimmedBelow(path, asked, state.firstOffset)
    const after = asked ?? state.firstOffset - 1
    const events: EncodedEvent[] = []
    const end = Math.min(before ?? Infinity, state.maxOffset + 1)
    const cursor = { after, before: end }
    for (let scanned = 0, bytes = 0; scanned < READ_SCAN && events.length < limit;) {
      const wanted = types ? Math.max(MAX_READ_LIMIT, limit) : limit
      const page = this.#events(ref, {
        ...cursor,
        limit: wanted,
        maxBytes: READ_BYTES - bytes,
        atLeastOne: events.length === 0,
        descending,
        ...(options.visibleOnly ? { visibleOnly: true } : {}),
      })
      for (const event of page.events) {
        cursor[descending ? 'before' : 'after'] = event.offset
        // What counts only where another page is put behind this one.
        if (types) bytes += encodedBytes(event)
        if (!types || types.has(event.type)) events.push(event)
        if (events.length === limit) break
      }
      if (!page.full && events.length < limit) {
        // The range is read to its end, so its last event must have been among them.
        const next = descending ? cursor.before - 1 : cursor.after + 1
        if (!options.visibleOnly && next > after && next < end) {
          throw this.#actors.damaged(path, missingEvent(path, next))
        }
        return pageOf(events, null, state)
      }
      // Ended by its bytes, not by its count: so does the answer.
      if (page.events.length < wanted) break
      scanned += page.events.length
    }
    const more = descending ? cursor.before > after + 1 : cursor.after + 1 < end
    return pageOf(events, more ? (descending ? cursor.before : cursor.after) : null, state)
  }

  /** @throws {ItxError} BAD_REQUEST for a bad offset; INTERNAL for a damaged row. */
  async getEvent(path: StreamPath, by: EventLocator): Promise<EncodedEvent | null> {
    const found = await this.#actors.readable(path)
    if (!found) return null
    if ('idempotencyKey' in by) {
      return this.#actors.readLog(path, () =>
        findStitched((log, key) => this.#committed.findEvent(log, key), found.ref, by.idempotencyKey.trim()),
      )
    }
    const after = wholeNumber(by.offset, 'offset') - 1
    const range = { after, before: after + 2, limit: 1, maxBytes: READ_BYTES, atLeastOne: true }
    const event = this.#events(found.ref, range).events[0]
    const { firstOffset, maxOffset } = found.state
    if (!event && by.offset >= firstOffset && by.offset <= maxOffset) {
      throw this.#actors.damaged(path, missingEvent(path, by.offset))
    }
    return event ?? null
  }

  async children(path: StreamPath, options: ChildrenOptions = {}): Promise<ChildrenPage> {
    const count = (await this.#actors.readable(path))?.state.childCount ?? 0
    this.#actors.checkOpen()
    return listChildren(this.#committed, path, count, options)
  }

  async list(options: ListOptions = {}): Promise<StreamsPage> {
    const prefix = parsePath(options.prefix ?? ROOT_PATH)
    const below = (await this.#actors.readable(prefix))?.state.descendantCount ?? 0
    this.#actors.checkOpen()
    return listStreams(this.#committed, prefix, below, options)
  }

  /** A page for a live reader that is behind its stream's ring. */
  feedPage(path: StreamPath, after: number): readonly EncodedEvent[] {
    const ref = this.#actors.committedRef(path)
    return ref ? this.page(ref, after).events : []
  }

  /** A page of one life of a stream, for whoever follows it at a pace of their own. */
  page(ref: StreamRef, after: number): EventPage {
    return this.#events(ref, { after, ...FEED_PAGE })
  }

  #events(ref: StreamRef, range: EventRange): EventPage {
    return this.#actors.readLog(ref.path, () => this.#committed.readEvents(ref, range))
  }
}

function pageOf(events: readonly EncodedEvent[], nextCursor: number | null, state: CoreState): ReadPage {
  return { events, nextCursor, maxOffset: state.maxOffset, incarnationId: state.incarnationId }
}
