import { ItxError, missingEvent } from '../../errors.ts'
import type { EncodedEvent, EventSource } from '../../event.ts'
import type { JsonText } from '../../json-text.ts'
import type { EventPage, EventRange, StreamRef } from '../port.ts'
import { eventChecksum } from './checksum.ts'
import { METADATA_PART, PAYLOAD_PART } from './event-writer.ts'
import { CHUNK_BYTES } from './schema.ts'
import type { Sql, SqlQuery } from './sql.ts'

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
/** What an event weighs besides payload and metadata. */
const ROW_BYTES = 100
// `stream/…` as a range: '0' follows '/'.
const VISIBLE = `and (type < 'stream/' or type >= 'stream0')`

/** Reads event rows in pages, puts chunks together, and holds every row against its checksum. */
export class EventReader {
  readonly #pages: Readonly<Record<string, SqlQuery>>
  readonly #byKey: SqlQuery
  readonly #last: SqlQuery
  readonly #chunks: SqlQuery

  constructor(sql: Sql) {
    const page = (filter: string, order: string) =>
      sql.query(
        `select ${COLUMNS} from events where stream_id = ? and offset > ? and offset < ? ${filter} order by offset ${order} limit ?`,
      )
    this.#pages = {
      up: page('', 'asc'),
      down: page('', 'desc'),
      upVisible: page(VISIBLE, 'asc'),
      downVisible: page(VISIBLE, 'desc'),
    }
    this.#byKey = sql.query(`select ${COLUMNS} from events where stream_id = ? and key = ?`)
    this.#last = sql.query('select max(offset) from events where stream_id = ?')
    this.#chunks = sql.query(
      'select bytes from event_chunks where stream_id = ? and offset = ? and part = ? order by chunk',
    )
  }

  page(stream: StreamRef, range: EventRange): EventPage {
    const statement = this.#pages[`${range.descending ? 'down' : 'up'}${range.visibleOnly ? 'Visible' : ''}`]
    if (!statement) throw new Error('unreachable: every kind of page has its statement')
    const events: EncodedEvent[] = []
    let bytes = 0
    let expected = range.visibleOnly ? undefined : range.descending ? minus(range.before, 1) : range.after + 1
    const rows = statement.iterate(stream.id, range.after, range.before ?? Number.MAX_SAFE_INTEGER, range.limit)
    for (const row of rows as IterableIterator<EventRow>) {
      if (expected !== undefined && row[0] !== expected) throw missingEvent(stream.path, expected)
      expected = expected === undefined ? undefined : expected + (range.descending ? -1 : 1)
      // Chunks are read after the row: a row that no longer fits must not be put together first.
      bytes += rowBytes(row)
      const first = events.length === 0 && range.atLeastOne
      if (bytes > range.maxBytes && !first) return { events, full: true }
      events.push(this.#event(stream, row))
    }
    return { events, full: events.length === range.limit }
  }

  byKey(stream: StreamRef, key: string): EncodedEvent | null {
    const row = this.#byKey.get(stream.id, key) as EventRow | undefined
    return row ? this.#event(stream, row) : null
  }

  /** The offset of the newest event row; 0 when there is none. */
  lastOffset(streamId: number): number {
    return (this.#last.get(streamId) as [number | null])[0] ?? 0
  }

  #event(stream: StreamRef, row: EventRow): EncodedEvent {
    const [offset, type, createdAt, key, payloadText, metadataText, source, raw, chunks, checksum] = row
    const payload = payloadText ?? (chunks > 0 ? this.#joined(stream, offset, PAYLOAD_PART) : null)
    const metadata = metadataText ?? (chunks > 0 ? this.#joined(stream, offset, METADATA_PART) : null)
    const event: { -readonly [K in keyof EncodedEvent]: EncodedEvent[K] } = { offset, type, createdAt }
    if (payload !== null) event.payload = payload as JsonText
    if (metadata !== null) event.metadata = metadata as JsonText
    if (key !== null) event.idempotencyKey = key
    if (raw === 1) event.raw = true
    if (eventChecksum(stream, event, source) !== checksum) {
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

  #joined(stream: StreamRef, offset: number, part: number): string | null {
    const chunks = this.#chunks.all(stream.id, offset, part) as [Uint8Array][]
    return chunks.length === 0 ? null : Buffer.concat(chunks.map(([bytes]) => bytes)).toString()
  }
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
