import Database from 'better-sqlite3'
import { ItxError } from '../../errors.ts'
import type {
  CommittedReader,
  GroupParticipant,
  NotAsync,
  StreamStorage,
  WorkingReader,
  WriteTransaction,
} from '../port.ts'
import { prepareSchema } from '../sql/schema.ts'
import { storageError } from '../sql/storage-error.ts'
import { committedReader, workingReader, writeTransaction } from '../sql/tables.ts'
import { connectionSql } from './connection-sql.ts'
import { type CommitScheduler, GroupCommit } from './group-commit.ts'
import { droppedFrames, keepDamagedLog } from './write-ahead-log.ts'

/**
 * One project's streams in one SQLite file: one write connection with group commit, one read-only connection.
 */
export class SqliteStorage implements StreamStorage {
  readonly working: WorkingReader
  readonly committed: CommittedReader
  readonly #write: Database.Database
  readonly #read: Database.Database
  readonly #group: GroupCommit

  /**
   * @param warn hears of commits that were lost to a damaged write-ahead log
   * @throws {ItxError} UNAVAILABLE or INTERNAL when the file cannot be opened.
   */
  constructor(file: string, scheduler: CommitScheduler, warn: (message: string) => void = () => {}) {
    const opened: Database.Database[] = []
    try {
      this.#write = new Database(file)
      opened.push(this.#write)
      this.#write.pragma('journal_mode = wal')
      // better-sqlite3 is compiled to default to NORMAL in WAL mode, which may lose the last commits with the power.
      this.#write.pragma('synchronous = full')
      this.#write.pragma('busy_timeout = 2000')
      // A checkpoint writes what was committed into the file and syncs both: at the default of 4 MiB, where many streams are
      // appended to at once, it takes a third of the time of all commits. At 16 MiB it is a tenth.
      this.#write.pragma('wal_autocheckpoint = 4000')
      if (this.#write.pragma('synchronous', { simple: true }) !== 2) {
        throw new ItxError('INTERNAL', `${file}: synchronous=FULL was not accepted; durability cannot be promised`)
      }
      this.#checkLog(`${file}-wal`, warn)
      const sql = connectionSql(this.#write)
      this.#write.transaction(() => prepareSchema(sql, file))()
      this.#read = new Database(file, { readonly: true })
      opened.push(this.#read)
      this.working = workingReader(sql)
      this.committed = committedReader(connectionSql(this.#read))
      this.#group = new GroupCommit(this.#write, writeTransaction(sql), scheduler)
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

  /** Before the first write: it would cover what a damaged log still holds. */
  #checkLog(walFile: string, warn: (message: string) => void): void {
    const [log] = this.#write.pragma('wal_checkpoint(noop)') as [{ log: number }]
    const dropped = droppedFrames(walFile, log.log, this.#write.pragma('page_size', { simple: true }) as number)
    if (dropped === 0) return
    const copy = keepDamagedLog(walFile)
    warn(
      `${walFile} is damaged after frame ${log.log}: at least ${dropped} frames of commits that were synced could not be ` +
        `taken, so acknowledged events are missing from the ends of their streams. A copy is kept in ${copy}`,
    )
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
