import type { CoreState, LogSegment } from '../core/state.ts'
import type { KeyedEvent } from '../core/decide.ts'
import type { EncodedEvent } from '../event.ts'
import type { StreamPath } from '../path.ts'

/**
 * The one storage port. It is synchronous and transactional, as in a Durable Object, so that one `Stream` class runs on
 * either host: `transactionSync` joins the open commit group, `durable` is that group's commit.
 *
 * Invariants an implementation keeps:
 * 1. What `transactionSync` wrote becomes visible to `committed` all at once or never.
 * 2. After an error inside a group nothing more runs in it; every participant hears `rolledBack` with the one error.
 * 3. `durable()` resolves only after the group's bytes are synced to the disk.
 */
export interface StreamStorage {
  /** Sees what the open group has written. Only the actors' decisions read here. */
  readonly working: WorkingReader
  /** Sees what is committed, through a connection of its own. */
  readonly committed: CommittedReader
  /**
   * Runs `write` inside the open group (opening one if there is none) and enlists the participant in it.
   *
   * Decide before, write inside: any error thrown here ends the whole group.
   * @throws {ItxError} UNAVAILABLE (disk full, read-only, busy) or INTERNAL (corrupt).
   */
  transactionSync<T>(participant: GroupParticipant, write: (tx: WriteTransaction) => NotAsync<T>): T
  /** Resolves when the open group is committed; at once when none is open. Rejects with the group's error. */
  durable(): Promise<void>
  /** Commits what is open and closes the file. */
  close(): void
}

/**
 * A transaction cannot wait: an async callback would write after the commit. This turns one into a compile error that
 * reads as a sentence.
 */
export type NotAsync<T> =
  T extends PromiseLike<unknown> ? 'a transaction must not be async: it ends when the function returns' : T

/** Whoever keeps memory that must move with a group's outcome. */
export interface GroupParticipant {
  /** Just before the commit: the writes that are done once per group. */
  flush(tx: WriteTransaction): void
  committed(): void
  rolledBack(error: unknown): void
}

/** What names a stream to the storage: `id` is its own number for it. */
export interface StreamRef {
  readonly id: number
  readonly path: StreamPath
  readonly incarnationId: string
  /** What a fork reads in the logs of others, up to where its own begins. */
  readonly segments?: readonly LogSegment[]
}

/** What small facts are kept beside the logs. */
export type RecordKind = 'producer' | 'stream-seq' | 'subscription' | 'link'

/** The stream number of facts that belong to the project as a whole. */
export const PROJECT_RECORDS = 0

/** A small fact with a name; replay could not tell it. */
export interface StoredRecord {
  readonly key: string
  /** JSON text, of about a megabyte at most: a row of a Durable Object may not exceed two. */
  readonly value: string
}

export interface StoredStream {
  readonly id: number
  readonly state: CoreState
  readonly stateVersion: number
  /** The state before `firstOffset`, for logs that begin above 1. */
  readonly baseState: CoreState | null
}

/**
 * What a processor has made of a stream's log, up to and with an offset. The newest one is its checkpoint; older ones are
 * where the state at an earlier offset is computed from.
 */
export interface Snapshot {
  readonly offset: number
  /** The version of the processor that made it. */
  readonly version: string
  /** The processor's state, as JSON text. */
  readonly state: string
  /** Effects of events at or below this offset are not run. */
  readonly effectsAfter: number
  /** Why the processor stands still here, as JSON text; null: it does not. */
  readonly parked: string | null
}

export interface WorkingReader {
  /** @throws {ItxError} INTERNAL when the row's checksum does not match. */
  loadStream(path: StreamPath): StoredStream | null
  /** The event of the stream's own log that has a key. */
  findKey(stream: StreamRef, key: string): KeyedEvent | null
  /** The offset of the newest event row; 0 when there is none. */
  lastOffset(streamId: number): number
  readEvents(stream: StreamRef, range: EventRange): EventPage
  /** The newest snapshot of a processor at or below an offset. @throws {ItxError} INTERNAL for a damaged row. */
  findSnapshot(stream: StreamRef, processor: string, atMost: number): Snapshot | null
  /** The offsets of a processor's snapshots, ascending. */
  snapshotOffsets(streamId: number, processor: string): number[]
  /** @throws {ItxError} INTERNAL when the row's checksum does not match. */
  findRecord(streamId: number, kind: RecordKind, key: string): string | null
  /** Records after a key, in the order of their keys' bytes. @throws {ItxError} INTERNAL for a damaged row. */
  listRecords(streamId: number, kind: RecordKind, after: string, limit: number): StoredRecord[]
  /** Whether there is no stream at a path, but forks still read the log of one that was. */
  isRetained(path: StreamPath): boolean
  /**
   * Whether rows of discarded logs are left that no fork reads.
   *
   * @throws {ItxError} INTERNAL when damage leaves it open which logs forks read.
   */
  hasGarbage(): boolean
}

export interface WriteTransaction {
  /** A fork's source, and whatever else it reads, is kept from now on until the fork's own log is gone. */
  insertStream(state: CoreState, base: CoreState | null): number
  insertEvents(stream: StreamRef, events: readonly EncodedEvent[]): void
  saveState(streamId: number, state: CoreState, base: CoreState | null): void
  /** Removes a stream, and what is below it; their logs become garbage. */
  removeStreams(path: StreamPath, below: boolean): void
  /** Writes a snapshot, over one at the same offset if there is one. */
  saveSnapshot(stream: StreamRef, processor: string, snapshot: Snapshot): void
  /** Deletes a processor's snapshots from an offset to another, both included. */
  deleteSnapshots(streamId: number, processor: string, from: number, to: number): void
  /** Writes a record, over the one with its key if there is one. */
  saveRecord(streamId: number, kind: RecordKind, record: StoredRecord): void
  /** Deleting what is not there is no error. */
  deleteRecord(streamId: number, kind: RecordKind, key: string): void
  /**
   * Deletes about so many rows of discarded logs that no fork reads, and forgets the forks that are gone.
   *
   * @throws {ItxError} INTERNAL as `hasGarbage`; nothing is deleted then.
   */
  collectGarbage(rows: number): void
}

export interface EventRange {
  /** Exclusive. Not before the log begins: the next event is expected to be there. */
  readonly after: number
  /**
   * Exclusive; absent: to the end. Downwards, and where core events are left out, the event before it is expected to be
   * there.
   */
  readonly before?: number
  readonly limit: number
  /** The page ends before the event that would exceed this many bytes. */
  readonly maxBytes: number
  /** The page holds its first event even when that alone exceeds `maxBytes`. */
  readonly atLeastOne?: boolean
  readonly descending?: boolean
  /** Only events that are not core events. */
  readonly visibleOnly?: boolean
}

export interface EventPage {
  readonly events: readonly EncodedEvent[]
  /** It ended at a limit: there may be more in the range. */
  readonly full: boolean
}

export interface CommittedReader {
  loadStream(path: StreamPath): StoredStream | null
  /** The offset of the newest committed event row; 0 when there is none. */
  lastOffset(streamId: number): number
  /** @throws {ItxError} INTERNAL naming stream and offset when a row's checksum does not match. */
  readEvents(stream: StreamRef, range: EventRange): EventPage
  /** As `findKey`. */
  findEvent(stream: StreamRef, key: string): EncodedEvent | null
  children(parent: StreamPath, page: SiblingsPage): CatalogueRow[]
  countChildren(parent: StreamPath, match?: string): number
  /** How many streams lie below a path. */
  countBelow(prefix: StreamPath): number
  /** Streams with processors attached, by path, after a path. */
  listProcessed(after: string, limit: number): StreamPath[]
  /** @throws {ItxError} INTERNAL when the row's checksum does not match. */
  findRecord(streamId: number, kind: RecordKind, key: string): string | null
  /** Records after a key, in the order of their keys' bytes. @throws {ItxError} INTERNAL for a damaged row. */
  listRecords(streamId: number, kind: RecordKind, after: string, limit: number): StoredRecord[]
  /** Whether there is no stream at a path, but forks still read the log of one that was. */
  isRetained(path: StreamPath): boolean
  /**
   * Streams that end by themselves at or before a time (milliseconds since the epoch), the earliest first.
   *
   * A hint: the time alone is not held against a checksum. Whoever ends a stream asks its state first, which is.
   */
  listExpired(at: number, limit: number): StreamPath[]
  /** When the next stream ends by itself, in milliseconds since the epoch; null: none does. A hint, as `listExpired`. */
  nextExpiry(): number | null
  /** The prefix itself, then what lies below it, by path. */
  list(prefix: StreamPath, page: CataloguePage): CatalogueRow[]
  /**
   * How many streams there are, and events in them, of those after a number of the storage's own (0: from the first one
   * on), at most so many streams; `last` is the number to go on after, null on the last page.
   *
   * A hint: nothing of it is held against a checksum.
   */
  countEvents(after: number, limit: number): EventCount
  /** Streams by their newest event, the newest first; where they are of one time, the one that was made last. */
  listRecent(limit: number): CatalogueRow[]
  /** Those of them that are paused. */
  listPaused(limit: number): CatalogueRow[]
  /** How many streams are paused. */
  countPaused(): number
  /**
   * Processors whose newest snapshot says that they are parked, in the order in which their streams were made, then by
   * name.
   *
   * A hint: nothing of it is held against a checksum. Whoever tells of one reads its snapshot first, which is.
   */
  listParked(limit: number): ParkedSnapshot[]
}

export interface EventCount {
  readonly streams: number
  readonly events: number
  readonly last: number | null
}

/** Where a processor is said to be parked, and which version of it. */
export interface ParkedSnapshot {
  readonly path: StreamPath
  readonly processor: string
  readonly version: string
}

/** By name, or by when they were made, the newest first; those of one time, the one that was made last. */
export type ChildrenOrder = 'name' | 'created'

export interface SiblingsPage extends CataloguePage {
  /** By name when absent. `after` is a name, and goes with that order alone. */
  readonly order?: ChildrenOrder
}

export interface CataloguePage {
  readonly limit: number
  /** Skip this many rows, or begin after this path; not both. */
  readonly skip?: number
  readonly after?: string
  /** Part of the name (children) or path (list), in any case. */
  readonly match?: string
  /** Of `list`: the letters of `match` may stand apart, as long as they are in their order. */
  readonly fuzzy?: boolean
}

/** One stream as the catalogue lists it. */
export interface CatalogueRow {
  readonly path: StreamPath
  readonly name: string
  readonly incarnationId: string
  readonly contentType: string
  readonly eventCount: number
  readonly maxOffset: number
  readonly createdAt: string
  readonly lastEventAt: string
  readonly paused: boolean
  readonly closed: boolean
  readonly childCount: number
  readonly descendantCount: number
}
