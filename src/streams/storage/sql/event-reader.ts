import { ItxError, missingEvent } from '../../errors.ts'
import type { EncodedEvent, EventSource } from '../../event.ts'
import type { JsonText } from '../../json-text.ts'
import { CHUNK_BYTES, ROW_BYTES } from '../event-weight.ts'
import type { EventPage, EventRange, StreamRef } from '../port.ts'
import { corruptStream } from './catalogue-columns.ts'
import { eventChecksum, holdsBytes, rawOf } from './checksum.ts'
import { METADATA_PART, PAYLOAD_PART } from './event-writer.ts'
import type { Sql, SqlQuery } from './sql.ts'
import { storageError } from './storage-error.ts'

type EventRow = [
  offset: number,
  type: string,
  createdAt: string,
  key: string | null,
  payload: string | null,
  metadata: string | null,
  source: string | null,
  raw: number,
  chunks: number,
  checksum: number,
]

const COLUMNS = 'offset, type, created_at, key, payload, metadata, source, raw, chunks, checksum'
// `stream/…` as a range: '0' follows '/'.
const VISIBLE = `(type < 'stream/' or type >= 'stream0')`

/**
 * Rows are asked for by the portion: one at a time they take half as long again. The first portion is small, since a row
 * may have half a MiB; those after it are as many as should fit into what is left of the page.
 */
const FIRST_PORTION = 16

/** Reads event rows in pages, puts chunks together, and holds every row against its checksum. */
export class EventReader {
  readonly #pages: Readonly<Record<string, SqlQuery>>
  readonly #hasKey: SqlQuery
  readonly #byKey: SqlQuery
  readonly #last: SqlQuery
  readonly #chunks: SqlQuery
  readonly #between: SqlQuery
  readonly #offsets: SqlQuery

  constructor(sql: Sql) {
    const page = (filter: string, order: string) =>
      sql.query(
        `select ${COLUMNS} from events where stream_id = ? and offset > ? and offset < ? ${filter} order by offset ${order} limit ?`,
      )
    this.#pages = {
      up: page('', 'asc'),
      down: page('', 'desc'),
      upVisible: page(`and ${VISIBLE}`, 'asc'),
      downVisible: page(`and ${VISIBLE}`, 'desc'),
    }
    this.#hasKey = sql.query('select 1 from events where stream_id = ? and key = ?')
    this.#byKey = sql.query(`select ${COLUMNS} from events where stream_id = ? and key = ?`)
    this.#last = sql.query('select max(offset) from events where stream_id = ?')
    this.#chunks = sql.query(
      'select bytes from event_chunks where stream_id = ? and offset = ? and part = ? order by chunk',
    )
    this.#between = sql.query(
      `select count(*), count(iif(${VISIBLE}, 1, null)) from events where stream_id = ? and offset > ? and offset < ?`,
    )
    this.#offsets = sql.query('select offset from events where stream_id = ? and offset > ? order by offset')
  }

  page(stream: StreamRef, range: EventRange): EventPage {
    const page = this.#page(stream, range)
    if (range.visibleOnly) this.#checkGapless(stream, range, page)
    return page
  }

  #page(stream: StreamRef, range: EventRange): EventPage {
    const statement = this.#pages[`${range.descending ? 'down' : 'up'}${range.visibleOnly ? 'Visible' : ''}`]
    if (!statement) throw new Error('unreachable: every kind of page has its statement')
    const events: EncodedEvent[] = []
    const step = range.descending ? -1 : 1
    let { after, before = Number.MAX_SAFE_INTEGER } = range
    let expected = range.descending ? minus(range.before, 1) : range.after + 1
    let bytes = 0
    try {
      for (let portion = FIRST_PORTION, done = false; !done && events.length < range.limit;) {
        const asked = Math.min(portion, range.limit - events.length)
        const rows = statement.all(stream.id, after, before, asked) as EventRow[]
        for (const row of rows) {
          const [offset] = row
          if (expected !== undefined && offset !== expected && !range.visibleOnly) {
            throw missingEvent(stream.path, expected)
          }
          expected = offset + step
          // Chunks are read after the row: a row that no longer fits must not be put together first.
          bytes += rowBytes(row)
          const first = events.length === 0 && range.atLeastOne
          if (bytes > range.maxBytes && !first) return { events, full: true }
          events.push(this.#event(stream, row))
        }
        const last = rows.at(-1)?.[0]
        done = last === undefined || rows.length < asked
        if (last !== undefined && range.descending) before = last
        else if (last !== undefined) after = last
        portion = Math.min(4 * portion, Math.ceil((Math.max(0, range.maxBytes - bytes) * events.length) / bytes) + 1)
      }
    } catch (error) {
      throw storageError(error, { path: stream.path, ...(expected === undefined ? {} : { offset: expected }) })
    }
    return { events, full: events.length === range.limit }
  }

  /**
   * Core events are left out unread, so a row that is missing would not show as a gap: the rows are counted instead. And
   * those that are not left out a second time: where a row is damaged, SQLite may end a list downwards without a word.
   */
  #checkGapless(stream: StreamRef, { after, before, descending }: EventRange, { events, full }: EventPage): void {
    const last = events.at(-1)?.offset
    // What a full page did not come to is for the next one.
    if (full && last === undefined) return
    const from = full && descending && last !== undefined ? last - 1 : after
    const end = before ?? this.lastOffset(stream.id) + 1
    const to = full && !descending && last !== undefined ? last + 1 : end
    const expected = to - from - 1
    if (expected <= 0) return
    const [found, visible] = this.#between.get(stream.id, from, to) as [number, number]
    if (found === expected) {
      if (visible === events.length) return
      throw missingEvent(stream.path, descending ? (last ?? to) - 1 : (last ?? from) + 1)
    }
    let missing = from + 1
    for (const [offset] of this.#offsets.iterate(stream.id, from) as IterableIterator<[number]>) {
      if (offset !== missing) break
      missing++
    }
    throw missingEvent(stream.path, missing)
  }

  byKey(stream: StreamRef, key: string): EncodedEvent | null {
    // Asked of the index alone; a key is mostly new.
    if (this.#hasKey.get(stream.id, key) === undefined) return null
    const row = this.#byKey.get(stream.id, key) as EventRow | undefined
    const event = row ? this.#event(stream, row) : null
    // A damaged index leads to another event, which is sound in itself, or to none.
    if (event?.idempotencyKey !== key) {
      throw corruptStream(stream.path, `the index of ${stream.path} finds a key that no event has`)
    }
    return event
  }

  /** The offset of the newest event row; 0 when there is none. */
  lastOffset(streamId: number): number {
    return (this.#last.get(streamId) as [number | null])[0] ?? 0
  }

  #event(stream: StreamRef, row: EventRow): EncodedEvent {
    const [offset, type, createdAt, key, payloadText, metadataText, source, raw, chunks, checksum] = row
    const pieces = chunks > 0 ? this.#pieces(stream, offset, payloadText, metadataText) : null
    const payload = payloadText ?? pieces?.payload ?? null
    const metadata = metadataText ?? pieces?.metadata ?? null
    const event: { -readonly [K in keyof EncodedEvent]: EncodedEvent[K] } = { offset, type, createdAt }
    if (payload !== null) event.payload = payload as JsonText
    if (metadata !== null) event.metadata = metadata as JsonText
    if (key !== null) event.idempotencyKey = key
    const mark = rawOf(raw)
    if (mark) event.raw = mark
    const counted = chunks === (pieces?.count ?? 0)
    if (mark === null || eventChecksum(stream, event, source) !== checksum || !counted || holdsBytes(row)) {
      throw new ItxError('INTERNAL', `event ${offset} of ${stream.path} does not match its checksum`, {
        reason: 'corrupt',
        path: stream.path,
        offset,
      })
    }
    // Parsed after the check: a damaged text would not parse.
    if (source !== null) event.source = JSON.parse(source) as EventSource
    return event
  }

  /** What is in chunk rows, and how many of them. */
  #pieces(stream: StreamRef, offset: number, payloadText: string | null, metadataText: string | null) {
    const read = (part: number) => (this.#chunks.all(stream.id, offset, part) as [Uint8Array][]).map(([bytes]) => bytes)
    const payload = payloadText === null ? read(PAYLOAD_PART) : []
    const metadata = metadataText === null ? read(METADATA_PART) : []
    return { payload: joined(payload), metadata: joined(metadata), count: payload.length + metadata.length }
  }
}

function joined(pieces: readonly Uint8Array[]): string | null {
  return pieces.length === 0 ? null : Buffer.concat(pieces).toString()
}

function minus(offset: number | undefined, by: number): number | undefined {
  return offset === undefined ? undefined : offset - by
}

/** Bytes of a row as they count for a page: payload and metadata, at most a chunk too many for each, and the rest. */
function rowBytes([, , , , payload, metadata, , , chunks]: EventRow): number {
  return (
    (payload ? Buffer.byteLength(payload) : 0) +
    (metadata ? Buffer.byteLength(metadata) : 0) +
    chunks * CHUNK_BYTES +
    ROW_BYTES
  )
}
