import type { Damage } from '../contract/host.ts'
import type { Sql } from './sql.ts'

/** Changes a text in a stored row, as a fault of the disk may. */
export function damageRow(sql: Sql, { table, column, text, becomes }: Damage): void {
  if (table === 'event_chunks') {
    sql
      .command(
        `update event_chunks set bytes = cast(replace(cast(bytes as text), ?, ?) as blob) where instr(bytes, ?) > 0`,
      )
      .run(text, becomes, new TextEncoder().encode(text))
  } else {
    sql
      .command(`update ${table} set ${column} = replace(${column}, ?, ?) where instr(${column}, ?) > 0`)
      .run(text, becomes, text)
  }
}
