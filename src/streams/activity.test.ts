import { describe, expect, test } from 'vitest'
import { type ActivityBatch, MAX_ACTIVITY_PATHS, MAX_DUE_ROWS } from './activity.ts'
import { encodeInput } from './event-input.ts'
import { ROOT_PATH, parsePath } from './path.ts'
import type { ProjectStreams } from './project-streams.ts'
import { TestProject, TestTimers, failureOf, times, turn, until } from './testing.ts'

// Guards what a page of children rests on: every change of a child is told, as it is committed, rarely enough for
// anybody, and a reader that does not listen costs next to nothing.

const A = parsePath('/a')
const x = encodeInput({ type: 'x' })

/** A project on a clock of its own, and what a watcher of some paths is told. Use with `using`. */
class Watched {
  readonly timers = new TestTimers()
  readonly project = new TestProject(undefined, { scheduler: this.timers })
  readonly batches: ActivityBatch[] = []
  /** What a reader answers; it takes batches at once unless a test says otherwise. */
  take: () => unknown = () => {}

  get streams(): ProjectStreams {
    return this.project.streams
  }

  watch(...paths: string[]) {
    return this.streams.activity({ paths }, (batch) => {
      this.batches.push(batch)
      return this.take()
    })
  }

  append(path: string, count = 1) {
    return this.streams.append(parsePath(path), times(count, x))
  }

  /** Lets everything that is due be told: the turn in which it is, and the rest after it. */
  async told(): Promise<readonly ActivityBatch[]> {
    for (let i = 0; i < 5; i++) {
      await turn()
      await turn()
      this.timers.elapse()
    }
    return this.batches
  }

  async row(path: string) {
    const [row] = (await this.streams.list({ prefix: path, limit: 1 })).streams
    return row
  }

  [Symbol.dispose](): void {
    this.project[Symbol.dispose]()
  }
}

describe('a watcher of the overview', () => {
  const watchAll = (watched: Watched, ...paths: string[]) =>
    watched.streams.activity({ paths, overview: true }, (batch) => {
      watched.batches.push(batch)
      return watched.take()
    })

  test('is told that something has changed, however deep, without a row of it, twice a second at most', async () => {
    using watched = new Watched()
    await watched.append('/a/b/c')
    await watchAll(watched, '/')
    // Of one turn, and so of one commit.
    await Promise.all(times(5, 0).map(() => watched.append('/a/b/c')))
    expect(await watched.told()).toEqual([{ rows: [], removed: [], overview: true }])
    await watched.append('/a', 2)
    expect((await watched.told()).slice(1)).toEqual([{ rows: [await watched.row('/a')], removed: [], overview: true }])
  })

  test('is told of what no stream tells: appends that are refused, and readers that come and go', async () => {
    using watched = new Watched()
    await watchAll(watched, '/none')
    watched.streams.appendRefused(new Error('anything'))
    expect(await watched.told()).toHaveLength(1)
    const reader = await watched.streams.subscribe(A, {}, () => {})
    expect(await watched.told()).toHaveLength(2)
    reader.unsubscribe()
    expect(await watched.told()).toEqual(times(3, { rows: [], removed: [], overview: true }))
  })

  test('hears nothing any more after it stopped, and while nothing happens', async () => {
    using watched = new Watched()
    await watched.append('/a/b')
    const activity = await watchAll(watched, '/')
    expect(await watched.told()).toEqual([])
    activity.stop()
    await watched.append('/a/b')
    expect(await watched.told()).toEqual([])
  })

  test('is told so with what is gone', async () => {
    using watched = new Watched()
    await watched.append('/a/b')
    await watchAll(watched, '/a')
    await watched.streams.delete(A, { recursive: true })
    expect(await watched.told()).toEqual([{ rows: [], removed: ['/a'], overview: true }])
  })
})

describe('a watcher of a path', () => {
  test('is told of a child that changed, with the row that a page of children would show', async () => {
    using watched = new Watched()
    await watched.append('/a/one')
    await watched.append('/a/two')
    await watched.watch('/a')
    await watched.append('/a/one', 3)
    const { children } = await watched.streams.children(A)
    expect(await watched.told()).toEqual([{ rows: [children[0]], removed: [] }])
    expect(children[0]).toMatchObject({ path: '/a/one', eventCount: 5 })
  })

  test('hears nothing of the path itself, of grandchildren alone, or of streams elsewhere', async () => {
    using watched = new Watched()
    for (const path of ['/a/one/deep', '/ab', '/b/c']) await watched.append(path)
    await watched.watch('/a')
    for (const path of ['/a', '/a/one/deep', '/ab', '/b/c', '/']) await watched.append(path)
    expect(await watched.told()).toEqual([])
  })

  test('is told of children that were made, also by what was made below them', async () => {
    using watched = new Watched()
    await watched.watch('/a')
    await watched.append('/a/one/deep')
    expect(await watched.told()).toMatchObject([{ rows: [{ path: '/a/one', descendantCount: 1 }], removed: [] }])
  })

  test.each([
    ['paused', (streams: ProjectStreams) => streams.pause(parsePath('/a/one')), { paused: true }],
    ['closed', (streams: ProjectStreams) => streams.close(parsePath('/a/one')), { closed: true }],
    [
      'reset',
      (streams: ProjectStreams) => streams.reset(parsePath('/a/one')),
      { incarnationId: 'inc-4', maxOffset: 1 },
    ],
  ])('is told of a child that was %s', async (_, change, expected) => {
    using watched = new Watched()
    await watched.append('/a/one')
    await watched.watch('/a')
    await change(watched.streams)
    expect(await watched.told()).toMatchObject([{ rows: [{ path: '/a/one', ...expected }], removed: [] }])
  })

  test('is told of a child that went', async () => {
    using watched = new Watched()
    await watched.append('/a/one/deep')
    await watched.watch('/a')
    await watched.streams.delete(parsePath('/a/one'), { recursive: true })
    expect(await watched.told()).toEqual([{ rows: [], removed: ['/a/one'] }])
  })

  test.each(['/a/b', '/a'])('is told that it went, deleted with %s', async (deleted) => {
    using watched = new Watched()
    await watched.append('/a/b/one')
    await watched.append('/c/two')
    await watched.watch('/a/b', '/c')
    await watched.streams.delete(parsePath(deleted), { recursive: true })
    expect(await watched.told()).toEqual([{ rows: [], removed: ['/a/b'] }])
  })

  test('is told that it went even if it is there again: what was below it is not', async () => {
    using watched = new Watched()
    for (const path of ['/a/old', '/a/kept']) await watched.append(path)
    await watched.watch('/a')
    // While the first telling rests.
    await watched.append('/a/kept')
    await turn()
    await turn()
    await watched.streams.delete(A, { recursive: true })
    await watched.append('/a/kept')
    await watched.told()
    expect(watched.batches[1]).toMatchObject({ rows: [{ path: '/a/kept', maxOffset: 2 }], removed: ['/a'] })
  })

  test('keeps hearing of several paths in one batch, each child once', async () => {
    using watched = new Watched()
    await watched.watch('/', '/a', '/a/', '/a/one/..')
    await Promise.all([watched.append('/a/one'), watched.append('/b')])
    const told = await watched.told()
    expect(told).toHaveLength(1)
    expect(told[0]?.rows.map(({ path }) => path).toSorted()).toEqual(['/a', '/a/one', '/b'])
  })

  test('hears nothing of what was not stored, and the truth of what was', async () => {
    using watched = new Watched()
    await watched.append('/a/one')
    await watched.watch('/a')
    const lost = [watched.append('/a/one', 5), watched.append('/a/new')].map(failureOf)
    watched.project.storage.connection.exec('rollback')
    expect(await Promise.all(lost)).toMatchObject(times(2, { code: 'UNAVAILABLE' }))
    const [told] = await watched.told()
    // Whether they were stored only the disk knows: told is what it says.
    expect(told).toEqual({ rows: [await watched.row('/a/one')], removed: ['/a/new'] })
    expect(told?.rows).toMatchObject([{ maxOffset: 2 }])
  })

  test('is told to read anew where nobody knows whether it went', async () => {
    using watched = new Watched()
    await watched.append('/a/b/one')
    await watched.watch('/a/b')
    const deleting = failureOf(watched.streams.delete(A, { recursive: true }))
    watched.project.storage.connection.exec('rollback')
    expect(await deleting).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await watched.told()).toEqual([{ rows: [], removed: [], overflow: true }])
  })
})

describe('how often', () => {
  test('a change is told in the turn after its commit; what follows within half a second is told once', async () => {
    using watched = new Watched()
    await watched.watch('/a')
    await watched.append('/a/one')
    await turn()
    expect(watched.batches).toHaveLength(1)
    expect(watched.timers.waits).toEqual([500])
    for (let i = 0; i < 1000; i++) await watched.append('/a/one')
    expect(watched.batches).toHaveLength(1)
    watched.timers.elapse()
    await turn()
    expect(watched.batches.slice(1)).toMatchObject([{ rows: [{ path: '/a/one', eventCount: 1002 }] }])
  })

  test('where nothing changes nothing is waited for', async () => {
    using watched = new Watched()
    await watched.watch('/a')
    expect(watched.timers.waits).toEqual([])
    await watched.append('/a/one')
    await watched.told()
    expect(watched.timers.waits).toEqual([])
    expect(watched.batches).toHaveLength(1)
  })

  test('a batch holds 500 rows; what is due beyond them follows when it was taken', async () => {
    using watched = new Watched()
    await watched.watch('/a')
    await Promise.all(times(1200, 0).map((_, i) => watched.append(`/a/${i}`)))
    await until(() => watched.batches.length === 3)
    expect(watched.batches.map(({ rows }) => rows.length)).toEqual([500, 500, 200])
    expect(new Set(watched.batches.flatMap(({ rows }) => rows.map(({ path }) => path))).size).toBe(1200)
    // All of it was one telling: there is one rest after it.
    expect(watched.timers.waits).toEqual([500])
  })

  test('a child that keeps changing while many are told waits for the next time', async () => {
    using watched = new Watched()
    await watched.watch('/a')
    watched.take = () => watched.append('/a/0')
    await Promise.all(times(1200, 0).map((_, i) => watched.append(`/a/${i}`)))
    await until(() => watched.batches.length === 3)
    for (let i = 0; i < 5; i++) await turn()
    const hot = watched.batches.flatMap(({ rows }) => rows.filter(({ path }) => path === '/a/0'))
    expect(hot).toHaveLength(1)
    watched.take = () => {}
    await watched.told()
    expect(watched.batches.at(-1)).toMatchObject({ rows: [{ path: '/a/0', eventCount: 5 }] })
  })
})

describe('a reader that is slow', () => {
  test('has one batch on its way, and is told of the rest when it has taken it', async () => {
    using watched = new Watched()
    const taken = Promise.withResolvers<void>()
    watched.take = () => taken.promise
    await watched.watch('/a')
    await watched.append('/a/one')
    await watched.told()
    await watched.append('/a/two')
    await watched.append('/a/one')
    await watched.told()
    expect(watched.batches).toHaveLength(1)
    taken.resolve()
    await watched.told()
    expect(watched.batches.slice(1)).toMatchObject([{ rows: [{ path: '/a/two' }, { path: '/a/one', eventCount: 3 }] }])
  })

  test('beyond ten thousand changed children is told to read anew, and of what changes after that', async () => {
    using watched = new Watched()
    const taken = Promise.withResolvers<void>()
    await watched.watch('/a')
    watched.take = () => taken.promise
    await watched.append('/a/first')
    await watched.told()
    const make = (from: number, to: number) =>
      Promise.all(Array.from({ length: to - from }, (_, i) => watched.streams.create(parsePath(`/a/${from + i}`))))
    await make(0, MAX_DUE_ROWS + 1)
    await watched.streams.delete(parsePath('/a/1'))
    taken.resolve()
    await watched.told()
    expect(watched.batches.slice(1)).toEqual([{ rows: [], removed: [], overflow: true }])
    await watched.append('/a/5')
    await watched.told()
    expect(watched.batches.slice(2)).toMatchObject([{ rows: [{ path: '/a/5', eventCount: 2 }], removed: [] }])
  })

  test('exactly ten thousand are still told one by one', async () => {
    using watched = new Watched()
    const taken = Promise.withResolvers<void>()
    await watched.watch('/a')
    watched.take = () => taken.promise
    await watched.append('/a/first')
    await watched.told()
    await Promise.all(times(MAX_DUE_ROWS, 0).map((_, i) => watched.streams.create(parsePath(`/a/${i}`))))
    taken.resolve()
    await until(() => {
      watched.timers.elapse()
      return watched.batches.length === 21
    })
    expect(watched.batches.some(({ overflow }) => overflow)).toBe(false)
    expect(watched.batches.slice(1).map(({ rows }) => rows.length)).toEqual(times(20, 500))
  })
})

describe('the end', () => {
  test('nothing arrives after stopping, not even what was due; the project is idle', async () => {
    using watched = new Watched()
    const activity = await watched.watch('/a')
    expect(watched.streams.idle).toBe(false)
    await watched.append('/a/one')
    activity.stop()
    expect(await activity.closed()).toEqual({ reason: 'stopped' })
    expect(await watched.told()).toEqual([])
    expect(watched.streams.idle).toBe(true)
    await watched.append('/a/one')
    expect(await watched.told()).toEqual([])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('a reader that %s is dropped and told so; others go on', async (_, take) => {
    using watched = new Watched()
    const theirs: ActivityBatch[] = []
    await watched.streams.activity({ paths: ['/a'] }, (batch) => theirs.push(batch))
    watched.take = take
    const activity = await watched.watch('/a')
    await watched.append('/a/one')
    expect(await activity.closed()).toEqual({ reason: 'failed' })
    await watched.told()
    await watched.append('/a/one')
    await watched.told()
    expect([watched.batches.length, theirs.length]).toEqual([1, 2])
  })

  test.each(['shutdown', 'deleted'] as const)('%s ends it, and none begins afterwards', async (by) => {
    using watched = new Watched()
    const activity = await watched.watch('/a')
    void watched.append('/a/one')
    watched.streams.shutdown(by)
    expect(await activity.closed()).toEqual({ reason: by })
    expect(await watched.told()).toEqual([])
    expect(watched.timers.waits).toEqual([])
    expect(await failureOf(watched.watch('/a'))).toMatchObject({
      code: by === 'deleted' ? 'NOT_FOUND' : 'UNAVAILABLE',
    })
  })

  test('a row that cannot be read ends it with "storage", and says why', async () => {
    using watched = new Watched()
    await watched.append('/a/one')
    await watched.append('/a/two')
    const activity = await watched.watch('/a')
    const { connection } = watched.project.storage
    // Fails, so that the row is read from the disk; by then it is damaged there.
    const lost = failureOf(watched.append('/a/one'))
    connection.exec('rollback')
    await lost.catch(() => {})
    connection.exec("update streams set event_count = 99 where path = '/a/one'")
    expect(await activity.closed()).toEqual({ reason: 'storage', code: 'INTERNAL' })
    expect(watched.streams.idle).toBe(true)
  })
})

describe('what it takes', () => {
  test.each([
    [undefined],
    ['/a'],
    [[]],
    [times(MAX_ACTIVITY_PATHS + 1, '/a')],
    [['a']],
    [['/a', '/../b']],
    [[7]],
    [['/a//b']],
  ])('%j is refused', async (paths) => {
    using watched = new Watched()
    const asked = watched.streams.activity({ paths: paths as never }, () => {})
    expect(await failureOf(asked)).toMatchObject({ code: 'BAD_REQUEST' })
    expect(watched.streams.idle).toBe(true)
  })

  test('a hundred paths, among them some without a stream and the root', async () => {
    using watched = new Watched()
    await watched.watch(ROOT_PATH, ...times(MAX_ACTIVITY_PATHS - 1, 0).map((_, i) => `/${i}`))
    await watched.append('/7/child')
    const told = await watched.told()
    expect(told.flatMap(({ rows }) => rows.map(({ path }) => path)).toSorted()).toEqual(['/7', '/7/child'])
  })
})
