import type { EncodedEvent } from '../../event.ts'
import { CHUNK_BYTES } from '../event-weight.ts'
import type { StreamRef } from '../port.ts'
import { eventChecksum, rawCode } from './checksum.ts'
import type { Sql, SqlCommand } from './sql.ts'

/** The parts of an event that may be cut into chunks. */
export const PAYLOAD_PART = 0
export const METADATA_PART = 1

/** Writes event rows; a payload or metadata over 512 KiB goes into chunk rows. */
export class EventWriter {
  readonly #event: SqlCommand
  readonly #chunk: SqlCommand

  constructor(sql: Sql) {
    this.#event = sql.command(
      `insert into events (stream_id, offset, type, created_at, key, payload, metadata, source, raw, chunks, checksum)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#chunk = sql.command('insert into event_chunks (stream_id, offset, part, chunk, bytes) values (?, ?, ?, ?, ?)')
  }

  insert(stream: StreamRef, events: readonly EncodedEvent[]): void {
    for (const event of events) this.#insertOne(stream, event)
  }

  #insertOne(stream: StreamRef, event: EncodedEvent): void {
    const source = event.source === undefined ? null : JSON.stringify(event.source)
    const payloadChunks = this.#insertChunks(stream, event.offset, PAYLOAD_PART, event.payload)
    const metadataChunks = this.#insertChunks(stream, event.offset, METADATA_PART, event.metadata)
    this.#event.run(
      stream.id,
      event.offset,
      event.type,
      event.createdAt,
      event.idempotencyKey ?? null,
      payloadChunks > 0 ? null : (event.payload ?? null),
      metadataChunks > 0 ? null : (event.metadata ?? null),
      source,
      rawCode(event.raw),
      payloadChunks + metadataChunks,
      eventChecksum(stream, event, source),
    )
  }

  /** The number of chunks written; 0 when the text fits its column. */
  #insertChunks(stream: StreamRef, offset: number, part: number, text: string | undefined): number {
    // Three bytes are the most a UTF-16 unit can take.
    if (text === undefined || text.length * 3 <= CHUNK_BYTES) return 0
    const bytes = Buffer.from(text)
    if (bytes.length <= CHUNK_BYTES) return 0
    let chunk = 0
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      this.#chunk.run(stream.id, offset, part, chunk++, bytes.subarray(from, from + CHUNK_BYTES))
    }
    return chunk
  }
}
