import type Database from 'better-sqlite3'
import type { Sql } from '../sql/sql.ts'

/** A Node connection as the tables use it. Its statements are handed out as they are: nothing is in between. */
export function connectionSql(db: Database.Database): Sql {
  return {
    query: (text) => db.prepare(text).raw(),
    command: (text) => db.prepare(text),
    script: (text) => void db.exec(text),
  }
}
