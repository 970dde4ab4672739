import type { Fork } from '../../core/state.ts'
import type { StreamPath } from '../../path.ts'
import { sourcesOf } from '../segments.ts'
import { corruptStream } from './catalogue-columns.ts'
import type { Sql, SqlCommand, SqlQuery } from './sql.ts'

/** A number that follows from the two others of its row, in a way that SQLite can check: flip a bit of one, and it does not. */
const TIE_FACTOR = 1_000_003

/**
 * The numbers of discarded logs. Never that of a stream that lives, nor the project's own (port.ts, `PROJECT_RECORDS`):
 * no deletion may follow from a damaged number.
 */
export const DISCARDED =
  'select stream_id from discarded_logs where stream_id > 0 and stream_id not in (select id from streams)'

/**
 * That no fork reads a log, as a condition on a column that is named with its table. Asked of the rows and of their
 * index, each by itself: what damage hides in one of them is still found in the other. The tie tells the source too, and
 * is in no index: asked for `source_id`, SQLite would not look at the rows.
 */
export function unread(id: string): string {
  return `${id} not in (select (tie - fork_id) / ${TIE_FACTOR} from forks)
    and not exists (select 1 from forks as read indexed by forks_source where read.source_id = ${id})`
}

/**
 * The `forks` table: a row for each log that a fork reads besides its own, and one for its source in any case. As long
 * as such a row is there, the log is kept, whether its stream lives or not.
 */
export class ForkRows {
  readonly #insert: SqlCommand
  readonly #retained: SqlQuery
  readonly #untied: SqlQuery
  readonly #gone: SqlQuery
  readonly #forget: SqlCommand

  constructor(sql: Sql) {
    this.#insert = sql.command('insert into forks (fork_id, source_id, source_path, tie) values (?, ?, ?, ?)')
    this.#retained = sql.query(
      `select 1 from forks where source_path = ? and not exists (select 1 from streams where path = ?) limit 1`,
    )
    this.#untied = sql.query(
      `select source_path from forks where tie is not source_id * ${TIE_FACTOR} + fork_id limit 1`,
    )
    this.#gone = sql.query(
      `select distinct fork_id from forks as fork where fork_id in (${DISCARDED}) and ${unread('fork.fork_id')}`,
    )
    this.#forget = sql.command('delete from forks where fork_id = ?')
  }

  insert(forkId: number, fork: Fork): void {
    for (const [id, path] of sourcesOf(fork)) this.#insert.run(forkId, id, path, id * TIE_FACTOR + forkId)
  }

  isRetained(path: StreamPath): boolean {
    return this.#retained.get(path, path) !== undefined
  }

  /** @throws {ItxError} INTERNAL when a row is damaged: it may name another log than the one that must be kept. */
  check(): void {
    const untied = this.#untied.get() as [StreamPath] | undefined
    if (!untied) return
    throw corruptStream(untied[0], `who reads the log of ${untied[0]} as a fork cannot be told: nothing is deleted`)
  }

  /** Forgets forks whose logs are discarded and that no other fork reads: the last of a chain first, then its source. */
  forgetGone(): void {
    const forgotten = new Set<number>()
    for (;;) {
      const gone = this.#gone.all() as [number][]
      if (gone.length === 0) return
      for (const [id] of gone) {
        if (forgotten.has(id)) throw corruptStream('/', `the forks of stream number ${id} cannot be deleted`)
        forgotten.add(id)
        this.#forget.run(id)
      }
    }
  }
}
