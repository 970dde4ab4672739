import { isCoreType } from '../../core/core-events.ts'
import { ItxError, missingEvent } from '../../errors.ts'
import type { EncodedEvent } from '../../event.ts'
import { eventWeight } from '../event-weight.ts'
import type { StreamPath } from '../../path.ts'
import type { EventPage, EventRange, ParkedSnapshot, RecordKind, Snapshot, StoredRecord, StreamRef } from '../port.ts'
import { inOrder } from './memory-catalogue.ts'

/** `owner` is whom the row was written for: read as somebody else's, it is damaged. */
interface EventRow {
  readonly event: EncodedEvent
  readonly owner: string
  readonly bytes: number
}

interface SnapshotRow {
  readonly snapshot: Snapshot
  readonly processor: string
  readonly owner: string
}

/** What belongs to one stream number. Events and snapshots are in the order of their offsets. */
export class MemoryLog {
  #events: EventRow[] = []
  readonly #keys = new Map<string, EncodedEvent>()
  #snapshots: SnapshotRow[] = []
  readonly #records = new Map<RecordKind, Map<string, string>>()

  copy(): MemoryLog {
    const copy = new MemoryLog()
    copy.#events = [...this.#events]
    for (const [key, event] of this.#keys) copy.#keys.set(key, event)
    copy.#snapshots = [...this.#snapshots]
    for (const [kind, records] of this.#records) copy.#records.set(kind, new Map(records))
    return copy
  }

  // -- events -----------------------------------------------------------------------------------------------------

  /** @throws when an event with the same offset or key is there already. */
  insertEvent(stream: StreamRef, event: EncodedEvent): void {
    const at = firstAfter(this.#events, event.offset - 1)
    if (this.#events[at]?.event.offset === event.offset) throw new Error(`event ${event.offset} exists already`)
    const key = event.idempotencyKey
    if (key !== undefined) {
      if (this.#keys.has(key)) throw new Error(`the key of event ${event.offset} exists already`)
      this.#keys.set(key, event)
    }
    const row = { event, owner: ownerOf(stream), bytes: eventWeight(event) }
    if (at === this.#events.length) this.#events.push(row)
    else this.#events.splice(at, 0, row)
  }

  get lastOffset(): number {
    return this.#events.at(-1)?.event.offset ?? 0
  }

  keyed(key: string): EncodedEvent | undefined {
    return this.#keys.get(key)
  }

  findEvent(stream: StreamRef, key: string): EncodedEvent | null {
    const event = this.#keys.get(key)
    const row = event && this.#events[firstAfter(this.#events, event.offset - 1)]
    return row ? checked(stream, row) : null
  }

  readEvents(stream: StreamRef, range: EventRange): EventPage {
    const rows = this.#events
    const { before = Number.MAX_SAFE_INTEGER, after, limit, descending = false } = range
    const step = descending ? -1 : 1
    const from = descending ? firstAfter(rows, before - 1) - 1 : firstAfter(rows, after)
    let expected: number | undefined = after + 1
    if (descending) expected = range.before === undefined ? undefined : before - 1
    const events: EncodedEvent[] = []
    let bytes = 0
    for (let i = from; events.length < limit; i += step) {
      const row = rows[i]
      if (!row || row.event.offset <= after || row.event.offset >= before) {
        // Where core events are left out, all events of the range are counted (port.ts, `EventRange`).
        const missing = range.visibleOnly ? missingAtEnd(range, expected) : undefined
        if (missing !== undefined) throw missingEvent(stream.path, missing)
        return { events, full: false }
      }
      if (expected !== undefined && row.event.offset !== expected) throw missingEvent(stream.path, expected)
      expected = row.event.offset + step
      if (range.visibleOnly && isCoreType(row.event.type)) continue
      bytes += row.bytes
      if (bytes > range.maxBytes && !(events.length === 0 && range.atLeastOne)) return { events, full: true }
      events.push(checked(stream, row))
    }
    return { events, full: true }
  }

  // -- snapshots --------------------------------------------------------------------------------------------------

  saveSnapshot(stream: StreamRef, processor: string, snapshot: Snapshot): void {
    const others = this.#snapshots.filter(
      (row) => row.processor !== processor || row.snapshot.offset !== snapshot.offset,
    )
    const at = others.findIndex((row) => row.snapshot.offset > snapshot.offset)
    this.#snapshots = others.toSpliced(at === -1 ? others.length : at, 0, {
      processor,
      snapshot,
      owner: ownerOf(stream),
    })
  }

  /** From an offset to another, both included. */
  deleteSnapshots(processor: string, from: number, to: number): void {
    this.#snapshots = this.#snapshots.filter(
      ({ processor: other, snapshot: { offset } }) => other !== processor || offset < from || offset > to,
    )
  }

  findSnapshot(stream: StreamRef, processor: string, atMost: number): Snapshot | null {
    const row = this.#snapshots.findLast((each) => each.processor === processor && each.snapshot.offset <= atMost)
    if (!row) return null
    if (row.owner === ownerOf(stream)) return row.snapshot
    const { offset } = row.snapshot
    throw damaged(`the snapshot of ${processor} at ${stream.path} ${offset}`, { path: stream.path, offset, processor })
  }

  snapshotOffsets(processor: string): number[] {
    return this.#snapshots.filter((row) => row.processor === processor).map(({ snapshot }) => snapshot.offset)
  }

  /** The processors whose newest snapshot says that they are parked, by name, and its version. */
  parked(path: StreamPath): ParkedSnapshot[] {
    const newest = new Map(this.#snapshots.map(({ processor, snapshot }) => [processor, snapshot]))
    return [...newest]
      .filter(([, { parked }]) => parked !== null)
      .map(([processor, { version }]) => ({ path, processor, version }))
      .toSorted((a, b) => (inOrder(a.processor, b.processor) ? -1 : 1))
  }

  // -- records ----------------------------------------------------------------------------------------------------

  saveRecord(kind: RecordKind, { key, value }: StoredRecord): void {
    const records = this.#records.get(kind) ?? new Map<string, string>()
    this.#records.set(kind, records.set(key, value))
  }

  deleteRecord(kind: RecordKind, key: string): void {
    const records = this.#records.get(kind)
    if (records?.delete(key) && records.size === 0) this.#records.delete(kind)
  }

  findRecord(kind: RecordKind, key: string): string | null {
    return this.#records.get(kind)?.get(key) ?? null
  }

  listRecords(kind: RecordKind, after: string, limit: number): StoredRecord[] {
    return [...(this.#records.get(kind) ?? [])]
      .map(([key, value]) => ({ key, value }))
      .filter(({ key }) => inOrder(after, key))
      .toSorted((a, b) => (inOrder(a.key, b.key) ? -1 : 1))
      .slice(0, limit)
  }

  // -- the end ----------------------------------------------------------------------------------------------------

  /** Deletes about so many rows. @returns how many; 0: there are none left. */
  deleteRows(limit: number): number {
    const events = this.#events.splice(0, limit)
    for (const { event } of events) if (event.idempotencyKey !== undefined) this.#keys.delete(event.idempotencyKey)
    let records = 0
    for (const [kind, { size }] of this.#records) {
      if (records >= limit) break
      this.#records.delete(kind)
      records += size
    }
    return events.length + this.#snapshots.splice(0, limit).length + records
  }
}

/** Where the first row stands whose offset is higher. */
function firstAfter(rows: readonly EventRow[], offset: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle]?.event.offset ?? Infinity) > offset) high = middle
    else low = middle + 1
  }
  return low
}

/** The event that should have been there where a range's rows end, by the one that was expected next. */
function missingAtEnd({ after, before, descending }: EventRange, expected: number | undefined): number | undefined {
  if (descending) return expected !== undefined && expected > after ? after + 1 : undefined
  return before !== undefined && expected !== undefined && expected < before ? expected : undefined
}

function ownerOf(stream: StreamRef): string {
  return `${stream.path}@${stream.incarnationId}`
}

function checked(stream: StreamRef, row: EventRow): EncodedEvent {
  if (row.owner === ownerOf(stream)) return row.event
  const { offset } = row.event
  throw damaged(`event ${offset} of ${stream.path}`, { path: stream.path, offset })
}

function damaged(what: string, details: object): ItxError {
  return new ItxError('INTERNAL', `${what} does not match its checksum`, { reason: 'corrupt', ...details })
}
