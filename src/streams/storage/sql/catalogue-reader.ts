import { ROOT_PATH, type StreamPath } from '../../path.ts'
import type { CataloguePage, CatalogueRow, EventCount, ParkedSnapshot, SiblingsPage } from '../port.ts'
import { CATALOGUE_COLUMNS, checkedCatalogueRow } from './catalogue-columns.ts'
import type { Sql, SqlQuery, SqlRow } from './sql.ts'

const COLUMNS = CATALOGUE_COLUMNS.join(', ')

/** Lists streams from their own table: each answer is one read of one index range, each row held to its checksum. */
export class CatalogueReader {
  readonly #children: SqlQuery
  readonly #newest: SqlQuery
  readonly #newestMatching: SqlQuery
  readonly #count: SqlQuery
  readonly #countBelow: SqlQuery
  readonly #self: SqlQuery
  readonly #below: SqlQuery
  readonly #processed: SqlQuery
  readonly #expired: SqlQuery
  readonly #nextExpiry: SqlQuery
  readonly #countEvents: SqlQuery
  readonly #recent: SqlQuery
  readonly #paused: SqlQuery
  readonly #countPaused: SqlQuery
  readonly #parked: SqlQuery

  constructor(sql: Sql) {
    this.#children = sql.query(
      `select ${COLUMNS} from streams
       where parent = ? and name > ? and (? is null or instr(lower(name), lower(?)) > 0)
       order by name limit ? offset ?`,
    )
    // Without a text to match, rows that are skipped are never looked at, only their places in the index.
    this.#newest = sql.query(
      `select ${COLUMNS} from streams where parent = ? order by created_at desc, id desc limit ? offset ?`,
    )
    this.#newestMatching = sql.query(
      `select ${COLUMNS} from streams
       where parent = ? and instr(lower(name), lower(?)) > 0
       order by created_at desc, id desc limit ? offset ?`,
    )
    this.#count = sql.query(
      'select count(*) from streams where parent = ? and (? is null or instr(lower(name), lower(?)) > 0)',
    )
    this.#countBelow = sql.query('select count(*) from streams where path > ? and path < ?')
    this.#self = sql.query(
      `select ${COLUMNS} from streams where path = ? and (? is null or instr(lower(path), lower(?)) > 0)
       and (? is null or path like ? escape '\\')`,
    )
    this.#below = sql.query(
      `select ${COLUMNS} from streams
       where path > ? and path < ? and (? is null or instr(lower(path), lower(?)) > 0)
       and (? is null or path like ? escape '\\')
       order by path limit ?`,
    )
    this.#processed = sql.query('select path from streams where processor_count > 0 and path > ? order by path limit ?')
    this.#expired = sql.query('select path from streams where expires_at <= ? order by expires_at, path limit ?')
    this.#nextExpiry = sql.query('select min(expires_at) from streams where expires_at is not null')
    this.#countEvents = sql.query(
      `select count(*), coalesce(sum(event_count), 0), max(id)
       from (select id, event_count from streams where id > ? order by id limit ?)`,
    )
    this.#recent = sql.query(`select ${COLUMNS} from streams order by last_event_at desc, id desc limit ?`)
    this.#paused = sql.query(
      `select ${COLUMNS} from streams where paused = 1 order by last_event_at desc, id desc limit ?`,
    )
    this.#countPaused = sql.query('select count(*) from streams where paused = 1')
    // Logs that were discarded have no stream any more; a snapshot that is not the newest tells of what is over.
    this.#parked = sql.query(
      `select streams.path, parked.processor, parked.version from snapshots as parked
       join streams on streams.id = parked.stream_id
       where parked.parked is not null and not exists (
         select 1 from snapshots as newer
         where newer.stream_id = parked.stream_id and newer.processor = parked.processor
           and newer.offset > parked.offset)
       order by parked.stream_id, parked.processor limit ?`,
    )
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

  countEvents(after: number, limit: number): EventCount {
    const [streams, events, last] = this.#countEvents.get(after, limit) as [number, number, number | null]
    return { streams, events, last: streams < limit ? null : last }
  }

  recent(limit: number): CatalogueRow[] {
    return (this.#recent.all(limit) as SqlRow[]).map(checkedCatalogueRow)
  }

  paused(limit: number): CatalogueRow[] {
    return (this.#paused.all(limit) as SqlRow[]).map(checkedCatalogueRow)
  }

  countPaused(): number {
    return (this.#countPaused.get() as [number])[0]
  }

  parked(limit: number): ParkedSnapshot[] {
    const rows = this.#parked.all(limit) as [StreamPath, string, string][]
    return rows.map(([path, processor, version]) => ({ path, processor, version }))
  }

  children(parent: StreamPath, page: SiblingsPage): CatalogueRow[] {
    const match = page.match ?? null
    if (page.order === 'created') {
      const [query, ...matching] = match === null ? [this.#newest] : [this.#newestMatching, match]
      return (query.all(parent, ...matching, page.limit, page.skip ?? 0) as SqlRow[]).map(checkedCatalogueRow)
    }
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
    const text = page.match ?? null
    const match = page.fuzzy ? null : text
    const letters = page.fuzzy && text !== null ? lettersPattern(text) : null
    const after = page.after ?? ''
    const self = after < prefix ? (this.#self.all(prefix, match, match, letters, letters) as SqlRow[]) : []
    const [first, end] = rangeBelow(prefix)
    const below = this.#below.all(
      after > first ? after : first,
      end,
      match,
      match,
      letters,
      letters,
      page.limit - self.length,
    ) as SqlRow[]
    return [...self, ...below].map(checkedCatalogueRow)
  }
}

/** For `like`, which tells ASCII letters of different case apart no more than `lower` does. */
function lettersPattern(text: string): string {
  return `%${Array.from(text, (letter) => (/[%_\\]/.test(letter) ? `\\${letter}` : letter)).join('%')}%`
}

/** Descendants are the range from `prefix/` to `prefix0`: '0' follows '/'. Siblings such as `prefix-1` lie outside. */
function rangeBelow(prefix: StreamPath): [first: string, end: string] {
  const base = prefix === ROOT_PATH ? '' : prefix
  return [`${base}/`, `${base}0`]
}
