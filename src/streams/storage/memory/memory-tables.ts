import type { KeyedEvent } from '../../core/decide.ts'
import type { CoreState } from '../../core/state.ts'
import { catalogueRow } from '../../directory.ts'
import type { EncodedEvent } from '../../event.ts'
import { type StreamPath, isBelow, parentPath, pathName } from '../../path.ts'
import { expiresAt } from '../expires-at.ts'
import type {
  EventCount,
  CataloguePage,
  CatalogueRow,
  EventPage,
  EventRange,
  ParkedSnapshot,
  RecordKind,
  SiblingsPage,
  Snapshot,
  StoredRecord,
  StoredStream,
  StreamRef,
} from '../port.ts'
import { readStitched } from '../segments.ts'
import type { StateText, Write } from './group-record.ts'
import { inOrder, matches } from './memory-catalogue.ts'
import { MemoryForks } from './memory-forks.ts'
import { MemoryLog } from './memory-log.ts'

interface StreamRow extends StateText {
  readonly id: number
  readonly path: StreamPath
}

/** The tables of one project, as plain collections. They change by `apply` alone; rows are never changed in place. */
export class MemoryTables {
  readonly #streams = new Map<StreamPath, StreamRow>()
  readonly #paths = new Map<number, StreamPath>()
  readonly #logs = new Map<number, MemoryLog>()
  readonly #discarded = new Set<number>()
  #forks = new MemoryForks()
  #lastId = 0

  copy(): MemoryTables {
    const copy = new MemoryTables()
    for (const [path, row] of this.#streams) copy.#streams.set(path, row)
    for (const [id, path] of this.#paths) copy.#paths.set(id, path)
    for (const [id, log] of this.#logs) copy.#logs.set(id, log.copy())
    for (const id of this.#discarded) copy.#discarded.add(id)
    copy.#forks = this.#forks.copy()
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
        if (write.sources) this.#forks.insert(write.id, write.sources)
        return
      case 'save-state': {
        const path = this.#paths.get(write.id)
        if (path !== undefined) this.#streams.set(path, { ...write.row, id: write.id, path })
        return
      }
      case 'insert-events':
        for (const event of write.events) this.#log(write.stream.id).insertEvent(write.stream, event)
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
        this.#log(write.stream.id).saveSnapshot(write.stream, write.processor, write.snapshot)
        return
      case 'delete-snapshots':
        this.#log(write.id).deleteSnapshots(write.processor, write.from, write.to)
        return
      case 'save-record':
        this.#log(write.id).saveRecord(write.record.kind, write.record)
        return
      case 'delete-record':
        this.#log(write.id).deleteRecord(write.record.kind, write.record.key)
        return
      case 'collect-garbage':
        this.#collectGarbage(write.rows)
    }
  }

  #collectGarbage(rows: number): void {
    this.#forks.forgetGone(this.#discarded)
    for (let left = rows; left > 0;) {
      const id = [...this.#discarded].filter((each) => !this.#forks.isRead(each)).toSorted((a, b) => a - b)[0]
      if (id === undefined) return
      const deleted = this.#log(id).deleteRows(rows)
      if (deleted === 0) {
        this.#discarded.delete(id)
        this.#logs.delete(id)
      }
      left -= Math.max(deleted, 1)
    }
  }

  #log(id: number): MemoryLog {
    const log = this.#logs.get(id) ?? new MemoryLog()
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

  findKey(stream: StreamRef, key: string): KeyedEvent | null {
    const event = this.#logs.get(stream.id)?.keyed(key)
    return event ? { offset: event.offset, createdAt: event.createdAt } : null
  }

  findEvent(stream: StreamRef, key: string): EncodedEvent | null {
    return this.#logs.get(stream.id)?.findEvent(stream, key) ?? null
  }

  lastOffset(streamId: number): number {
    return this.#logs.get(streamId)?.lastOffset ?? 0
  }

  readEvents(stream: StreamRef, range: EventRange): EventPage {
    return readStitched((log, within) => (this.#logs.get(log.id) ?? NO_LOG).readEvents(log, within), stream, range)
  }

  findSnapshot(stream: StreamRef, processor: string, atMost: number): Snapshot | null {
    return this.#logs.get(stream.id)?.findSnapshot(stream, processor, atMost) ?? null
  }

  snapshotOffsets(streamId: number, processor: string): number[] {
    return this.#logs.get(streamId)?.snapshotOffsets(processor) ?? []
  }

  findRecord(streamId: number, kind: RecordKind, key: string): string | null {
    return this.#logs.get(streamId)?.findRecord(kind, key) ?? null
  }

  listRecords(streamId: number, kind: RecordKind, after: string, limit: number): StoredRecord[] {
    return this.#logs.get(streamId)?.listRecords(kind, after, limit) ?? []
  }

  isRetained(path: StreamPath): boolean {
    return !this.#streams.has(path) && this.#forks.reads(path)
  }

  hasGarbage(): boolean {
    return [...this.#discarded].some((id) => !this.#forks.isRead(id))
  }

  children(parent: StreamPath, page: SiblingsPage): CatalogueRow[] {
    const after = page.after ?? ''
    const byName = this.#rows(
      (path) => parentPath(path) === parent && inOrder(after, pathName(path)) && matches(pathName(path), page.match),
    )
    const rows = page.order === 'created' ? newestFirst(byName, ({ createdAt }) => createdAt) : byName
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

  listExpired(at: number, limit: number): StreamPath[] {
    return this.#expiring()
      .filter((row) => row.expiresAt <= at)
      .slice(0, limit)
      .map(({ path }) => path)
  }

  nextExpiry(): number | null {
    return this.#expiring()[0]?.expiresAt ?? null
  }

  list(prefix: StreamPath, page: CataloguePage): CatalogueRow[] {
    const after = page.after ?? ''
    const rows = this.#rows(
      (path) =>
        (path === prefix || isBelow(path, prefix)) && inOrder(after, path) && matches(path, page.match, page.fuzzy),
    )
    return rows.slice(0, page.limit).map((row) => catalogueRow(JSON.parse(row.state) as CoreState))
  }

  countEvents(after: number, limit: number): EventCount {
    const page = [...this.#streams.values()]
      .toSorted((a, b) => a.id - b.id)
      .filter(({ id }) => id > after)
      .slice(0, limit)
    const events = page.map(({ state }) => (JSON.parse(state) as CoreState).eventCount)
    return {
      streams: page.length,
      events: events.reduce((sum, each) => sum + each, 0),
      last: page.length < limit ? null : (page.at(-1)?.id ?? null),
    }
  }

  listRecent(limit: number): CatalogueRow[] {
    return this.#recent(() => true).slice(0, limit)
  }

  listPaused(limit: number): CatalogueRow[] {
    return this.#recent(({ paused }) => paused).slice(0, limit)
  }

  countPaused(): number {
    return this.#recent(({ paused }) => paused).length
  }

  listParked(limit: number): ParkedSnapshot[] {
    return [...this.#streams.values()]
      .toSorted((a, b) => a.id - b.id)
      .flatMap(({ id, path }) => this.#logs.get(id)?.parked(path) ?? [])
      .slice(0, limit)
  }

  #recent(passes: (row: CatalogueRow) => boolean): CatalogueRow[] {
    return newestFirst([...this.#streams.values()], ({ lastEventAt }) => lastEventAt)
      .map(({ state }) => catalogueRow(JSON.parse(state) as CoreState))
      .filter(passes)
  }

  /** The rows of the streams that pass, by path. */
  #rows(passes: (path: StreamPath) => boolean): StreamRow[] {
    return [...this.#streams.values()].filter(({ path }) => passes(path)).toSorted(byPath)
  }

  /** Streams that end by themselves, the earliest first. */
  #expiring(): { readonly path: StreamPath; readonly expiresAt: number }[] {
    return this.#rows(() => true)
      .map(({ path, state }) => ({ path, expiresAt: expiresAt(JSON.parse(state) as CoreState) }))
      .filter((row): row is { path: StreamPath; expiresAt: number } => row.expiresAt !== null)
      .toSorted((a, b) => a.expiresAt - b.expiresAt)
  }
}

const NO_LOG = new MemoryLog()

/** Rows by a time of their state; of those of one time, the one that was made last comes first. */
function newestFirst(rows: readonly StreamRow[], timeOf: (state: CoreState) => string): StreamRow[] {
  return rows
    .map((row) => ({ row, time: timeOf(JSON.parse(row.state) as CoreState) }))
    .toSorted((a, b) => (a.time === b.time ? b.row.id - a.row.id : a.time < b.time ? 1 : -1))
    .map(({ row }) => row)
}

function byPath(a: StreamRow, b: StreamRow): number {
  return a.path === b.path ? 0 : inOrder(a.path, b.path) ? -1 : 1
}
