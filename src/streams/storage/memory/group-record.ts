import { crc32 } from 'node:zlib'
import type { EncodedEvent } from '../../event.ts'
import type { StreamPath } from '../../path.ts'
import type { RecordKind, Snapshot, StoredRecord, StreamRef } from '../port.ts'

/** A stream's state as a row holds it: text, so that nobody shares objects with the storage. */
export interface StateText {
  readonly state: string
  readonly stateVersion: number
  readonly baseState: string | null
}

/** One write of a group. A group is a list of them, and what the disk stores. */
export type Write =
  | {
      readonly kind: 'insert-stream'
      readonly id: number
      readonly path: StreamPath
      readonly row: StateText
      /** The logs that a fork reads. */
      readonly sources?: readonly (readonly [id: number, path: StreamPath])[]
    }
  | { readonly kind: 'save-state'; readonly id: number; readonly row: StateText }
  | { readonly kind: 'insert-events'; readonly stream: StreamRef; readonly events: readonly EncodedEvent[] }
  | { readonly kind: 'remove-streams'; readonly path: StreamPath; readonly below: boolean }
  | {
      readonly kind: 'save-snapshot'
      readonly stream: StreamRef
      readonly processor: string
      readonly snapshot: Snapshot
    }
  | {
      readonly kind: 'delete-snapshots'
      readonly id: number
      readonly processor: string
      readonly from: number
      readonly to: number
    }
  | { readonly kind: 'save-record'; readonly id: number; readonly record: StoredRecord & { readonly kind: RecordKind } }
  | {
      readonly kind: 'delete-record'
      readonly id: number
      readonly record: { readonly kind: RecordKind; readonly key: string }
    }
  | { readonly kind: 'collect-garbage'; readonly rows: number }

/** A group as one record: a checksum, then its writes. */
export function encodeGroup(writes: readonly Write[]): string {
  const text = JSON.stringify(writes)
  return `${checksum(text)} ${text}`
}

/** The writes of a record, or null when it was torn: a group is stored whole or not at all. */
export function decodeGroup(record: string): readonly Write[] | null {
  const space = record.indexOf(' ')
  const text = record.slice(space + 1)
  if (space === -1 || record.slice(0, space) !== checksum(text)) return null
  return JSON.parse(text) as readonly Write[]
}

function checksum(text: string): string {
  return crc32(text).toString(16)
}
