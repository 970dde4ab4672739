import type { KeyedEvent } from '../../core/decide.ts'
import { isCoreType } from '../../core/core-events.ts'
import type { CoreState } from '../../core/state.ts'
import { catalogueRow } from '../../directory.ts'
import { ItxError, missingEvent } from '../../errors.ts'
import type { EncodedEvent } from '../../event.ts'
import { utf8Bytes } from '../../json-text.ts'
import { type StreamPath, isBelow, parentPath, pathName } from '../../path.ts'
import type { CataloguePage, CatalogueRow, EventPage, EventRange, Snapshot, StoredStream, StreamRef } from '../port.ts'
import type { StateText, Write } from './group-record.ts'
import { inOrder, matches } from './memory-catalogue.ts'

/** What an event weighs in a page besides payload and metadata. */
const ROW_BYTES = 100
/** A text over this size weighs whole chunks of it, as where it is stored in chunk rows. */
const CHUNK_BYTES = 512 * 1024

interface StreamRow extends StateText {
  readonly id: number
  readonly path: StreamPath
}

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
class Log {
  events: EventRow[] = []
  readonly keys = new Map<string, EncodedEvent>()
  snapshots: SnapshotRow[] = []

  copy(): Log {
    const copy = new Log()
    copy.events = [...this.events]
    for (const [key, event] of this.keys) copy.keys.set(key, event)
    copy.snapshots = [...this.snapshots]
    return copy
  }
}

/** The tables of one project, as plain collections. They change by `apply` alone; rows are never changed in place. */
export class MemoryTables {
  readonly #streams = new Map<StreamPath, StreamRow>()
  readonly #paths = new Map<number, StreamPath>()
  readonly #logs = new Map<number, Log>()
  readonly #discarded = new Set<number>()
  #lastId = 0

  copy(): MemoryTables {
    const copy = new MemoryTables()
    for (const [path, row] of this.#streams) copy.#streams.set(path, row)
    for (const [id, path] of this.#paths) copy.#paths.set(id, path)
    for (const [id, log] of this.#logs) copy.#logs.set(id, log.copy())
    for (const id of this.#discarded) copy.#discarded.add(id)
    copy.#lastId = this.#lastId
    return copy
  }

  // -- writing ----------------------------------------------------------------------------------------------------

  /** The number that the next stream gets. Numbers are not used twice. */
  get nextId(): number {
    return this.#lastId + 1
  }

  /** @throws when a row with the same path, offset or key is there already. */
  apply(write: Write): void {
    switch (write.kind) {
      case 'insert-stream':
        if (this.#streams.has(write.path)) throw new Error(`stream ${write.path} exists already`)
        this.#streams.set(write.path, { ...write.row, id: write.id, path: write.path })
        this.#paths.set(write.id, write.path)
        this.#lastId = write.id
        return
      case 'save-state': {
        const path = this.#paths.get(write.id)
        if (path !== undefined) this.#streams.set(path, { ...write.row, id: write.id, path })
        return
      }
      case 'insert-events':
        for (const event of write.events) this.#insertEvent(write.stream, event)
        return
      case 'remove-streams':
        for (const { id, path } of this.#streams.values()) {
          if (path !== write.path && !(write.below && isBelow(path, write.path))) continue
          this.#streams.delete(path)
          this.#paths.delete(id)
          this.#discarded.add(id)
        }
        return
      case 'save-snapshot':
        this.#saveSnapshot(write.stream, write.processor, write.snapshot)
        return
      case 'delete-snapshots': {
        const log = this.#log(write.id)
        log.snapshots = log.snapshots.filter(
          ({ processor, snapshot: { offset } }) =>
            processor !== write.processor || offset < write.from || offset > write.to,
        )
        return
      }
      case 'collect-garbage':
        this.#collectGarbage(write.rows)
    }
  }

  #insertEvent(stream: StreamRef, event: EncodedEvent): void {
    const log = this.#log(stream.id)
    const at = firstAfter(log.events, event.offset - 1)
    if (log.events[at]?.event.offset === event.offset) throw new Error(`event ${event.offset} exists already`)
    const key = event.idempotencyKey
    if (key !== undefined) {
      if (log.keys.has(key)) throw new Error(`the key of event ${event.offset} exists already`)
      log.keys.set(key, event)
    }
    const row = { event, owner: ownerOf(stream), bytes: ROW_BYTES + weight(event.payload) + weight(event.metadata) }
    if (at === log.events.length) log.events.push(row)
    else log.events.splice(at, 0, row)
  }

  #saveSnapshot(stream: StreamRef, processor: string, snapshot: Snapshot): void {
    const log = this.#log(stream.id)
    const others = log.snapshots.filter((row) => row.processor !== processor || row.snapshot.offset !== snapshot.offset)
    const at = others.findIndex((row) => row.snapshot.offset > snapshot.offset)
    log.snapshots = others.toSpliced(at === -1 ? others.length : at, 0, { processor, snapshot, owner: ownerOf(stream) })
  }

  #collectGarbage(rows: number): void {
    for (let left = rows; left > 0;) {
      const id = [...this.#discarded].toSorted((a, b) => a - b)[0]
      if (id === undefined) return
      const log = this.#log(id)
      const snapshots = log.snapshots.splice(0, rows)
      const events = log.events.splice(0, rows)
      for (const { event } of events) if (event.idempotencyKey !== undefined) log.keys.delete(event.idempotencyKey)
      const deleted = snapshots.length + events.length
      if (deleted === 0) {
        this.#discarded.delete(id)
        this.#logs.delete(id)
      }
      left -= Math.max(deleted, 1)
    }
  }

  #log(id: number): Log {
    const log = this.#logs.get(id) ?? new Log()
    this.#logs.set(id, log)
    return log
  }

  // -- reading ----------------------------------------------------------------------------------------------------

  loadStream(path: StreamPath): StoredStream | null {
    const row = this.#streams.get(path)
    if (!row) return null
    return {
      id: row.id,
      state: JSON.parse(row.state) as CoreState,
      stateVersion: row.stateVersion,
      baseState: row.baseState === null ? null : (JSON.parse(row.baseState) as CoreState),
    }
  }

  findKey(streamId: number, key: string): KeyedEvent | null {
    const event = this.#logs.get(streamId)?.keys.get(key)
    return event ? { offset: event.offset, createdAt: event.createdAt } : null
  }

  findEvent(stream: StreamRef, key: string): EncodedEvent | null {
    const log = this.#logs.get(stream.id)
    const event = log?.keys.get(key)
    if (!log || !event) return null
    const row = log.events[firstAfter(log.events, event.offset - 1)]
    return row ? checked(stream, row) : null
  }

  lastOffset(streamId: number): number {
    return this.#logs.get(streamId)?.events.at(-1)?.event.offset ?? 0
  }

  readEvents(stream: StreamRef, range: EventRange): EventPage {
    const log = this.#logs.get(stream.id)?.events ?? []
    const { before = Number.MAX_SAFE_INTEGER, after, limit, descending = false } = range
    const step = descending ? -1 : 1
    const from = descending ? firstAfter(log, before - 1) - 1 : firstAfter(log, after)
    let expected: number | undefined = after + 1
    if (descending) expected = range.before === undefined ? undefined : before - 1
    const events: EncodedEvent[] = []
    let bytes = 0
    for (let i = from; events.length < limit; i += step) {
      const row = log[i]
      if (!row || row.event.offset <= after || row.event.offset >= before) return { events, full: false }
      if (expected !== undefined && row.event.offset !== expected) throw missingEvent(stream.path, expected)
      if (expected !== undefined) expected += step
      if (range.visibleOnly && isCoreType(row.event.type)) continue
      bytes += row.bytes
      if (bytes > range.maxBytes && !(events.length === 0 && range.atLeastOne)) return { events, full: true }
      events.push(checked(stream, row))
    }
    return { events, full: true }
  }

  findSnapshot(stream: StreamRef, processor: string, atMost: number): Snapshot | null {
    const row = this.#snapshots(stream.id, processor).findLast(({ snapshot }) => snapshot.offset <= atMost)
    if (!row) return null
    if (row.owner === ownerOf(stream)) return row.snapshot
    const { offset } = row.snapshot
    throw damaged(`the snapshot of ${processor} at ${stream.path} ${offset}`, { path: stream.path, offset, processor })
  }

  snapshotOffsets(streamId: number, processor: string): number[] {
    return this.#snapshots(streamId, processor).map(({ snapshot }) => snapshot.offset)
  }

  hasGarbage(): boolean {
    return this.#discarded.size > 0
  }

  children(parent: StreamPath, page: CataloguePage): CatalogueRow[] {
    const after = page.after ?? ''
    const rows = this.#rows(
      (path) => parentPath(path) === parent && inOrder(after, pathName(path)) && matches(pathName(path), page.match),
    )
    const skip = page.skip ?? 0
    return rows.slice(skip, skip + page.limit).map((row) => catalogueRow(JSON.parse(row.state) as CoreState))
  }

  countChildren(parent: StreamPath, match?: string): number {
    return this.#rows((path) => parentPath(path) === parent && matches(pathName(path), match)).length
  }

  countBelow(prefix: StreamPath): number {
    return this.#rows((path) => isBelow(path, prefix)).length
  }

  listProcessed(after: string, limit: number): StreamPath[] {
    return this.#rows((path) => inOrder(after, path))
      .filter(({ state }) => (JSON.parse(state) as CoreState).processors.some((processor) => !processor.detached))
      .slice(0, limit)
      .map(({ path }) => path)
  }

  list(prefix: StreamPath, page: CataloguePage): CatalogueRow[] {
    const after = page.after ?? ''
    const rows = this.#rows(
      (path) => (path === prefix || isBelow(path, prefix)) && inOrder(after, path) && matches(path, page.match),
    )
    return rows.slice(0, page.limit).map((row) => catalogueRow(JSON.parse(row.state) as CoreState))
  }

  /** The rows of the streams that pass, by path. */
  #rows(passes: (path: StreamPath) => boolean): StreamRow[] {
    return [...this.#streams.values()].filter(({ path }) => passes(path)).toSorted(byPath)
  }

  #snapshots(streamId: number, processor: string): SnapshotRow[] {
    return this.#logs.get(streamId)?.snapshots.filter((row) => row.processor === processor) ?? []
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

/** Bytes of a text as they count for a page: whole chunks where it is cut into chunks. */
function weight(text: string | undefined): number {
  if (text === undefined) return 0
  const bytes = utf8Bytes(text)
  return bytes > CHUNK_BYTES ? Math.ceil(bytes / CHUNK_BYTES) * CHUNK_BYTES : bytes
}

function byPath(a: StreamRow, b: StreamRow): number {
  return a.path === b.path ? 0 : inOrder(a.path, b.path) ? -1 : 1
}
