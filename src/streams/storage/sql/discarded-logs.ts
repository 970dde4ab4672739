import { ROOT_PATH, type StreamPath } from '../../path.ts'
import type { Sql, SqlCommand, SqlQuery } from './sql.ts'

/** Tables that hold a log's rows, events last: they tell how much is left. */
const TABLES = ['event_chunks', 'snapshots', 'events'] as const

/**
 * Removes streams at once and their rows later: deleting a log of a million events takes seconds, during which nobody
 * else could write.
 */
export class DiscardedLogs {
  readonly #discard: readonly SqlCommand[]
  readonly #discardBelow: readonly SqlCommand[]
  readonly #next: SqlQuery
  readonly #slices: readonly { readonly measure: SqlQuery; readonly remove: SqlCommand }[]
  readonly #forget: SqlCommand

  constructor(sql: Sql) {
    const both = (condition: string) => [
      sql.command(`insert into discarded_logs select id from streams where ${condition}`),
      sql.command(`delete from streams where ${condition}`),
    ]
    this.#discard = both('path = ?')
    this.#discardBelow = both('path > ? and path < ?')
    // Never the log of a stream that lives: no deletion may follow from a damaged number.
    this.#next = sql.query(
      'select stream_id from discarded_logs where stream_id not in (select id from streams) limit 1',
    )
    this.#slices = TABLES.map((table) => ({
      // Counted before, and not by what the deletion says: that is another number in a Durable Object.
      measure: sql.query(
        `select count(*), max(offset) from (select offset from ${table} where stream_id = ? order by offset limit ?)`,
      ),
      remove: sql.command(`delete from ${table} where stream_id = ? and offset <= ?`),
    }))
    this.#forget = sql.command('delete from discarded_logs where stream_id = ?')
  }

  /** Whether there is anything to delete. */
  any(): boolean {
    return this.#next.get() !== undefined
  }

  discard(path: StreamPath, below: boolean): void {
    for (const statement of this.#discard) statement.run(path)
    if (!below) return
    // Descendants are the range from `path/` to `path0`: '0' follows '/'.
    const base = path === ROOT_PATH ? '' : path
    for (const statement of this.#discardBelow) statement.run(`${base}/`, `${base}0`)
  }

  /** Deletes about `limit` rows of discarded logs. */
  collect(limit: number): void {
    for (let left = limit; left > 0;) {
      const next = this.#next.get() as [number] | undefined
      if (next === undefined) return
      const deleted = this.#deleteSlices(next[0], left)
      if (deleted === 0) this.#forget.run(next[0])
      left -= Math.max(deleted, 1)
    }
  }

  #deleteSlices(id: number, limit: number): number {
    let deleted = 0
    for (const { measure, remove } of this.#slices) {
      const [rows, last] = measure.get(id, limit - deleted) as [number, number | null]
      if (last !== null) remove.run(id, last)
      deleted += rows
    }
    return deleted
  }
}
