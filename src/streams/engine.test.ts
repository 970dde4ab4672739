import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { EncodedInput } from './event.ts'
import { encodeInput } from './event-input.ts'
import { StreamEngine } from './engine.ts'
import { parsePath } from './path.ts'
import { CommitScheduler } from './storage/sqlite/group-commit.ts'
import { SqliteStorage } from './storage/sqlite/sqlite-storage.ts'
import { TestEngine, failure, failureOf, plantState, readAll, times, turn } from './testing.ts'

// Guards the set of open projects: files are closed behind nobody's back, and shutting down loses and leaks nothing.

const A = parsePath('/a')
const x: EncodedInput = encodeInput({ type: 'x' })

describe('a project', () => {
  test('is a file of its own, made on first use', async () => {
    using opened = new TestEngine()
    const { directory } = opened
    expect(readdirSync(directory)).toEqual([])
    await opened.engine.project('prj_1').append(A, [x])
    await opened.engine.project('prj_2').append(A, [x, x])
    expect(existsSync(join(directory, 'prj_1.db'))).toBe(true)
    expect(existsSync(join(directory, 'prj_2.db'))).toBe(true)
    expect(await readAll(opened.engine.project('prj_1'), A)).toHaveLength(2)
    expect(await readAll(opened.engine.project('prj_2'), A)).toHaveLength(3)
  })

  test('is the same object as long as it is open', () => {
    using opened = new TestEngine()
    expect(opened.engine.project('a')).toBe(opened.engine.project('a'))
  })

  test.each([
    '',
    '.',
    '..',
    '../a',
    'a/b',
    'a\\b',
    '/etc/passwd',
    'a.db',
    'a b',
    'a\u0000',
    'é',
    'a'.repeat(65),
    'a\n',
  ])('%j is no project id', (id) => {
    using opened = new TestEngine()
    let error: unknown
    try {
      opened.engine.project(id)
    } catch (thrown) {
      error = thrown
    }
    expect(failure(error)).toMatchObject({ code: 'BAD_REQUEST' })
  })

  test('keeps times from the clock it was given, and ids from the source it was given', async () => {
    using opened = new TestEngine()
    await opened.engine.project('a').append(A, [x])
    expect(await opened.engine.project('a').state(parsePath('/'))).toMatchObject({
      createdAt: '2026-01-01T00:00:00.000Z',
      incarnationId: expect.stringMatching(/^inc-\d$/) as string,
    })
  })
})

describe('the projects that are open at once', () => {
  test('are limited: the least recently used is closed, and opened again when asked for', async () => {
    using opened = new TestEngine({ openProjects: 2 })
    const [a, b] = [opened.engine.project('a'), opened.engine.project('b')]
    await a.append(A, [x])
    await b.append(A, [x])
    expect(opened.engine.project('a')).toBe(a)
    opened.engine.project('c')
    // `b` had to go; whoever kept it hears so.
    expect(await failureOf(b.append(A, [x]))).toMatchObject({ code: 'UNAVAILABLE' })
    expect(opened.engine.project('a')).toBe(a)
    const reopened = opened.engine.project('b')
    expect(reopened).not.toBe(b)
    expect(await reopened.append(A, [x])).toMatchObject([{ offset: 3 }])
    expect(opened.warnings).toEqual([])
  })

  test('never lose one with a live reader: the limit bends, with one warning', async () => {
    using opened = new TestEngine({ openProjects: 2 })
    const seen: number[] = []
    const subscriptions = []
    for (const id of ['a', 'b', 'c', 'd']) {
      const project = opened.engine.project(id)
      await project.append(A, [x])
      subscriptions.push(await project.subscribe(A, {}, (batch) => seen.push(batch.through)))
    }
    expect(opened.warnings).toEqual(['more than 2 projects are in use at once; their files stay open'])
    await opened.engine.project('a').append(A, [x])
    await turn()
    expect(seen).toContain(3)
    const leastRecent = opened.engine.project('b')
    for (const id of ['c', 'd', 'a']) opened.engine.project(id)
    for (const subscription of subscriptions) subscription.unsubscribe()
    // Once they are idle the limit holds again: asking for another closes as many as are too many.
    opened.engine.project('e')
    expect(await failureOf(leastRecent.append(A, [x]))).toMatchObject({ code: 'UNAVAILABLE' })
    expect(opened.warnings).toHaveLength(1)
  })

  test('never lose one that is being written to', async () => {
    using opened = new TestEngine({ openProjects: 1 })
    const appending = opened.engine.project('a').append(A, [x])
    const others = ['b', 'c'].map((id) => opened.engine.project(id).append(A, [x]))
    expect(await Promise.all([appending, ...others])).toHaveLength(3)
  })

  test('never lose one whose stream is being recovered, nor between its recovery and its first answer', async () => {
    using opened = new TestEngine({ openProjects: 1 })
    await opened.engine.project('a').append(A, [x])
    const { exists: _, ...state } = await opened.engine.project('a').state(A)
    opened.engine.project('b')
    const file = join(opened.directory, 'a.db')
    const storage = new SqliteStorage(file, new CommitScheduler())
    // A log of one page is replayed without a turn of the event loop: step by step with what is asked below.
    plantState(storage, { ...state, maxOffset: 7 }, 0)
    storage.close()
    const outcomes: unknown[] = []
    void opened.engine
      .project('a')
      .append(A, [x])
      .then(
        (receipts) => outcomes.push(receipts),
        (error: unknown) => outcomes.push(failure(error)),
      )
    // Asks for room at every single step that the recovery takes.
    for (let turns = 0; outcomes.length === 0 && turns < 50; turns++) {
      for (let step = 0; outcomes.length === 0 && step < 20; step++) {
        opened.engine.project(`b-${turns}-${step}`)
        await Promise.resolve()
      }
      await turn()
    }
    expect(outcomes).toMatchObject([[{ offset: 3 }]])
  })

  test('a reader that failed at its first batch keeps no project open', async () => {
    using opened = new TestEngine({ openProjects: 1 })
    const a = opened.engine.project('a')
    await a.append(A, [x])
    const broken = await a.subscribe(A, {}, () => {
      throw new Error('no')
    })
    await broken.closed()
    opened.engine.project('b')
    expect(opened.warnings).toEqual([])
  })
})

describe('closing', () => {
  test('commits what is open', async () => {
    using opened = new TestEngine()
    const project = opened.engine.project('a')
    await project.append(A, [x])
    const appends = [
      project.append(A, [x]),
      project.append(parsePath('/new/deep'), [x]),
      project.create(parsePath('/made')),
    ]
    opened.engine.close()
    await Promise.all(appends)
    const again = new StreamEngine({ directory: opened.directory })
    expect(await readAll(again.project('a'), A)).toHaveLength(3)
    expect((await again.project('a').list()).streams.map((row) => row.path)).toEqual([
      '/',
      '/a',
      '/made',
      '/new',
      '/new/deep',
    ])
    again.close()
  })

  test('ends the readers of every project with "shutdown"', async () => {
    using opened = new TestEngine()
    const ends = []
    for (const id of ['a', 'b']) {
      const subscription = await opened.engine.project(id).subscribe(A, {}, () => {})
      ends.push(subscription.closed())
    }
    opened.engine.close()
    expect(await Promise.all(ends)).toEqual([{ reason: 'shutdown' }, { reason: 'shutdown' }])
  })

  test('leaves the engine refusing, and may happen twice', () => {
    using opened = new TestEngine()
    opened.engine.project('a')
    opened.engine.close()
    opened.engine.close()
    expect(() => opened.engine.project('a')).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
    expect(() => opened.engine.project('never seen')).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
  })

  test('whoever kept a project hears UNAVAILABLE from every operation, as a rejection', async () => {
    using opened = new TestEngine()
    const project = opened.engine.project('a')
    await project.append(A, [{ ...x, idempotencyKey: 'k' }])
    opened.engine.close()
    const unavailable = { code: 'UNAVAILABLE', reason: 'shutting-down' }
    const absent = parsePath('/absent')
    const operations: (() => Promise<unknown>)[] = [
      () => project.append(A, [x]),
      () => project.append(A, [{ ...x, idempotencyKey: 'k' }]),
      () => project.append(absent, [x]),
      () => project.create(A),
      () => project.create(absent),
      () => project.state(A),
      () => project.state(absent),
      () => project.read(A),
      () => project.read(absent),
      () => project.getEvent(A, { idempotencyKey: 'k' }),
      () => project.children(A),
      () => project.list(),
      () => project.subscribe(A, { after: 'start' }, () => {}),
      () => project.subscribe(absent, {}, () => {}),
    ]
    for (const operation of operations)
      expect([String(operation), await failureOf(operation())]).toEqual([String(operation), unavailable])
  })

  test('whoever has just asked a question when the file is closed hears UNAVAILABLE', async () => {
    using opened = new TestEngine()
    const project = opened.engine.project('a')
    await project.append(A, [{ ...x, idempotencyKey: 'k' }])
    const asked = [
      project.read(A),
      project.getEvent(A, { offset: 1 }),
      project.getEvent(A, { idempotencyKey: 'k' }),
      project.children(A),
      project.list(),
    ].map(failureOf)
    opened.engine.close()
    const unavailable = { code: 'UNAVAILABLE', reason: 'shutting-down' }
    expect(await Promise.all(asked)).toEqual(times(asked.length, unavailable))
  })

  test('in the middle of a recovery: who waits for it hears UNAVAILABLE', async () => {
    using opened = new TestEngine()
    for (let i = 0; i < 3; i++) await opened.engine.project('a').append(A, times(1000, x))
    const { exists: _, ...state } = await opened.engine.project('a').state(A)
    opened.engine.close()
    const { directory } = opened
    const storage = new SqliteStorage(join(directory, 'a.db'), new CommitScheduler())
    plantState(storage, state, 0)
    storage.close()
    const again = new StreamEngine({ directory })
    const project = again.project('a')
    const waiting = [project.append(A, [x]), project.state(A), project.append(parsePath('/a/b'), [x])].map(failureOf)
    await turn()
    again.close()
    const unavailable = { code: 'UNAVAILABLE', reason: 'shutting-down' }
    expect(await Promise.all(waiting)).toEqual([unavailable, unavailable, unavailable])
  })
})
