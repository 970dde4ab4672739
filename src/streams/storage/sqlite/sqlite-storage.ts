import Database from 'better-sqlite3'
import { ItxError } from '../../errors.ts'
import type { StreamPath } from '../../path.ts'
import type {
  CommittedReader,
  GroupParticipant,
  NotAsync,
  StreamStorage,
  WorkingReader,
  WriteTransaction,
} from '../port.ts'
import { CatalogueReader } from './catalogue-reader.ts'
import { DiscardedLogs } from './discarded-logs.ts'
import { EventReader } from './event-reader.ts'
import { EventWriter } from './event-writer.ts'
import { type CommitScheduler, GroupCommit } from './group-commit.ts'
import { prepareSchema } from './schema.ts'
import { storageError } from './sqlite-errors.ts'
import { SnapshotRows } from './snapshot-rows.ts'
import { StateRows } from './state-rows.ts'

/**
 * One project's streams in one SQLite file: one write connection with group commit, one read-only connection.
 */
export class SqliteStorage implements StreamStorage {
  readonly working: WorkingReader
  readonly committed: CommittedReader
  readonly #write: Database.Database
  readonly #read: Database.Database
  readonly #group: GroupCommit

  /** @throws {ItxError} UNAVAILABLE or INTERNAL when the file cannot be opened. */
  constructor(file: string, scheduler: CommitScheduler) {
    const opened: Database.Database[] = []
    try {
      this.#write = new Database(file)
      opened.push(this.#write)
      this.#write.pragma('journal_mode = wal')
      // better-sqlite3 is compiled to default to NORMAL in WAL mode, which may lose the last commits with the power.
      this.#write.pragma('synchronous = full')
      this.#write.pragma('busy_timeout = 2000')
      if (this.#write.pragma('synchronous', { simple: true }) !== 2) {
        throw new ItxError('INTERNAL', `${file}: synchronous=FULL was not accepted; durability cannot be promised`)
      }
      prepareSchema(this.#write, file)
      this.#read = new Database(file, { readonly: true })
      opened.push(this.#read)
      this.working = workingReader(this.#write)
      this.committed = committedReader(this.#read)
      this.#group = new GroupCommit(this.#write, writeTransaction(this.#write), scheduler)
    } catch (error) {
      // Whoever asks again for a damaged file must not use up the process's file handles.
      for (const connection of opened) connection.close()
      throw storageError(error)
    }
  }

  transactionSync<T>(participant: GroupParticipant, write: (tx: WriteTransaction) => NotAsync<T>): T {
    return this.#group.run(participant, write as (tx: WriteTransaction) => T)
  }

  durable(): Promise<void> {
    return this.#group.durable()
  }

  /** The write connection, for tests that make the disk fail. */
  get connection(): Database.Database {
    return this.#write
  }

  close(): void {
    this.#group.commitNow()
    this.#read.close()
    try {
      this.#write.pragma('wal_checkpoint(truncate)')
    } catch {
      // A checkpoint saves work at the next start and nothing else: the log is whole without it.
    }
    this.#write.close()
  }
}

function writeTransaction(db: Database.Database): WriteTransaction {
  const rows = new StateRows(db)
  const writer = new EventWriter(db)
  const garbage = new DiscardedLogs(db)
  const snapshots = new SnapshotRows(db)
  return {
    insertStream: (state, base) => rows.insert(state, base),
    insertEvents: (stream, events) => writer.insert(stream, events),
    saveState: (id, state, base) => rows.save(id, state, base),
    saveSnapshot: (stream, processor, snapshot) => snapshots.save(stream, processor, snapshot),
    deleteSnapshots: (id, processor, from, to) => snapshots.delete(id, processor, from, to),
    removeStreams: (path, below) => garbage.discard(path, below),
    collectGarbage: (limit) => garbage.collect(limit),
  }
}

function workingReader(db: Database.Database): WorkingReader {
  const rows = new StateRows(db)
  const events = new EventReader(db)
  const snapshots = new SnapshotRows(db)
  const anyDiscarded = db.prepare('select 1 from discarded_logs limit 1')
  const findKey = db.prepare('select offset, created_at from events where stream_id = ? and key = ?').raw()
  return {
    loadStream: guarded((path: StreamPath) => rows.load(path)),
    findKey: guarded((id: number, key: string) => {
      const row = findKey.get(id, key) as [number, string] | undefined
      return row ? { offset: row[0], createdAt: row[1] } : null
    }),
    lastOffset: guarded(events.lastOffset.bind(events)),
    readEvents: guarded(events.page.bind(events)),
    findSnapshot: guarded(snapshots.find.bind(snapshots)),
    snapshotOffsets: guarded(snapshots.offsets.bind(snapshots)),
    hasGarbage: guarded(() => anyDiscarded.get() !== undefined),
  }
}

function committedReader(db: Database.Database): CommittedReader {
  const rows = new StateRows(db)
  const events = new EventReader(db)
  const catalogue = new CatalogueReader(db)
  return {
    loadStream: guarded((path: StreamPath) => rows.load(path)),
    lastOffset: guarded(events.lastOffset.bind(events)),
    readEvents: guarded(events.page.bind(events)),
    findEvent: guarded(events.byKey.bind(events)),
    children: guarded(catalogue.children.bind(catalogue)),
    countChildren: guarded(catalogue.countChildren.bind(catalogue)),
    listProcessed: guarded(catalogue.processed.bind(catalogue)),
    list: guarded(catalogue.list.bind(catalogue)),
  }
}

/** A read whose failures are coded errors. */
function guarded<A extends unknown[], R>(read: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    try {
      return read(...args)
    } catch (error) {
      throw storageError(error)
    }
  }
}
