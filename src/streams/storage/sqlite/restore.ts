import Database from 'better-sqlite3'
import { reduceCore } from '../../core/reducer.ts'
import { CORE_STATE_VERSION, type CoreState, emptyState } from '../../core/state.ts'
import type { StreamPath } from '../../path.ts'
import type { StoredStream, StreamRef } from '../port.ts'
import { eventChecksum } from '../sql/checksum.ts'
import { EventReader } from '../sql/event-reader.ts'
import { prepareSchema } from '../sql/schema.ts'
import { SnapshotRows } from '../sql/snapshot-rows.ts'
import type { Sql } from '../sql/sql.ts'
import { StateRows } from '../sql/state-rows.ts'
import { storageError } from '../sql/storage-error.ts'
import { connectionSql } from './connection-sql.ts'

const PAGE = { limit: 1000, maxBytes: 16 * 1024 * 1024, atLeastOne: true }

/**
 * Gives every stream of a project's file a new incarnation: to be called once for a file that was restored from a backup,
 * before it is served. Whoever read on from offsets of the time after the backup is then told of another life, and never
 * led on into events that are others by now (design page `streams.md`, "Storage").
 *
 * Events, keys, children and the processors' checkpoints stay. All of it is read against its checksums on the way. One
 * transaction: the file is renewed whole or left as it is. Nobody else may have it open.
 *
 * @returns the number of streams
 * @throws {ItxError} INTERNAL for a damaged row, naming stream and offset; UNAVAILABLE when the file cannot be written.
 */
export function renewIncarnations(file: string, newId: () => string): number {
  let db: Database.Database | undefined
  try {
    db = new Database(file, { fileMustExist: true })
    db.pragma('synchronous = full')
    const sql = connectionSql(db)
    return db.transaction(() => {
      prepareSchema(sql, file)
      const paths = sql.query('select path from streams order by path').all() as [StreamPath][]
      const renewal = new Renewal(sql)
      for (const [path] of paths) renewal.renew(path, newId())
      return paths.length
    })()
  } catch (error) {
    throw storageError(error)
  } finally {
    db?.close()
  }
}

class Renewal {
  readonly #states: StateRows
  readonly #events: EventReader
  readonly #snapshots: SnapshotRows
  readonly #sum
  readonly #taken

  constructor(sql: Sql) {
    this.#states = new StateRows(sql)
    this.#events = new EventReader(sql)
    this.#snapshots = new SnapshotRows(sql)
    this.#sum = sql.command('update events set checksum = ? where stream_id = ? and offset = ?')
    this.#taken = sql.query('select processor, offset from snapshots where stream_id = ?')
  }

  renew(path: StreamPath, incarnationId: string): void {
    const stored = this.#states.load(path)
    if (!stored) return
    const old: StreamRef = { id: stored.id, path, incarnationId: stored.state.incarnationId }
    const renewed: StreamRef = { ...old, incarnationId }
    const base = stored.baseState && { ...stored.baseState, incarnationId }
    const replayed = this.#renewLog(old, renewed, base ?? emptyState(path, incarnationId))
    for (const [processor, offset] of this.#taken.all(stored.id) as [string, number][]) {
      const snapshot = this.#snapshots.find(old, processor, offset)
      if (snapshot) this.#snapshots.save(renewed, processor, snapshot)
    }
    this.#states.save(stored.id, { ...replayed, ...unknownToReplay(stored) }, base)
  }

  /** @returns the state that the log alone says: the stored one may be of an older version, or behind. */
  #renewLog(old: StreamRef, renewed: StreamRef, base: CoreState): CoreState {
    let state = base
    for (;;) {
      const page = this.#events.page(old, { after: state.maxOffset, ...PAGE })
      for (const event of page.events) {
        const source = event.source === undefined ? null : JSON.stringify(event.source)
        this.#sum.run(eventChecksum(renewed, event, source), renewed.id, event.offset)
        state = reduceCore(state, event)
      }
      if (!page.full) return state
    }
  }
}

function unknownToReplay({ state, stateVersion }: StoredStream): Partial<CoreState> {
  return stateVersion === CORE_STATE_VERSION ? { breaker: state.breaker } : {}
}
