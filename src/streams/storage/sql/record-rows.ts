import { ItxError, shown } from '../../errors.ts'
import type { StreamPath } from '../../path.ts'
import { PROJECT_RECORDS, type RecordKind, type StoredRecord } from '../port.ts'
import { holdsBytes, recordChecksum } from './checksum.ts'
import type { Sql, SqlCommand, SqlQuery } from './sql.ts'

type Row = [key: string, value: string, checksum: number]

/** The `records` table: small facts of a stream, or of the whole project, that replay could not tell. */
export class RecordRows {
  readonly #find: SqlQuery
  readonly #list: SqlQuery
  readonly #save: SqlCommand
  readonly #delete: SqlCommand
  readonly #all: SqlQuery
  readonly #pathOf: SqlQuery

  constructor(sql: Sql) {
    this.#find = sql.query('select value, checksum from records where stream_id = ? and kind = ? and key = ?')
    this.#list = sql.query(
      'select key, value, checksum from records where stream_id = ? and kind = ? and key > ? order by key limit ?',
    )
    this.#save = sql.command(
      'insert or replace into records (stream_id, kind, key, value, checksum) values (?, ?, ?, ?, ?)',
    )
    this.#delete = sql.command('delete from records where stream_id = ? and kind = ? and key = ?')
    this.#all = sql.query('select stream_id, kind, key, value, checksum from records')
    this.#pathOf = sql.query('select path from streams where id = ?')
  }

  /**
   * A record whose place is damaged (stream, kind or key) is as good as never written.
   *
   * @throws {ItxError} INTERNAL when the checksum does not match.
   */
  find(streamId: number, kind: RecordKind, key: string): string | null {
    const row = this.#find.get(streamId, kind, key) as [value: string, checksum: number] | undefined
    // Held against the key that was asked for: in a damaged table, another's row may be found.
    return row ? this.#checked(streamId, kind, [key, ...row]).value : null
  }

  /** @throws {ItxError} INTERNAL when a checksum does not match. */
  list(streamId: number, kind: RecordKind, after: string, limit: number): StoredRecord[] {
    const rows = this.#list.all(streamId, kind, after, limit) as Row[]
    return rows.map((row) => this.#checked(streamId, kind, row))
  }

  save(streamId: number, kind: RecordKind, record: StoredRecord): void {
    this.#save.run(streamId, kind, record.key, record.value, recordChecksum(streamId, kind, record))
  }

  delete(streamId: number, kind: RecordKind, key: string): void {
    this.#delete.run(streamId, kind, key)
  }

  /** @throws {ItxError} INTERNAL when a checksum does not match, whosever the row is. */
  checkAll(): void {
    for (const [streamId, kind, ...row] of this.#all.iterate() as IterableIterator<[number, RecordKind, ...Row]>) {
      this.#checked(streamId, kind, row)
    }
  }

  #checked(streamId: number, kind: RecordKind, row: Row): StoredRecord {
    const [key, value, checksum] = row
    const record: StoredRecord = { key, value }
    if (recordChecksum(streamId, kind, record) === checksum && !holdsBytes(row)) return record
    const path =
      streamId === PROJECT_RECORDS ? undefined : (this.#pathOf.get(streamId) as [StreamPath] | undefined)?.[0]
    throw new ItxError(
      'INTERNAL',
      `the ${kind} record ${shown(key)} of ${path ?? 'the project'} does not match its checksum`,
      { reason: 'corrupt', ...(path === undefined ? {} : { path }), kind, key },
    )
  }
}
