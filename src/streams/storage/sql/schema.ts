import { ItxError } from '../../errors.ts'
import { CATALOGUE_COLUMNS } from './catalogue-columns.ts'
import { catalogueChecksum } from './checksum.ts'
import type { Sql, SqlRow } from './sql.ts'

/** Version of the tables below; a file with a higher one was written by a newer Tributary and is refused. */
const SCHEMA_VERSION = 2

/** Bytes of one chunk of a large payload: a value in a Durable Object may not exceed 2 MB. */
export const CHUNK_BYTES = 512 * 1024

const TABLES = `
create table if not exists meta (key text primary key, value text not null) without rowid;

create table if not exists streams (
  id integer primary key autoincrement,
  path text not null unique,
  parent text,
  name text not null,
  incarnation text not null,
  content_type text not null,
  first_offset integer not null,
  max_offset integer not null,
  last_visible_offset integer not null,
  event_count integer not null,
  created_at text not null,
  last_event_at text not null,
  paused integer not null,
  closed integer not null,
  child_count integer not null,
  descendant_count integer not null,
  processor_count integer not null default 0,
  catalogue_checksum integer not null default 0,
  state text not null,
  state_version integer not null,
  base_state text,
  checksum integer not null
);
create index if not exists streams_parent_name on streams (parent, name);
create index if not exists streams_parent_created on streams (parent, created_at);
create index if not exists streams_last_event on streams (last_event_at);
create index if not exists streams_processed on streams (path) where processor_count > 0;

create table if not exists events (
  stream_id integer not null,
  offset integer not null,
  type text not null,
  created_at text not null,
  key text,
  payload text,
  metadata text,
  source text,
  raw integer not null,
  chunks integer not null,
  checksum integer not null,
  primary key (stream_id, offset)
) without rowid;
create unique index if not exists events_key on events (stream_id, key) where key is not null;

create table if not exists event_chunks (
  stream_id integer not null,
  offset integer not null,
  part integer not null,
  chunk integer not null,
  bytes blob not null,
  primary key (stream_id, offset, part, chunk)
) without rowid;

create table if not exists discarded_logs (stream_id integer primary key);

create table if not exists snapshots (
  stream_id integer not null,
  processor text not null,
  offset integer not null,
  incarnation text not null,
  version text not null,
  state text not null,
  effects_after integer not null,
  parked text,
  checksum integer not null,
  primary key (stream_id, processor, offset)
) without rowid;
`

/** What leads from a version to the next one. */
const STEPS: Readonly<Record<string, (sql: Sql) => void>> = {
  1: (sql) => {
    // Version 1 had snapshots that nothing ever wrote, and no checksum over the catalogue's columns.
    sql.script(`
      alter table streams add column processor_count integer not null default 0;
      alter table streams add column catalogue_checksum integer not null default 0;
      drop table snapshots;`)
    sealCatalogue(sql)
  },
}

/**
 * Creates what is missing and brings older tables up to date. Idempotent. To be called inside a transaction: all or
 * nothing.
 *
 * @param name what the tables are in, for the error
 * @throws {ItxError} INTERNAL when they are of another version; they are left as they are.
 */
export function prepareSchema(sql: Sql, name: string): void {
  const stored = storedVersion(sql)
  const version = stored ?? SCHEMA_VERSION
  if (!(version >= 1 && version <= SCHEMA_VERSION)) {
    throw new ItxError(
      'INTERNAL',
      `${name} has schema version ${version}; this Tributary reads version ${SCHEMA_VERSION}`,
      {
        reason: 'schema-version',
        version,
        supported: SCHEMA_VERSION,
      },
    )
  }
  for (let from = version; from < SCHEMA_VERSION; from++) STEPS[from]?.(sql)
  sql.script(TABLES)
  if (stored === SCHEMA_VERSION) return
  sql.command(`insert or replace into meta (key, value) values ('schema_version', ?)`).run(String(SCHEMA_VERSION))
}

/** Gives every row of the catalogue its checksum, as it stands: what an older version wrote is all there is to go by. */
function sealCatalogue(sql: Sql): void {
  const columns = CATALOGUE_COLUMNS.filter((column) => column !== 'catalogue_checksum')
  const page = sql.query(`select id, ${columns.join(', ')} from streams where id > ? order by id limit 1000`)
  const seal = sql.command('update streams set catalogue_checksum = ? where id = ?')
  for (let after = 0; ;) {
    const rows = page.all(after) as SqlRow[]
    for (const [id = null, ...values] of rows) seal.run(catalogueChecksum(values), id)
    const last = rows.at(-1)
    if (last === undefined) return
    after = last[0] as number
  }
}

/** Null where nothing is stored yet. */
function storedVersion(sql: Sql): number | null {
  const [tables] = sql.query(`select count(*) from sqlite_master where name = 'meta'`).get() as [number]
  if (tables === 0) return null
  const row = sql.query(`select value from meta where key = 'schema_version'`).get() as [string] | undefined
  return row === undefined ? null : Number(row[0])
}
