import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { Batch } from '../../delivery/batch.ts'
import { StreamEngine } from '../../engine.ts'
import { encodeInput } from '../../event-input.ts'
import { parsePath } from '../../path.ts'
import { TestFolder, TestProject, failure, failureOf, replayed, turn } from '../../testing.ts'
import { CommitScheduler } from './group-commit.ts'

// Guards the commit group: whoever was answered is on the disk, and of a group that fails nobody is answered and
// nothing is left, whatever failed and wherever in the group.

const A = parsePath('/a')

/** A project with something in it, whose database may not grow by a single page from now on. */
async function fullDisk(project: TestProject): Promise<void> {
  await project.append('/a', { type: 'before', payload: 1, idempotencyKey: 'old' })
  await project.append('/b', { type: 'before', payload: 2 })
  fill(project)
}

function fill(project: TestProject): void {
  const pages = project.storage.connection.pragma('page_count', { simple: true }) as number
  project.storage.connection.pragma(`max_page_count = ${pages}`)
}

function makeRoom(project: TestProject): void {
  project.storage.connection.pragma('max_page_count = 1000000')
}

const tooBig = { type: 'big', payload: 'x'.repeat(300_000) }
const FULL = { code: 'UNAVAILABLE', reason: 'disk-full' }

/** All that can be seen of a project. */
async function everything(project: TestProject): Promise<unknown> {
  const { streams } = await project.streams.list()
  const logs = await Promise.all(streams.map(({ path }) => project.log(path)))
  const states = await Promise.all(streams.map(({ path }) => project.streams.state(path)))
  const tables = ['streams', 'events', 'event_chunks'].map((table) =>
    project.storage.connection.prepare(`select * from ${table}`).raw().all(),
  )
  return { streams, logs, states, tables }
}

/** Outcomes as `ok` or the reason of the failure. */
async function outcomes(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises)
  return settled.map((outcome) => (outcome.status === 'fulfilled' ? 'ok' : failure(outcome.reason)))
}

/** Lets the database fail by what a trigger does, at the state rows: they are written in the group's last moment. */
function trigger(project: TestProject, when: 'insert on events' | 'update on streams', statement: string): void {
  project.storage.connection.exec(`create temp trigger sabotage before ${when} begin ${statement}; end`)
}

function removeTrigger(project: TestProject): void {
  project.storage.connection.exec('drop trigger sabotage')
}

describe('a disk that fills up half way through a group', () => {
  test('nothing of the group is acknowledged, nothing of it is left, duplicates included', async () => {
    using project = new TestProject()
    await fullDisk(project)
    const before = await everything(project)
    const results = await outcomes([
      project.append('/a', { type: 'x', idempotencyKey: 'k' }),
      // A duplicate of an event of this very group is only as good as its commit.
      project.append('/a', { type: 'x', idempotencyKey: 'k' }),
      project.append('/b', { type: 'y' }, { type: 'y' }),
      project.append('/a', tooBig),
    ])
    expect(results).toEqual([FULL, FULL, FULL, FULL])
    expect(await everything(project)).toEqual(before)
  })

  test('a duplicate of an earlier group is answered in the midst of it', async () => {
    using project = new TestProject()
    await fullDisk(project)
    const old = project.append('/b', { type: 'x' })
    const duplicate = project.append('/a', { type: 'before', idempotencyKey: 'old' })
    const big = project.append('/b', tooBig)
    expect(await outcomes([old, duplicate, big])).toEqual([FULL, 'ok', FULL])
    expect(await duplicate).toMatchObject([{ offset: 2, duplicate: true }])
  })

  test('an append after the failure, in the same turn, begins a group of its own', async () => {
    using project = new TestProject()
    await fullDisk(project)
    const results = await outcomes([
      project.append('/a', { type: 'lost', idempotencyKey: 'k' }),
      project.append('/a', tooBig),
      // The key was in the group that failed: this is no duplicate of anything.
      project.append('/a', { type: 'kept', idempotencyKey: 'k', offset: 3 }),
    ])
    expect(results).toEqual([FULL, FULL, 'ok'])
    expect((await project.log('/a')).map((event) => event.type)).toEqual(['stream/created', 'before', 'kept'])
  })

  test('works again without a restart once there is room, with the same keys and offsets', async () => {
    using project = new TestProject()
    await fullDisk(project)
    const retry = { type: 'x', idempotencyKey: 'k', offset: 3 }
    expect(await outcomes([project.append('/a', retry), project.append('/a', tooBig)])).toEqual([FULL, FULL])
    makeRoom(project)
    expect(await project.append('/a', retry)).toMatchObject([{ offset: 3, duplicate: false }])
    expect(await project.append('/a', retry)).toMatchObject([{ offset: 3, duplicate: true }])
    expect(await project.append('/a', tooBig)).toMatchObject([{ offset: 4 }])
    project.reopen()
    expect((await project.log('/a')).map((event) => event.offset)).toEqual([1, 2, 3, 4])
    expect(await project.streams.state(A)).toEqual({ ...replayed('/a', await project.log('/a')), exists: true })
  })

  test('a stream that the group was creating does not exist, nor do its ancestors, until it is created anew', async () => {
    using project = new TestProject()
    await fullDisk(project)
    const before = await everything(project)
    const results = await outcomes([
      project.append('/new/deep', { type: 'x' }),
      project.append('/new/deep', { type: 'x' }),
      project.append('/new/deep', tooBig),
    ])
    expect(results).toEqual([FULL, FULL, FULL])
    expect(await everything(project)).toEqual(before)
    expect(await project.streams.state(parsePath('/new'))).toMatchObject({ exists: false })
    makeRoom(project)
    expect(await project.append('/new/deep', { type: 'x' })).toMatchObject([{ offset: 2 }])
    expect((await project.streams.children(parsePath('/new'))).children.map((row) => row.path)).toEqual(['/new/deep'])
  })

  test('a create is not acknowledged either, be it of a new stream or of one the group was creating', async () => {
    using project = new TestProject()
    await fullDisk(project)
    const results = await outcomes([
      project.streams.create(parsePath('/new')),
      project.streams.create(parsePath('/new')),
      project.append('/a', tooBig),
    ])
    expect(results).toEqual([FULL, FULL, FULL])
    expect(await project.streams.state(parsePath('/new'))).toMatchObject({ exists: false })
  })

  test('subscribers see nothing of it, and what is stored later without gap or duplicate', async () => {
    using project = new TestProject()
    await fullDisk(project)
    const seen: number[] = []
    const through: number[] = []
    const subscription = await project.streams.subscribe(A, { after: 'start' }, (batch: Batch) => {
      seen.push(...batch.events.map((event) => event.offset))
      through.push(batch.through)
    })
    expect(await outcomes([project.append('/a', { type: 'x' }), project.append('/a', tooBig)])).toEqual([FULL, FULL])
    for (let i = 0; i < 5; i++) await turn()
    expect(seen).toEqual([1, 2])
    makeRoom(project)
    await project.append('/a', { type: 'y' })
    await project.append('/a', { type: 'y' })
    for (let i = 0; i < 5; i++) await turn()
    expect(seen).toEqual([1, 2, 3, 4])
    expect(through.at(-1)).toBe(4)
    subscription.unsubscribe()
  })

  test('reading goes on while nothing can be written', async () => {
    using project = new TestProject()
    await fullDisk(project)
    expect(await outcomes([project.append('/a', tooBig)])).toEqual([FULL])
    expect((await project.log('/a')).map((event) => event.type)).toEqual(['stream/created', 'before'])
    expect((await project.streams.children(parsePath('/'))).total).toBe(2)
  })
})

describe('a failure at the end of a group', () => {
  test('the state row does not fit: nothing of the group is left', async () => {
    using project = new TestProject()
    await fullDisk(project)
    makeRoom(project)
    project.storage.connection.exec('create table filler (bytes blob)')
    fill(project)
    trigger(project, 'update on streams', 'insert into filler values (zeroblob(1000000))')
    const before = await everything(project)
    const results = await outcomes([
      project.append('/a', { type: 'x', idempotencyKey: 'k' }),
      project.append('/a', { type: 'x', idempotencyKey: 'k' }),
      project.append('/b', { type: 'x' }),
      project.streams.create(parsePath('/c')),
    ])
    expect(results).toEqual([FULL, FULL, FULL, FULL])
    expect(await everything(project)).toEqual(before)
    removeTrigger(project)
    makeRoom(project)
    expect(await project.append('/a', { type: 'x', idempotencyKey: 'k' })).toMatchObject([
      { offset: 3, duplicate: false },
    ])
  })

  test('the database ends the transaction at the state row, as it may on FULL: nothing is left', async () => {
    using project = new TestProject()
    await fullDisk(project)
    makeRoom(project)
    trigger(project, 'update on streams', `select raise(rollback, 'disk on fire')`)
    const before = await everything(project)
    const [first, second] = await outcomes([project.append('/a', { type: 'x' }), project.append('/b', { type: 'x' })])
    expect(first).toMatchObject({ code: 'INTERNAL' })
    expect(second).toEqual(first)
    expect(await everything(project)).toEqual(before)
    removeTrigger(project)
    expect(await project.append('/a', { type: 'x' })).toMatchObject([{ offset: 3 }])
  })

  test('the commit itself fails: nothing of the group is left', async () => {
    using project = new TestProject()
    await fullDisk(project)
    makeRoom(project)
    const db = project.storage.connection
    // A deferred foreign key is checked by COMMIT alone, which then fails and leaves the transaction open.
    db.exec(
      'create table owner (id integer primary key); create table pet (id references owner deferrable initially deferred)',
    )
    db.pragma('foreign_keys = on')
    trigger(project, 'insert on events', 'insert into pet values (7)')
    const before = await everything(project)
    const results = await outcomes([
      project.append('/a', { type: 'x', idempotencyKey: 'k' }),
      project.append('/a', { type: 'x', idempotencyKey: 'k' }),
      project.append('/c/d', { type: 'x' }),
    ])
    expect(results).toMatchObject([{ code: 'INTERNAL' }, { code: 'INTERNAL' }, { code: 'INTERNAL' }])
    expect(db.inTransaction).toBe(false)
    expect(await everything(project)).toEqual(before)
    removeTrigger(project)
    expect(await project.append('/a', { type: 'x', idempotencyKey: 'k' })).toMatchObject([
      { offset: 3, duplicate: false },
    ])
  })
})

describe('a transaction that is gone', () => {
  const GONE = { code: 'UNAVAILABLE', reason: 'rolled-back' }

  test('between two appends of a group: both are rejected, the second writes nothing on its own', async () => {
    using project = new TestProject()
    await fullDisk(project)
    makeRoom(project)
    const before = await everything(project)
    const first = project.append('/a', { type: 'x' })
    project.storage.connection.exec('rollback')
    const second = project.append('/a', { type: 'x' })
    expect(await outcomes([first, second])).toEqual([GONE, GONE])
    expect(await everything(project)).toEqual(before)
    expect(await project.append('/a', { type: 'x' })).toMatchObject([{ offset: 3 }])
  })

  test('after the last append of a group: the state row is not written without its events', async () => {
    using project = new TestProject()
    await fullDisk(project)
    makeRoom(project)
    const before = await everything(project)
    const appending = project.append('/a', { type: 'x' })
    project.storage.connection.exec('rollback')
    expect(await outcomes([appending])).toEqual([GONE])
    expect(await everything(project)).toEqual(before)
    expect(await project.append('/a', { type: 'x' })).toMatchObject([{ offset: 3 }])
    project.reopen()
    expect(await project.streams.state(A)).toMatchObject({ maxOffset: 3, eventCount: 3 })
  })

  test('one that was left open by a rollback that failed does not keep later groups from beginning', async () => {
    using project = new TestProject()
    await fullDisk(project)
    makeRoom(project)
    project.storage.connection.exec(`begin; delete from events`)
    expect(await project.append('/a', { type: 'x' })).toMatchObject([{ offset: 3 }])
    expect(await project.log('/a')).toHaveLength(3)
  })

  test('at the first event of a group, by the statement that failed', async () => {
    using project = new TestProject()
    await fullDisk(project)
    makeRoom(project)
    trigger(project, 'insert on events', `select raise(rollback, 'disk on fire')`)
    const before = await everything(project)
    const results = await outcomes([project.append('/a', { type: 'x' }), project.append('/b', { type: 'x' })])
    expect(results).toMatchObject([{ code: 'INTERNAL' }, { code: 'INTERNAL' }])
    expect(await everything(project)).toEqual(before)
  })
})

describe('a database that somebody else is writing to', () => {
  test('the group cannot begin: UNAVAILABLE, and it works again once the other is done', async () => {
    using project = new TestProject()
    await fullDisk(project)
    makeRoom(project)
    project.storage.connection.pragma('busy_timeout = 0')
    const before = await everything(project)
    const other = new Database(project.file)
    other.exec('begin immediate')
    const BUSY = { code: 'UNAVAILABLE', reason: 'busy' }
    const results = await outcomes([
      project.append('/a', { type: 'x' }),
      project.append('/a', { type: 'x', idempotencyKey: 'old' }),
      project.append('/new/deep', { type: 'x' }),
      project.streams.create(parsePath('/newer')),
    ])
    expect(results).toEqual([BUSY, 'ok', BUSY, BUSY])
    expect(await everything(project)).toEqual(before)
    other.exec('rollback')
    other.close()
    expect(await project.append('/a', { type: 'x' })).toMatchObject([{ offset: 3 }])
    expect(await project.append('/new/deep', { type: 'x' })).toMatchObject([{ offset: 2 }])
  })
})

describe('sharing a commit', () => {
  test('all appends of a turn, on all streams of a project, share one', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const before = project.commits()
    const appends = Array.from({ length: 64 }, (_, i) => project.append(`/a/${i % 4}`, { type: 'x' }, { type: 'y' }))
    await Promise.all(appends)
    expect(project.commits()).toBe(before + 1)
  })

  test('a state row is written once per group, whatever the number of appends', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const db = project.storage.connection
    db.exec('create temp table writes (path text)')
    db.exec('create temp trigger counted after update on streams begin insert into writes values (new.path); end')
    await Promise.all(Array.from({ length: 20 }, () => project.append('/a', { type: 'x' })))
    expect(db.prepare('select path from temp.writes').pluck().all()).toEqual(['/a'])
  })

  test('an append of the next turn has a commit of its own', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const before = project.commits()
    await project.append('/a', { type: 'x' })
    await project.append('/a', { type: 'x' })
    expect(project.commits()).toBe(before + 2)
  })

  test('duplicates and refusals alone commit nothing', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x', idempotencyKey: 'k' })
    const before = project.commits()
    await project.append('/a', { type: 'x', idempotencyKey: 'k' })
    await failureOf(project.append('/a', { type: 'x', offset: 1 }))
    await turn()
    expect(project.commits()).toBe(before)
  })

  test('at most four commits run in a turn, in the order in which they fell due', async () => {
    const scheduler = new CommitScheduler()
    const ran: number[] = []
    for (let i = 0; i < 10; i++) scheduler.schedule(() => ran.push(i))
    expect(ran).toEqual([])
    await turn()
    expect(ran).toEqual([0, 1, 2, 3])
    // What falls due now waits its turn.
    scheduler.schedule(() => ran.push(10))
    await turn()
    expect(ran).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    await turn()
    expect(ran).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('projects that write at once are answered four a turn, all of them soon', async () => {
    using folder = new TestFolder()
    const engine = new StreamEngine({ directory: folder.path })
    const names = Array.from({ length: 10 }, (_, i) => `p${i}`)
    for (const name of names) await engine.project(name).append(A, [encodeInput({ type: 'x' })])
    const answered: string[] = []
    for (const name of names) {
      void engine
        .project(name)
        .append(A, [encodeInput({ type: 'x' })])
        .then(() => answered.push(name))
    }
    const perTurn: number[] = []
    for (let i = 0; i < 3; i++) {
      await turn()
      perTurn.push(answered.length)
    }
    expect(perTurn).toEqual([4, 8, 10])
    engine.close()
  })
})
