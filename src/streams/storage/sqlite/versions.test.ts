import { readFileSync, rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { CORE_STATE_VERSION } from '../../core/state.ts'
import { parsePath } from '../../path.ts'
import { TestProject, failureOf, replayed, turn } from '../../testing.ts'
import { CommitScheduler } from './group-commit.ts'
import { SqliteStorage } from './sqlite-storage.ts'

// Guards files of other versions: an older one is brought up to date with all that it holds, a newer one is left alone.
// `fixtures/version-2.sql` is what the last Tributary of version 2 has written.

const ROOT = parsePath('/')
const ORDERS = parsePath('/orders')
const MESSAGES = parsePath('/messages')
const PATHS = ['/', '/messages', '/orders', '/orders/new']

const VERSION_2 = readFileSync(new URL('fixtures/version-2.sql', import.meta.url), 'utf8')
/** Version 1 had none of this. */
const TO_VERSION_1 = `
  drop index streams_processed;
  alter table streams drop column processor_count;
  alter table streams drop column catalogue_checksum;
  drop table snapshots;
  create table snapshots (stream_id integer not null, processor text not null, offset integer not null,
    incarnation text not null, state text not null, checksum integer not null,
    primary key (stream_id, processor, offset)) without rowid;
  update meta set value = '1' where key = 'schema_version';`

/** A project whose file is what a script makes. */
function projectOf(...scripts: string[]): TestProject {
  const project = new TestProject()
  project.reopen(() => {
    rmSync(project.file)
    const db = new Database(project.file)
    for (const script of scripts) db.exec(script)
    db.close()
  })
  return project
}

describe.each([
  [2, [VERSION_2]],
  [1, [VERSION_2, TO_VERSION_1]],
])('a file of version %i', (_version, scripts) => {
  test('keeps its streams, events, keys and states', async () => {
    using project = projectOf(...scripts)
    expect((await project.streams.list()).streams.map(({ path }) => path)).toEqual(PATHS)
    for (const path of PATHS) {
      const { exists: _, ...state } = await project.streams.state(parsePath(path))
      expect(state).toEqual(replayed(path, await project.log(path)))
    }
    expect(await project.streams.state(ORDERS)).toMatchObject({ paused: true, pauseReason: "it's maintenance" })
    expect((await project.log('/orders/new')).slice(1)).toMatchObject([
      { offset: 2, payload: '{"id":1,"note":"naïve 変 🙂"}', metadata: '{"by":"a"}', idempotencyKey: 'order-1' },
      { offset: 3, source: { processor: { slug: 'shop', version: '1' } } },
    ])
    const [, raw, plain] = await project.log('/messages')
    expect(raw).toMatchObject({ payload: '{"n":12345678901234567890}', raw: true })
    expect(plain).not.toHaveProperty('raw')
  })

  test('is written to as any other, and is then of the newest version', async () => {
    using project = projectOf(...scripts)
    expect(await project.append('/orders/new', { type: 'again', idempotencyKey: 'order-1' })).toMatchObject([
      { offset: 2, duplicate: true },
    ])
    expect(await project.append('/orders/new', { type: 'more' })).toMatchObject([{ offset: 4, duplicate: false }])
    project.reopen()
    expect(await project.log('/orders/new')).toHaveLength(4)
    const { connection, committed, working } = project.storage
    expect(connection.prepare(`select value from meta where key = 'schema_version'`).pluck().get()).toBe('3')
    expect(committed.nextExpiry()).toBeNull()
    expect(committed.isRetained(ROOT)).toBe(false)
    expect(working.findRecord(1, 'producer', 'none')).toBeNull()
    expect(working.loadStream(parsePath('/orders/new'))?.stateVersion).toBe(CORE_STATE_VERSION)
  })

  test('has what it discarded collected', async () => {
    using project = projectOf(...scripts)
    await project.append('/messages', { type: 'x' })
    for (let i = 0; i < 10; i++) await turn()
    expect(project.storage.working.hasGarbage()).toBe(false)
    expect(project.storage.working.lastOffset(5)).toBe(0)
  })
})

describe('a file of version 2', () => {
  test('keeps its snapshots', () => {
    using project = projectOf(VERSION_2)
    const ref = { id: 4, path: MESSAGES, incarnationId: 'life-4' }
    expect(project.storage.working.findSnapshot(ref, 'counter', 9)).toMatchObject({ offset: 3, state: '{"seen":3}' })
  })

  test('that was damaged before is damaged afterwards', async () => {
    using project = projectOf(VERSION_2, `update streams set event_count = 2 where path = '/messages'`)
    const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: '/messages' }
    expect(await failureOf(project.streams.state(MESSAGES))).toEqual(corrupt)
    expect(await failureOf(project.streams.list())).toEqual(corrupt)
    expect(await project.streams.state(ORDERS)).toMatchObject({ exists: true })
  })
})

test('a file of this version from before what is paused and parked had indexes is given them', async () => {
  using project = new TestProject()
  await project.append('/a', { type: 'x' })
  await project.streams.pause(parsePath('/a'))
  const indexes = () =>
    project.storage.connection
      .prepare(`select name from sqlite_master where name in ('streams_paused', 'snapshots_parked') order by name`)
      .pluck()
      .all()
  project.storage.connection.exec('drop index streams_paused; drop index snapshots_parked')
  expect(indexes()).toEqual([])
  project.reopen()
  expect(indexes()).toEqual(['snapshots_parked', 'streams_paused'])
  expect(project.storage.committed.listPaused(9).map(({ path }) => path)).toEqual(['/a'])
})

test.each(['4', '99'])('a file of version %s is refused, saying so, and left as it is', (version) => {
  using project = new TestProject()
  const setVersion = project.storage.connection.prepare(`update meta set value = ? where key = 'schema_version'`)
  setVersion.run(version)
  const open = () => new SqliteStorage(project.file, new CommitScheduler())
  expect(open).toThrow(`schema version ${version}; this Tributary reads version 3`)
  expect(open).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  const stored = project.storage.connection.prepare(`select value from meta where key = 'schema_version'`).pluck()
  expect(stored.get()).toBe(version)
})
