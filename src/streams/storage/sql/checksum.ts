import { crc32 } from 'node:zlib'
import type { EncodedEvent, Raw } from '../../event.ts'
import type { RecordKind, Snapshot, StoredRecord, StreamRef } from '../port.ts'
import type { SqlValue } from './sql.ts'

/**
 * Checksum of an event row. It covers where the row belongs too, so that a row that strayed to another stream,
 * incarnation or offset is found out. Lengths stand before free text: no two events share one encoding.
 */
export function eventChecksum(stream: StreamRef, event: EncodedEvent, source: string | null): number {
  return crc32(
    `${stream.path}\n${stream.incarnationId}\n${event.offset}\n${event.type}\n${event.createdAt}\n${rawCode(event.raw)}\n` +
      `${sized(event.idempotencyKey)}\n${sized(event.metadata)}\n${sized(source)}\n${sized(event.payload)}`,
  )
}

/** Checksum of a state row. */
export function stateChecksum(path: string, version: number, state: string, baseState: string | null): number {
  return crc32(`${path}\n${version}\n${sized(baseState)}\n${state}`)
}

/** Checksum of the columns of a stream's row that the catalogue lists, its place in the tree among them. */
export function catalogueChecksum(values: readonly SqlValue[]): number {
  return crc32(values.join('\n'))
}

/** Checksum of a snapshot row. */
export function snapshotChecksum(stream: StreamRef, processor: string, snapshot: Snapshot): number {
  const { offset, version, effectsAfter, parked, state } = snapshot
  return crc32(
    `${stream.path}\n${stream.incarnationId}\n${processor}\n${offset}\n${effectsAfter}\n` +
      `${sized(version)}\n${sized(parked)}\n${state}`,
  )
}

/** Checksum of a record's row. */
export function recordChecksum(streamId: number, kind: RecordKind, { key, value }: StoredRecord): number {
  return crc32(`${streamId}\n${kind}\n${sized(key)}\n${value}`)
}

/** How a column, and a checksum, spells the mark of a raw message. Never another way: stored rows are held against it. */
export function rawCode(raw: Raw | undefined): number {
  switch (raw) {
    case undefined:
      return 0
    case true:
      return 1
    case 'text':
      return 2
    case 'bytes':
      return 3
  }
}

const RAW_MARKS: readonly (Raw | undefined)[] = [undefined, true, 'text', 'bytes']

/** What a code stands for; undefined: no raw message; null: nothing that was ever written. */
export function rawOf(code: number): Raw | undefined | null {
  return code === 0 ? undefined : (RAW_MARKS[code] ?? null)
}

/** Whether a row has bytes where it should have text: read as text they would have the same checksum. */
export function holdsBytes(row: readonly unknown[]): boolean {
  return row.some((value) => typeof value === 'object' && value !== null)
}

function sized(text: string | null | undefined): string {
  return text === null || text === undefined ? '-' : `${text.length}:${text}`
}
