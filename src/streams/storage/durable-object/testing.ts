import Database from 'better-sqlite3'
import type { ObjectStorage } from './object-sql.ts'

type Exec = ObjectStorage['sql']['exec']

/**
 * A Durable Object's `ctx.storage` over SQLite in memory, for what the platform cannot be made to do in a test: to fail.
 * What the platform really does is seen in the tests that run in workerd.
 */
export class FakeObject implements ObjectStorage {
  readonly #db = new Database(':memory:')
  readonly #statements = new Map<string, Database.Statement>()
  /** Replaced by tests that look at, or fail, the moment of the sync. */
  sync: () => Promise<void> = () => Promise.resolve()

  readonly sql = {
    exec: ((query, ...bindings) => {
      const rows: unknown[][] = []
      if (bindings.length === 0 && query.includes(';')) this.#db.exec(query)
      else {
        const statement = this.#prepared(query)
        const bound = bindings.map((value) => (value instanceof ArrayBuffer ? Buffer.from(value) : value))
        if (statement.reader) rows.push(...(statement.raw().all(...bound) as unknown[][]))
        else statement.run(...bound)
      }
      const values = rows.map((row) =>
        row.map((value) => (value instanceof Uint8Array ? new Uint8Array(value).buffer : value)),
      )
      return { raw: () => Object.assign(values.values(), { toArray: () => values }) }
    }) as Exec,
  }

  #prepared(query: string): Database.Statement {
    const known = this.#statements.get(query)
    if (known) return known
    const statement = this.#db.prepare(query)
    this.#statements.set(query, statement)
    return statement
  }

  transactionSync<T>(run: () => T): T {
    return this.#db.transaction(run)()
  }

  close(): void {
    this.#db.close()
  }
}
