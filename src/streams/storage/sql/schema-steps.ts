import { catalogueChecksum } from './checksum.ts'
import type { Sql, SqlRow } from './sql.ts'

/**
 * What leads from each version of the tables to the next one. Steps are never changed: they say what versions were, not
 * what the newest one is. Tables and indexes that are new are not theirs to make.
 */
export const STEPS: Readonly<Record<string, (sql: Sql) => void>> = {
  1: (sql) => {
    // Version 1 had snapshots that nothing ever wrote, and no checksum over the catalogue's columns.
    sql.script(`
      alter table streams add column processor_count integer not null default 0;
      alter table streams add column catalogue_checksum integer not null default 0;
      drop table snapshots;`)
    // As it stands: what version 1 wrote is all there is to go by.
    seal(sql, CATALOGUE_OF_2, ({ values }) => catalogueChecksum(values))
  },
  2: (sql) => {
    sql.script('alter table streams add column expires_at integer')
    // A row that is damaged is not made sound by the new column: it keeps a checksum that it does not match.
    seal(sql, CATALOGUE_OF_2, ({ values, checksum }) =>
      catalogueChecksum(values) === checksum ? catalogueChecksum([...values, null]) : null,
    )
  },
}

/** What the catalogue's checksum was over in version 2. */
const CATALOGUE_OF_2 = [
  'path',
  'parent',
  'name',
  'incarnation',
  'content_type',
  'first_offset',
  'max_offset',
  'last_visible_offset',
  'event_count',
  'created_at',
  'last_event_at',
  'paused',
  'closed',
  'child_count',
  'descendant_count',
  'processor_count',
]

interface Sealed {
  readonly values: SqlRow
  readonly checksum: SqlRow[number]
}

/** Gives every row of the catalogue its checksum, unless that is null. */
function seal(sql: Sql, columns: readonly string[], checksumOf: (row: Sealed) => number | null): void {
  const page = sql.query(
    `select id, catalogue_checksum, ${columns.join(', ')} from streams where id > ? order by id limit 1000`,
  )
  const write = sql.command('update streams set catalogue_checksum = ? where id = ?')
  for (let after: SqlRow[number] = 0; ;) {
    const rows = page.all(after) as SqlRow[]
    for (const [id = null, checksum = null, ...values] of rows) {
      const sealed = checksumOf({ values, checksum })
      if (sealed !== null) write.run(sealed, id)
    }
    const last = rows.at(-1)?.[0]
    if (last === undefined) return
    after = last
  }
}
