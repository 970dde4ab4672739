import { ROOT_PATH, type StreamPath } from '../../path.ts'
import type { CataloguePage, CatalogueRow } from '../port.ts'
import { CATALOGUE_COLUMNS, checkedCatalogueRow } from './catalogue-columns.ts'
import type { Sql, SqlQuery, SqlRow } from './sql.ts'

const COLUMNS = CATALOGUE_COLUMNS.join(', ')

/** Lists streams from their own table: each answer is one read of one index range, each row held to its checksum. */
export class CatalogueReader {
  readonly #children: SqlQuery
  readonly #count: SqlQuery
  readonly #countBelow: SqlQuery
  readonly #self: SqlQuery
  readonly #below: SqlQuery
  readonly #processed: SqlQuery
  readonly #expired: SqlQuery
  readonly #nextExpiry: SqlQuery

  constructor(sql: Sql) {
    this.#children = sql.query(
      `select ${COLUMNS} from streams
       where parent = ? and name > ? and (? is null or instr(lower(name), lower(?)) > 0)
       order by name limit ? offset ?`,
    )
    this.#count = sql.query(
      'select count(*) from streams where parent = ? and (? is null or instr(lower(name), lower(?)) > 0)',
    )
    this.#countBelow = sql.query('select count(*) from streams where path > ? and path < ?')
    this.#self = sql.query(
      `select ${COLUMNS} from streams where path = ? and (? is null or instr(lower(path), lower(?)) > 0)`,
    )
    this.#below = sql.query(
      `select ${COLUMNS} from streams
       where path > ? and path < ? and (? is null or instr(lower(path), lower(?)) > 0)
       order by path limit ?`,
    )
    this.#processed = sql.query('select path from streams where processor_count > 0 and path > ? order by path limit ?')
    this.#expired = sql.query('select path from streams where expires_at <= ? order by expires_at, path limit ?')
    this.#nextExpiry = sql.query('select min(expires_at) from streams where expires_at is not null')
  }

  processed(after: string, limit: number): StreamPath[] {
    return (this.#processed.all(after, limit) as [StreamPath][]).map(([path]) => path)
  }

  expired(at: number, limit: number): StreamPath[] {
    return (this.#expired.all(at, limit) as [StreamPath][]).map(([path]) => path)
  }

  nextExpiry(): number | null {
    return (this.#nextExpiry.get() as [number | null])[0]
  }

  children(parent: StreamPath, page: CataloguePage): CatalogueRow[] {
    const match = page.match ?? null
    const rows = this.#children.all(parent, page.after ?? '', match, match, page.limit, page.skip ?? 0)
    return (rows as SqlRow[]).map(checkedCatalogueRow)
  }

  countChildren(parent: StreamPath, match: string | null = null): number {
    return (this.#count.get(parent, match, match) as [number])[0]
  }

  countBelow(prefix: StreamPath): number {
    return (this.#countBelow.get(...rangeBelow(prefix)) as [number])[0]
  }

  list(prefix: StreamPath, page: CataloguePage): CatalogueRow[] {
    const match = page.match ?? null
    const after = page.after ?? ''
    const self = after < prefix ? (this.#self.all(prefix, match, match) as SqlRow[]) : []
    const [first, end] = rangeBelow(prefix)
    const below = this.#below.all(
      after > first ? after : first,
      end,
      match,
      match,
      page.limit - self.length,
    ) as SqlRow[]
    return [...self, ...below].map(checkedCatalogueRow)
  }
}

/** Descendants are the range from `prefix/` to `prefix0`: '0' follows '/'. Siblings such as `prefix-1` lie outside. */
function rangeBelow(prefix: StreamPath): [first: string, end: string] {
  const base = prefix === ROOT_PATH ? '' : prefix
  return [`${base}/`, `${base}0`]
}
