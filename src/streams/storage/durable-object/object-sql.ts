import type { Sql, SqlRow, SqlValue } from '../sql/sql.ts'

/** What is used of a Durable Object's `ctx.storage`. Written down here: nothing else of that platform is known to us. */
export interface ObjectStorage {
  readonly sql: {
    exec(query: string, ...bindings: ObjectValue[]): { raw(): ObjectRows }
  }
  /** Runs in a transaction of its own; what is thrown rolls it back and is thrown on. */
  transactionSync<T>(run: () => T): T
  /** Resolves when everything written until now is on the disk. */
  sync(): Promise<void>
}

type ObjectValue = string | number | ArrayBuffer | null
type ObjectRows = IterableIterator<ObjectValue[]> & { toArray(): ObjectValue[][] }

/** A Durable Object's database as the tables use it. The platform keeps the statements prepared, by their text. */
export function objectSql({ sql }: Pick<ObjectStorage, 'sql'>): Sql {
  const rows = (text: string, bindings: readonly SqlValue[]) => sql.exec(text, ...bindings.map(objectValue)).raw()
  return {
    query: (text) => ({
      // Read to its end: a cursor that is left half way keeps its statement until the garbage collector comes by.
      get: (...bindings) => rows(text, bindings).toArray().map(sqlRow)[0],
      all: (...bindings) => rows(text, bindings).toArray().map(sqlRow),
      *iterate(...bindings) {
        for (const row of rows(text, bindings)) yield sqlRow(row)
      },
    }),
    command: (text) => ({ run: (...bindings) => void rows(text, bindings) }),
    script: (text) => void sql.exec(text),
  }
}

/** A `Uint8Array` may be a window on a larger buffer: only what it shows is bound. */
function objectValue(value: SqlValue): ObjectValue {
  if (!(value instanceof Uint8Array)) return value
  return new Uint8Array(value).buffer
}

function sqlRow(row: readonly ObjectValue[]): SqlRow {
  return row.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value))
}
