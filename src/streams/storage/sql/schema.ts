import { ItxError } from '../../errors.ts'
import { STEPS } from './schema-steps.ts'
import type { Sql } from './sql.ts'

/** Version of the tables below; a file with a higher one was written by a newer Tributary and is refused. */
const SCHEMA_VERSION = 3

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
  expires_at integer,
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
create index if not exists streams_paused on streams (last_event_at) where paused = 1;
create index if not exists streams_expiring on streams (expires_at) where expires_at is not null;

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

create table if not exists forks (
  fork_id integer not null,
  source_id integer not null,
  source_path text not null,
  tie integer not null,
  primary key (fork_id, source_id)
) without rowid;
create index if not exists forks_source on forks (source_id);
create index if not exists forks_path on forks (source_path);

create table if not exists records (
  stream_id integer not null,
  kind text not null,
  key text not null,
  value text not null,
  checksum integer not null,
  primary key (stream_id, kind, key)
) without rowid;

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
create index if not exists snapshots_parked on snapshots (stream_id, processor, offset) where parked is not null;
`

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

/** Null where nothing is stored yet. */
function storedVersion(sql: Sql): number | null {
  const [tables] = sql.query(`select count(*) from sqlite_master where name = 'meta'`).get() as [number]
  if (tables === 0) return null
  const row = sql.query(`select value from meta where key = 'schema_version'`).get() as [string] | undefined
  return row === undefined ? null : Number(row[0])
}
