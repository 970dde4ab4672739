import Database from 'better-sqlite3'
import type { Random } from '../simulation/random.ts'

/** One bit of the file, or of a value in it, that is not what it was. */
export interface Flip {
  readonly kind: FlipKind
  /** What was hit, for the report. */
  readonly what: string
  readonly table: string
  readonly column?: string
  /** Streams (their ids) the row belongs to, before and after: those that may be found damaged. Null: anybody's guess. */
  readonly owners: readonly number[] | null
}

/**
 * Where a bit flips: in a value (through SQL, so that indexes follow it), in the pages that hold rows, in those that hold
 * indexes, or elsewhere in the file.
 */
export const FLIP_KINDS = ['value', 'row page', 'index page', 'other page'] as const
export type FlipKind = (typeof FLIP_KINDS)[number]

/** Tables whose rows are data. */
export const ROW_TABLES = ['events', 'event_chunks', 'streams', 'snapshots', 'records', 'forks'] as const

const KEYS: Readonly<Record<string, readonly string[]>> = {
  events: ['stream_id', 'offset'],
  event_chunks: ['stream_id', 'offset', 'part', 'chunk'],
  streams: ['id'],
  snapshots: ['stream_id', 'processor', 'offset'],
  records: ['stream_id', 'kind', 'key'],
  forks: ['fork_id', 'source_id'],
  discarded_logs: ['stream_id'],
}

/** Flips one bit of one value of one row of the file. */
export function flipValue(file: string, random: Random): Flip {
  const db = new Database(file)
  db.defaultSafeIntegers()
  try {
    for (;;) {
      const flip = tryFlipValue(db, random)
      if (flip) return flip
    }
  } finally {
    db.close()
  }
}

function tryFlipValue(db: Database.Database, random: Random): Flip | null {
  const table = random.chance(0.03) ? 'discarded_logs' : random.pick(ROW_TABLES)
  const columns = db.prepare(`select name from pragma_table_info(?)`).pluck().all(table) as string[]
  const column = random.pick(columns)
  const keys = KEYS[table] ?? []
  const rows = Number(db.prepare(`select count(*) from ${table}`).pluck().get())
  const row = db.prepare(`select * from ${table} limit 1 offset ?`).get(random.between(0, rows - 1)) as
    | Record<string, unknown>
    | undefined
  const value = row?.[column]
  if (!row || value === null || value === undefined) return null
  const where = keys.map((key) => `${key} = @${key}`).join(' and ')
  const flipped = flippedValue(value, random)
  const cast = typeof value === 'string' ? 'cast(@flipped as text)' : '@flipped'
  const bindings = Object.fromEntries(keys.map((key) => [key, row[key]]))
  try {
    db.prepare(`update ${table} set ${column} = ${cast} where ${where}`).run({ ...bindings, flipped })
  } catch (error) {
    // Such a row cannot be: two of one key. A bit that flips on the disk may do it all the same; see the row pages.
    if (String((error as { code?: unknown }).code).startsWith('SQLITE_CONSTRAINT')) return null
    throw error
  }
  const id = Number(row['stream_id'] ?? row['id'] ?? row['fork_id'])
  const owners = [id, ...(column === 'stream_id' || column === 'id' ? [Number(flipped)] : [])]
  return { kind: 'value', what: `${table}.${column} of ${describeKey(keys, row)}`, table, column, owners }
}

const describeKey = (keys: readonly string[], row: Record<string, unknown>) =>
  keys.map((key) => `${key} ${String(row[key])}`).join(', ')

function flippedValue(value: unknown, random: Random): bigint | Buffer {
  if (typeof value === 'bigint') {
    // Low bits are where neighbours are; the sign is a bit as well.
    const bit = random.chance(0.5) ? random.between(0, 7) : random.between(0, 63)
    return BigInt.asIntN(64, value ^ (1n << BigInt(bit)))
  }
  const bytes = Buffer.from(value as string | Buffer)
  if (bytes.length > 0) flipBit(bytes, random.between(0, bytes.length - 1), random)
  return bytes
}

/** Flips one bit in the bytes of a database file: in one of the pages that hold rows, indexes, or the rest. */
export function flipByte(
  bytes: Buffer,
  kind: Exclude<FlipKind, 'value'>,
  pages: readonly Page[],
  random: Random,
): Flip {
  const fitting = pages.filter((page) => page.kind === kind)
  // Evenly over the tables: the chunks of large events take most of the pages.
  const table = random.pick([...new Set(fitting.map((page) => page.table))])
  const page = random.pick(fitting.filter((each) => each.table === table))
  // The first bytes of a page (its header, its cell pointers) are what all else hangs on.
  const within = random.chance(0.3) ? random.between(0, 63) : random.between(0, page.size - 1)
  flipBit(bytes, (page.number - 1) * page.size + within, random)
  return { kind, what: `${table}, page ${page.number} (${page.type}), byte ${within}`, table, owners: null }
}

export interface Page {
  readonly number: number
  readonly table: string
  readonly type: string
  readonly kind: Exclude<FlipKind, 'value'>
  readonly size: number
}

/** What each page of a file holds. */
export function pagesOf(file: string): Page[] {
  const db = new Database(file, { readonly: true })
  try {
    const size = db.pragma('page_size', { simple: true }) as number
    const count = db.pragma('page_count', { simple: true }) as number
    const rows = db.prepare('select pageno, name, pagetype from dbstat').raw().all() as [number, string, string][]
    const known = new Map(rows.map(([number, table, type]) => [number, { table, type }]))
    return Array.from({ length: count }, (_, index): Page => {
      const number = index + 1
      const { table, type } = known.get(number) ?? { table: 'free', type: 'free' }
      return { number, table, type, kind: kindOf(table), size }
    })
  } finally {
    db.close()
  }
}

function kindOf(table: string): Page['kind'] {
  if ((ROW_TABLES as readonly string[]).includes(table)) return 'row page'
  return /^(?:events_|streams_|forks_|sqlite_autoindex_streams)/.test(table) ? 'index page' : 'other page'
}

export function flipBit(bytes: Buffer, at: number, random: Random): void {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7))
}
