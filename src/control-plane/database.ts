import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3'
import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core'
import { ItxError } from '../streams/errors.ts'
import { migrateControlDatabase } from './migrate.ts'
import * as schema from './schema.ts'
import { addTextSearch } from './text-search.ts'

/** The open `control.db` of a data directory: one write connection, shared by the whole process. */
export interface ControlDatabase {
  readonly db: BetterSQLite3Database<typeof schema>
  readonly sqlite: Database.Database
  /** Closes the file. A second call does nothing. */
  close(): void
}

/** What runs queries: the database itself, or a transaction of it. */
export type ControlQueries = BaseSQLiteDatabase<'sync', Database.RunResult, typeof schema>

/** How long an open or a write waits for another process (server, CLI) before it gives up, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000

/**
 * Opens `control.db`, made (0600) with its directory (0700) when missing, and brings its tables up to date. Server and
 * CLI may open a fresh directory at the same moment: one migrates, the other waits and finds the work done.
 *
 * A commit is durable when it returns: WAL with synchronous=FULL, asserted here because better-sqlite3 is compiled to
 * default to NORMAL under WAL (`stack.md`, "SQLite on the server").
 *
 * @param migrationsFolder the `drizzle/` folder of the installation. An argument, since a bundle cannot find it.
 * @throws ItxError UNAVAILABLE when another process holds the file for 5 s or the disk refuses; INTERNAL when the file
 *   was written by a newer version or is damaged.
 */
export function openControlDatabase(path: string, migrationsFolder: string): ControlDatabase {
  createPrivateFile(path)
  const sqlite = new Database(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    naming(path, () => {
      enterWal(sqlite)
      sqlite.pragma('synchronous = FULL')
      const synchronous = sqlite.pragma('synchronous', { simple: true })
      if (synchronous !== 2)
        throw new ItxError('INTERNAL', `synchronous is ${String(synchronous)}; it must be 2 (FULL)`)
      migrateControlDatabase(sqlite, migrationsFolder)
      sqlite.pragma('foreign_keys = ON')
      addTextSearch(sqlite)
    })
  } catch (error) {
    sqlite.close()
    throw error
  }
  return { db: drizzle(sqlite, { schema }), sqlite, close: () => void sqlite.close() }
}

/**
 * Runs `decide` inside one write transaction that holds the write lock from its beginning, so that nothing it read can
 * change before it writes, in this process or another. Throwing inside leaves nothing behind. `decide` is synchronous.
 *
 * @throws ItxError UNAVAILABLE (`details.reason` busy or storage) when SQLite cannot write now; whatever `decide` throws.
 */
export function writeTransaction<T>(database: ControlDatabase, decide: (queries: ControlQueries) => T): T {
  try {
    return database.db.transaction(decide, { behavior: 'immediate' })
  } catch (error) {
    throw asUnavailable(error) ?? error
  }
}

function createPrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    // Exclusive: closing a second descriptor of a database this process has open would drop its POSIX locks.
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Switching to WAL ignores the busy timeout when two connections race on a fresh file; so it is tried again here. */
function enterWal(sqlite: Database.Database): void {
  const deadline = Date.now() + BUSY_TIMEOUT_MS
  for (;;) {
    try {
      if (sqlite.pragma('journal_mode = WAL', { simple: true }) === 'wal') return
    } catch (error) {
      if (sqliteCode(error)?.startsWith('SQLITE_BUSY') !== true) throw error
    }
    if (Date.now() > deadline) {
      throw new ItxError('UNAVAILABLE', `database is busy for ${BUSY_TIMEOUT_MS} ms`, { reason: 'busy' })
    }
    // The loser of the race waits for the winner's write; there is no event to wait for across processes.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
  }
}

function naming(path: string, open: () => void): void {
  try {
    open()
  } catch (error) {
    const known = asUnavailable(error) ?? error
    const message = `${path}: ${known instanceof Error ? known.message : String(known)}`
    if (!(known instanceof ItxError)) throw new ItxError('INTERNAL', message, undefined, { cause: error })
    throw new ItxError(known.code, message, known.details, { cause: error })
  }
}

function asUnavailable(error: unknown): ItxError | undefined {
  const code = sqliteCode(error)
  if (code === undefined) return undefined
  if (code.startsWith('SQLITE_BUSY')) {
    return new ItxError('UNAVAILABLE', 'the control database is busy', { reason: 'busy' }, { cause: error })
  }
  if (/^SQLITE_(FULL|IOERR|NOMEM|READONLY|CANTOPEN)/.test(code)) {
    return new ItxError(
      'UNAVAILABLE',
      `the control database cannot be written (${code})`,
      { reason: 'storage' },
      {
        cause: error,
      },
    )
  }
  return undefined
}

/** The SQLite code of an error, which Drizzle may have wrapped. */
function sqliteCode(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof Database.SqliteError) return at.code
  }
  return undefined
}
