import { ROOT_PATH, type StreamPath } from '../../path.ts'
import type { CataloguePage, CatalogueRow } from '../port.ts'
import type { Sql, SqlQuery } from './sql.ts'

type Row = [string, string, string, string, number, number, string, string, number, number, number, number]

const COLUMNS = `path, name, incarnation, content_type, event_count, max_offset, created_at, last_event_at, paused, closed,
  child_count, descendant_count`

/** Lists streams from their own table: each answer is one read of one index range. */
export class CatalogueReader {
  readonly #children: SqlQuery
  readonly #count: SqlQuery
  readonly #self: SqlQuery
  readonly #below: SqlQuery
  readonly #processed: SqlQuery

  constructor(sql: Sql) {
    this.#children = sql.query(
      `select ${COLUMNS} from streams
       where parent = ? and name > ? and (? is null or instr(lower(name), lower(?)) > 0)
       order by name limit ? offset ?`,
    )
    this.#count = sql.query(
      'select count(*) from streams where parent = ? and (? is null or instr(lower(name), lower(?)) > 0)',
    )
    this.#self = sql.query(
      `select ${COLUMNS} from streams where path = ? and (? is null or instr(lower(path), lower(?)) > 0)`,
    )
    this.#below = sql.query(
      `select ${COLUMNS} from streams
       where path > ? and path < ? and (? is null or instr(lower(path), lower(?)) > 0)
       order by path limit ?`,
    )
    this.#processed = sql.query('select path from streams where processor_count > 0 and path > ? order by path limit ?')
  }

  processed(after: string, limit: number): StreamPath[] {
    return (this.#processed.all(after, limit) as [StreamPath][]).map(([path]) => path)
  }

  children(parent: StreamPath, page: CataloguePage): CatalogueRow[] {
    const match = page.match ?? null
    const rows = this.#children.all(parent, page.after ?? '', match, match, page.limit, page.skip ?? 0)
    return (rows as Row[]).map(toRow)
  }

  countChildren(parent: StreamPath, match: string | null = null): number {
    return (this.#count.get(parent, match, match) as [number])[0]
  }

  list(prefix: StreamPath, page: CataloguePage): CatalogueRow[] {
    const match = page.match ?? null
    const after = page.after ?? ''
    const self = after < prefix ? (this.#self.all(prefix, match, match) as Row[]) : []
    // Descendants are the range from `prefix/` to `prefix0`: '0' follows '/'. Siblings such as `prefix-1` lie outside.
    const base = prefix === ROOT_PATH ? '' : prefix
    const from = after > `${base}/` ? after : `${base}/`
    const below = this.#below.all(from, `${base}0`, match, match, page.limit - self.length) as Row[]
    return [...self, ...below].map(toRow)
  }
}

function toRow(row: Row): CatalogueRow {
  return {
    path: row[0] as StreamPath,
    name: row[1],
    incarnationId: row[2],
    contentType: row[3],
    eventCount: row[4],
    maxOffset: row[5],
    createdAt: row[6],
    lastEventAt: row[7],
    paused: row[8] === 1,
    closed: row[9] === 1,
    childCount: row[10],
    descendantCount: row[11],
  }
}
