import type Database from 'better-sqlite3'
import { ROOT_PATH, type StreamPath } from '../../path.ts'

/** Tables that hold a log's rows, events last: they tell how much is left. */
const TABLES = ['event_chunks', 'snapshots', 'events'] as const

/**
 * Removes streams at once and their rows later: deleting a log of a million events takes seconds, during which nobody
 * else could write.
 */
export class DiscardedLogs {
  readonly #discard: readonly Database.Statement[]
  readonly #discardBelow: readonly Database.Statement[]
  readonly #next: Database.Statement
  readonly #delete: readonly Database.Statement[]
  readonly #forget: Database.Statement

  constructor(db: Database.Database) {
    const both = (condition: string) => [
      db.prepare(`insert into discarded_logs select id from streams where ${condition}`),
      db.prepare(`delete from streams where ${condition}`),
    ]
    this.#discard = both('path = ?')
    this.#discardBelow = both('path > ? and path < ?')
    this.#next = db.prepare('select stream_id from discarded_logs limit 1').pluck()
    this.#delete = TABLES.map((table) =>
      db.prepare(
        `delete from ${table} where stream_id = @id and offset <= (
           select max(offset) from (select offset from ${table} where stream_id = @id order by offset limit @limit))`,
      ),
    )
    this.#forget = db.prepare('delete from discarded_logs where stream_id = ?')
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
      const id = this.#next.get() as number | undefined
      if (id === undefined) return
      const deleted = this.#delete.reduce((rows, statement) => rows + statement.run({ id, limit }).changes, 0)
      if (deleted === 0) this.#forget.run(id)
      left -= Math.max(deleted, 1)
    }
  }
}
