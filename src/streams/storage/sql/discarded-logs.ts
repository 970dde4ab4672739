import { ROOT_PATH, type StreamPath } from '../../path.ts'
import { DISCARDED, ForkRows, unread } from './fork-rows.ts'
import type { Sql, SqlCommand, SqlQuery } from './sql.ts'

/** Tables that hold a log's rows by their offset, events last: they tell how much is left. */
const TABLES = ['event_chunks', 'snapshots', 'events'] as const

/** Counts a slice of a log's rows before it is deleted, and tells where it ends; and deletes what is up to there. */
type Slice = (id: number, limit: number) => number

/**
 * Removes streams at once and their rows later: deleting a log of a million events takes seconds, during which nobody
 * else could write. What forks read is left until they are gone themselves.
 */
export class DiscardedLogs {
  readonly #discard: readonly SqlCommand[]
  readonly #discardBelow: readonly SqlCommand[]
  readonly #forks: ForkRows
  readonly #any: SqlQuery
  readonly #free: SqlQuery
  readonly #slices: readonly Slice[]
  readonly #forget: SqlCommand

  constructor(sql: Sql) {
    const both = (condition: string) => [
      sql.command(`insert into discarded_logs select id from streams where ${condition}`),
      sql.command(`delete from streams where ${condition}`),
    ]
    this.#discard = both('path = ?')
    this.#discardBelow = both('path > ? and path < ?')
    this.#forks = new ForkRows(sql)
    this.#any = sql.query(`${DISCARDED} limit 1`)
    this.#free = sql.query(`${DISCARDED} and ${unread('discarded_logs.stream_id')} limit ?`)
    this.#slices = [records(sql), ...TABLES.map((table) => byOffset(sql, table))]
    this.#forget = sql.command('delete from discarded_logs where stream_id = ?')
  }

  /**
   * Whether there is anything to delete.
   *
   * @throws {ItxError} INTERNAL when it cannot be told what forks read.
   */
  any(): boolean {
    if (this.#any.get() === undefined) return false
    this.#forks.check()
    return this.#free.get(1) !== undefined
  }

  discard(path: StreamPath, below: boolean): void {
    for (const statement of this.#discard) statement.run(path)
    if (!below) return
    // Descendants are the range from `path/` to `path0`: '0' follows '/'.
    const base = path === ROOT_PATH ? '' : path
    for (const statement of this.#discardBelow) statement.run(`${base}/`, `${base}0`)
  }

  /**
   * Deletes about `limit` rows of discarded logs.
   *
   * @throws {ItxError} INTERNAL when it cannot be told what forks read; then nothing is deleted.
   */
  collect(limit: number): void {
    if (this.#any.get() === undefined) return
    this.#forks.check()
    this.#forks.forgetGone()
    let left = limit
    for (const [id] of this.#free.all(limit) as [number][]) {
      if (left <= 0) return
      for (let deleted = 1; deleted > 0 && left > 0; left -= Math.max(deleted, 1)) {
        deleted = this.#deleteSlices(id, left)
        if (deleted === 0) this.#forget.run(id)
      }
    }
  }

  #deleteSlices(id: number, limit: number): number {
    let deleted = 0
    for (const slice of this.#slices) deleted += slice(id, limit - deleted)
    return deleted
  }
}

function byOffset(sql: Sql, table: (typeof TABLES)[number]): Slice {
  // Counted before, and not by what the deletion says: that is another number in a Durable Object.
  const measure = sql.query(
    `select count(*), max(offset) from (select offset from ${table} where stream_id = ? order by offset limit ?)`,
  )
  const remove = sql.command(`delete from ${table} where stream_id = ? and offset <= ?`)
  return (id, limit) => {
    const [rows, last] = measure.get(id, limit) as [number, number | null]
    if (last !== null) remove.run(id, last)
    return rows
  }
}

function records(sql: Sql): Slice {
  const slice = 'from records where stream_id = ? order by kind, key limit ?'
  const measure = sql.query(`select count(*) from (select 1 ${slice})`)
  const remove = sql.command(
    `delete from records where (stream_id, kind, key) in (select stream_id, kind, key ${slice})`,
  )
  return (id, limit) => {
    const [rows] = measure.get(id, limit) as [number]
    if (rows > 0) remove.run(id, limit)
    return rows
  }
}
