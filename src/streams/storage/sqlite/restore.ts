import Database from 'better-sqlite3'
import { reduceCore } from '../../core/reducer.ts'
import { CORE_STATE_VERSION, type CoreState, type Fork, emptyState } from '../../core/state.ts'
import type { StreamPath } from '../../path.ts'
import type { StoredStream, StreamRef } from '../port.ts'
import { eventChecksum } from '../sql/checksum.ts'
import { EventReader } from '../sql/event-reader.ts'
import { RecordRows } from '../sql/record-rows.ts'
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
 * Events, keys, children, records and the processors' checkpoints stay; forks go on reading what they read. All of it is
 * read against its checksums on the way, but for what is left of streams that were deleted: that keeps its incarnation.
 * One transaction: the file is renewed whole or left as it is. Nobody else may have it open.
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
      const streams = sql.query('select id, path from streams order by path').all() as [number, StreamPath][]
      new RecordRows(sql).checkAll()
      // Before the first of them: a fork may come before its source.
      const lives = new Map(streams.map(([id]) => [id, newId()]))
      const renewal = new Renewal(sql, lives)
      for (const [id, path] of streams) renewal.renew(id, path)
      return streams.length
    })()
  } catch (error) {
    throw storageError(error)
  } finally {
    db?.close()
  }
}

class Renewal {
  /** The new incarnations, by stream number. */
  readonly #lives: ReadonlyMap<number, string>
  readonly #states: StateRows
  readonly #events: EventReader
  readonly #snapshots: SnapshotRows
  readonly #sum
  readonly #taken

  constructor(sql: Sql, lives: ReadonlyMap<number, string>) {
    this.#lives = lives
    this.#states = new StateRows(sql)
    this.#events = new EventReader(sql)
    this.#snapshots = new SnapshotRows(sql)
    this.#sum = sql.command('update events set checksum = ? where stream_id = ? and offset = ?')
    this.#taken = sql.query('select processor, offset from snapshots where stream_id = ?')
  }

  renew(id: number, path: StreamPath): void {
    const stored = this.#states.load(path)
    const incarnationId = this.#lives.get(id)
    if (!stored || incarnationId === undefined) return
    const old: StreamRef = { id, path, incarnationId: stored.state.incarnationId }
    const renewed: StreamRef = { ...old, incarnationId }
    const base = stored.baseState && this.#renewFork({ ...stored.baseState, incarnationId })
    const replayed = this.#renewLog(old, renewed, base ?? emptyState(path, incarnationId))
    for (const [processor, offset] of this.#taken.all(id) as [string, number][]) {
      const snapshot = this.#snapshots.find(old, processor, offset)
      if (snapshot) this.#snapshots.save(renewed, processor, snapshot)
    }
    const { fork } = stored.state
    this.#states.save(id, this.#renewFork({ ...replayed, ...unknownToReplay(stored), ...(fork ? { fork } : {}) }), base)
  }

  /** What a fork reads has new incarnations as well, where its stream lives. */
  #renewFork(state: CoreState): CoreState {
    if (!state.fork) return state
    const renewed = <T extends { readonly id: number; readonly incarnationId: string }>(source: T): T => ({
      ...source,
      incarnationId: this.#lives.get(source.id) ?? source.incarnationId,
    })
    const fork: Fork = { ...renewed(state.fork), segments: state.fork.segments.map(renewed) }
    return { ...state, fork }
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
  if (stateVersion !== CORE_STATE_VERSION) return {}
  const { breaker, touchedAt } = state
  return { breaker, ...(touchedAt === undefined ? {} : { touchedAt }) }
}
