/** What a column holds. Numbers are whole and safe; a host's own kind of bytes is made a `Uint8Array`. */
export type SqlValue = string | number | Uint8Array | null

/** A row as the columns of its query, in their order. */
export type SqlRow = readonly SqlValue[]

/** A prepared statement that answers rows. */
export interface SqlQuery {
  get(...bindings: SqlValue[]): unknown
  all(...bindings: SqlValue[]): unknown[]
  /** One row at a time. Other statements may run in between, writing ones may not. */
  iterate(...bindings: SqlValue[]): IterableIterator<unknown>
}

/** A prepared statement that changes rows and answers none. */
export interface SqlCommand {
  run(...bindings: SqlValue[]): unknown
}

/**
 * The SQL that Node and a Durable Object have in common; the tables and everything that reads and writes them are built
 * on it and on nothing else.
 *
 * What keeps it common: bindings by position only, at most 100 of them; no PRAGMA; no BEGIN or COMMIT, transactions are
 * the host's; no count of changed rows, for a Durable Object counts index entries as well; no value over 2 MB.
 */
export interface Sql {
  /** @returns a statement whose rows are arrays (`SqlRow`). */
  query(text: string): SqlQuery
  command(text: string): SqlCommand
  /** Runs a script of any number of statements. */
  script(text: string): void
}
