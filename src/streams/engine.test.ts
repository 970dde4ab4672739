import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type EncodedInput, encodeInput } from './event.ts'
import { type EngineOptions, StreamEngine } from './engine.ts'
import { parsePath } from './path.ts'
import { CommitScheduler } from './storage/sqlite/group-commit.ts'
import { SqliteStorage } from './storage/sqlite/sqlite-storage.ts'
import { TestClock, TestFolder, countingIds, failure, failureOf, plantState, readAll, turn } from './testing.ts'

// Guards the set of open projects: files are closed behind nobody's back, and shutting down loses and leaks nothing.

const A = parsePath('/a')
const x: EncodedInput = encodeInput({ type: 'x' })

class TestEngine {
  readonly folder = new TestFolder()
  readonly warnings: string[] = []
  readonly engine: StreamEngine

  constructor(options: Partial<EngineOptions> = {}) {
    this.engine = new StreamEngine({
      directory: join(this.folder.path, 'not', 'yet', 'there'),
      now: new TestClock().now,
      newId: countingIds(),
      warn: (message) => this.warnings.push(message),
      ...options,
    })
  }

  [Symbol.dispose](): void {
    this.engine.close()
    this.folder[Symbol.dispose]()
  }
}

describe('a project', () => {
  test('is a file of its own, made on first use', async () => {
    using test = new TestEngine()
    const directory = join(test.folder.path, 'not', 'yet', 'there')
    expect(readdirSync(directory)).toEqual([])
    await test.engine.project('prj_1').append(A, [x])
    await test.engine.project('prj_2').append(A, [x, x])
    expect(existsSync(join(directory, 'prj_1.db'))).toBe(true)
    expect(existsSync(join(directory, 'prj_2.db'))).toBe(true)
    expect(await readAll(test.engine.project('prj_1'), A)).toHaveLength(2)
    expect(await readAll(test.engine.project('prj_2'), A)).toHaveLength(3)
  })

  test('is the same object as long as it is open', () => {
    using test = new TestEngine()
    expect(test.engine.project('a')).toBe(test.engine.project('a'))
  })

  test.each(['', '.', '..', '../a', 'a/b', 'a\\b', '/etc/passwd', 'a.db', 'a b', 'a\u0000', 'é', 'a'.repeat(65), 'a\n'])(
    '%j is no project id',
    (id) => {
      using test = new TestEngine()
      let error: unknown
      try {
        test.engine.project(id)
      } catch (thrown) {
        error = thrown
      }
      expect(failure(error)).toMatchObject({ code: 'BAD_REQUEST' })
    },
  )

  test('keeps times from the clock it was given, and ids from the source it was given', async () => {
    using test = new TestEngine()
    await test.engine.project('a').append(A, [x])
    expect(await test.engine.project('a').state(parsePath('/'))).toMatchObject({
      createdAt: '2026-01-01T00:00:00.000Z',
      incarnationId: expect.stringMatching(/^inc-\d$/) as string,
    })
  })
})

describe('the projects that are open at once', () => {
  test('are limited: the least recently used is closed, and opened again when asked for', async () => {
    using test = new TestEngine({ openProjects: 2 })
    const [a, b] = [test.engine.project('a'), test.engine.project('b')]
    await a.append(A, [x])
    await b.append(A, [x])
    expect(test.engine.project('a')).toBe(a)
    test.engine.project('c')
    // `b` had to go; whoever kept it hears so.
    expect(await failureOf(b.append(A, [x]))).toMatchObject({ code: 'UNAVAILABLE' })
    expect(test.engine.project('a')).toBe(a)
    const reopened = test.engine.project('b')
    expect(reopened).not.toBe(b)
    expect(await reopened.append(A, [x])).toMatchObject([{ offset: 3 }])
    expect(test.warnings).toEqual([])
  })

  test('never lose one with a live reader: the limit bends, with one warning', async () => {
    using test = new TestEngine({ openProjects: 2 })
    const seen: number[] = []
    const subscriptions = []
    for (const id of ['a', 'b', 'c', 'd']) {
      const project = test.engine.project(id)
      await project.append(A, [x])
      subscriptions.push(await project.subscribe(A, {}, (batch) => seen.push(batch.through)))
    }
    expect(test.warnings).toEqual(['more than 2 projects are in use at once; their files stay open'])
    await test.engine.project('a').append(A, [x])
    await turn()
    expect(seen).toContain(3)
    const leastRecent = test.engine.project('b')
    for (const id of ['c', 'd', 'a']) test.engine.project(id)
    for (const subscription of subscriptions) subscription.unsubscribe()
    // Once they are idle the limit holds again: asking for another closes as many as are too many.
    test.engine.project('e')
    expect(await failureOf(leastRecent.append(A, [x]))).toMatchObject({ code: 'UNAVAILABLE' })
    expect(test.warnings).toHaveLength(1)
  })

  test('never lose one that is being written to', async () => {
    using test = new TestEngine({ openProjects: 1 })
    const appending = test.engine.project('a').append(A, [x])
    const others = ['b', 'c'].map((id) => test.engine.project(id).append(A, [x]))
    expect(await Promise.all([appending, ...others])).toHaveLength(3)
  })

  test('never lose one whose stream is being recovered, nor between its recovery and its first answer', async () => {
    using test = new TestEngine({ openProjects: 1 })
    await test.engine.project('a').append(A, new Array<EncodedInput>(1000).fill(x))
    const { exists: _, ...state } = await test.engine.project('a').state(A)
    test.engine.project('b')
    const file = join(test.folder.path, 'not', 'yet', 'there', 'a.db')
    const storage = new SqliteStorage(file, new CommitScheduler())
    plantState(storage, { ...state, maxOffset: 7 }, 0)
    storage.close()
    let answer: unknown
    void test.engine
      .project('a')
      .append(A, [x])
      .then(
        (receipts) => (answer = receipts),
        (error: unknown) => (answer = failure(error)),
      )
    // Asks for room at every single step that the recovery takes.
    for (let turns = 0; answer === undefined && turns < 100; turns++) {
      for (let step = 0; answer === undefined && step < 50; step++) {
        test.engine.project('b')
        await Promise.resolve()
      }
      await turn()
    }
    expect(answer).toMatchObject([{ offset: 1002 }])
  })

  test('a reader that failed at its first batch keeps no project open', async () => {
    using test = new TestEngine({ openProjects: 1 })
    const a = test.engine.project('a')
    await a.append(A, [x])
    const broken = await a.subscribe(A, {}, () => {
      throw new Error('no')
    })
    await broken.closed()
    test.engine.project('b')
    expect(test.warnings).toEqual([])
  })
})

describe('closing', () => {
  test('commits what is open', async () => {
    using test = new TestEngine()
    const project = test.engine.project('a')
    await project.append(A, [x])
    const appends = [project.append(A, [x]), project.append(parsePath('/new/deep'), [x]), project.create(parsePath('/made'))]
    test.engine.close()
    await Promise.all(appends)
    const again = new StreamEngine({ directory: join(test.folder.path, 'not', 'yet', 'there') })
    expect(await readAll(again.project('a'), A)).toHaveLength(3)
    expect((await again.project('a').list()).streams.map((row) => row.path)).toEqual(['/', '/a', '/made', '/new', '/new/deep'])
    again.close()
  })

  test('ends the readers of every project with "shutdown"', async () => {
    using test = new TestEngine()
    const ends = []
    for (const id of ['a', 'b']) {
      const subscription = await test.engine.project(id).subscribe(A, {}, () => {})
      ends.push(subscription.closed())
    }
    test.engine.close()
    expect(await Promise.all(ends)).toEqual([{ reason: 'shutdown' }, { reason: 'shutdown' }])
  })

  test('leaves the engine refusing, and may happen twice', () => {
    using test = new TestEngine()
    test.engine.project('a')
    test.engine.close()
    test.engine.close()
    expect(() => test.engine.project('a')).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
    expect(() => test.engine.project('never seen')).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
  })

  test('whoever kept a project hears UNAVAILABLE from every operation, as a rejection', async () => {
    using test = new TestEngine()
    const project = test.engine.project('a')
    await project.append(A, [{ ...x, idempotencyKey: 'k' }])
    test.engine.close()
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
      () => project.findEvent(A, 'k'),
      () => project.children(A),
      () => project.list(),
      () => project.subscribe(A, { after: 'start' }, () => {}),
      () => project.subscribe(absent, {}, () => {}),
    ]
    for (const operation of operations) expect([String(operation), await failureOf(operation())]).toEqual([String(operation), unavailable])
  })

  test('in the middle of a recovery: who waits for it hears UNAVAILABLE', async () => {
    using test = new TestEngine()
    for (let i = 0; i < 3; i++) await test.engine.project('a').append(A, new Array<EncodedInput>(1000).fill(x))
    const { exists: _, ...state } = await test.engine.project('a').state(A)
    test.engine.close()
    const directory = join(test.folder.path, 'not', 'yet', 'there')
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
