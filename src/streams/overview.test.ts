import { describe, expect, test } from 'vitest'
import { Overview, type OverviewHost, type ProjectOverview } from './overview.ts'
import { parsePath } from './path.ts'
import type { CatalogueRow } from './storage/port.ts'
import { TEST_TIME, TestProject, failureOf, times } from './testing.ts'

// Guards the page that says what a project is doing: right at once after a restart, never negative, whatever the clock
// does, and never of a stream that is gone.

/** A project whose clocks go together, unless the wall clock is set on its own. */
function project(): TestProject & { pass(ms: number): void } {
  let elapsed = 5_000_000
  const found = new TestProject(undefined, { elapsed: () => elapsed })
  return Object.assign(found, {
    pass: (ms: number) => {
      elapsed += ms
      found.clock.ms += ms
    },
  })
}

const iso = (afterStart: number) => new Date(TEST_TIME + afterStart).toISOString()
const pathsOf = (rows: readonly { readonly row: CatalogueRow }[]) => rows.map(({ row }) => row.path)
const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0)
/** Which numbers are not zero, by how many come after them. */
const counted = (counts: readonly number[]) =>
  Object.fromEntries(counts.flatMap((count, i) => (count === 0 ? [] : [[counts.length - 1 - i, count]])))

describe('an empty project', () => {
  test('does nothing, and says so in as many numbers as any', async () => {
    using it = project()
    expect(await it.streams.overview()).toEqual<ProjectOverview>({
      at: iso(0),
      streams: 0,
      appended: times(300, 0),
      since: iso(0),
      subscribers: 0,
      subscribed: times(300, 0),
      refused: times(300, 0),
      refusals: [],
      recent: [],
      busiest: [],
      paused: [],
      pausedCount: 0,
      parked: [],
      parkedCount: 0,
    })
  })
})

describe('what is stored', () => {
  test('counts in the second in which it was, once that is over, and for 300 seconds', async () => {
    using it = project()
    await it.append('/', { type: 'x' })
    it.pass(1000)
    await it.append('/', { type: 'x' }, { type: 'x' })
    it.pass(999)
    await it.append('/', { type: 'x' })
    expect(counted((await it.streams.overview()).appended)).toEqual({ 0: 2 })
    it.pass(1)
    const told = await it.streams.overview()
    expect(told).toMatchObject({ at: iso(2000), since: iso(0), streams: 1 })
    expect(counted(told.appended)).toEqual({ 0: 3, 1: 2 })
    it.pass(298_000)
    expect(counted((await it.streams.overview()).appended)).toEqual({ 298: 3, 299: 2 })
    it.pass(1000)
    expect(counted((await it.streams.overview()).appended)).toEqual({ 299: 3 })
    it.pass(1000)
    expect(await it.streams.overview()).toMatchObject({ appended: times(300, 0), since: iso(0), busiest: [] })
  })

  test('counts with the core events and announcements that come with it, and is whole streams’ sum', async () => {
    using it = project()
    await it.append('/a/b', { type: 'x' })
    it.pass(1000)
    const told = await it.streams.overview()
    // Three streams made; announced to the root twice and to /a once; one event of a caller.
    expect(counted(told.appended)).toEqual({ 0: 7 })
    expect(sum(told.recent.flatMap(({ appended }) => appended))).toBe(7)
    expect(told.recent.map(({ row, appended }) => [row.path, appended.length, counted(appended)])).toEqual([
      ['/a/b', 60, { 0: 2 }],
      ['/a', 60, { 0: 2 }],
      ['/', 60, { 0: 3 }],
    ])
  })

  test('that was refused, was a duplicate, or never reached the disk, does not count', async () => {
    using it = project()
    await it.append('/', { type: 'x', idempotencyKey: 'k' })
    it.pass(1000)
    await it.append('/', { type: 'x', idempotencyKey: 'k' })
    await failureOf(it.append('/', { type: 'x', offset: 9 }))
    const failed = it.append('/', { type: 'x' })
    it.storage.connection.exec('rollback')
    await failureOf(failed)
    it.pass(1000)
    expect(counted((await it.streams.overview()).appended)).toEqual({ 1: 2 })
  })

  test('of one stream is told in steps of 5 s', async () => {
    using it = project()
    for (let second = 0; second < 12; second++) {
      await it.append('/', { type: 'x' })
      it.pass(1000)
    }
    const [root] = (await it.streams.overview()).recent
    expect(counted(root?.appended ?? [])).toEqual({ 0: 5, 1: 5, 2: 3 })
  })
})

describe('the clock', () => {
  test('that is set back or on changes nothing that was counted, and nothing is negative', async () => {
    using it = project()
    await it.append('/', { type: 'x' })
    it.pass(2000)
    for (const ms of [0, 4e12, TEST_TIME - 1e10]) {
      it.clock.ms = ms
      const { at, since, appended, recent } = await it.streams.overview()
      expect(Date.parse(at) - Date.parse(since)).toBe(2000)
      expect([ms, counted(appended)]).toEqual([ms, { 1: 2 }])
      expect(counted(recent[0]?.appended ?? [])).toEqual({ 0: 2 })
    }
  })

  test('for lengths of time may go back as well: no time has passed then, and it goes on from there', async () => {
    let elapsed = 1e6
    using it = new TestProject(undefined, { elapsed: () => elapsed })
    await it.append('/', { type: 'x' })
    elapsed += 1000
    expect(counted((await it.streams.overview()).appended)).toEqual({ 0: 2 })
    elapsed = -7e9
    await it.append('/', { type: 'x' })
    expect(counted((await it.streams.overview()).appended)).toEqual({ 0: 2 })
    elapsed += 1000
    expect(counted((await it.streams.overview()).appended)).toEqual({ 0: 1, 1: 2 })
    elapsed += 1e12
    expect((await it.streams.overview()).appended).toEqual(times(300, 0))
  })
})

describe('streams', () => {
  test('are listed by their newest event, at most 20, and the busiest apart, at most 10', async () => {
    using it = project()
    for (let i = 0; i < 30; i++) {
      it.pass(10)
      await it.append(`/s${i}`, ...times(i + 1, { type: 'x' }))
    }
    // The one with the fewest becomes the newest.
    it.pass(10)
    await it.append('/s0', { type: 'x' })
    it.pass(1000)
    const { recent, busiest, streams } = await it.streams.overview()
    expect(streams).toBe(31)
    const down = Array.from({ length: 29 }, (_, i) => `/s${29 - i}`)
    expect(pathsOf(recent)).toEqual(['/s0', '/s29', '/', ...down.slice(1, 18)])
    // The root has 30 announcements and its own beginning, as many events as /s29; it was told of that one last.
    expect(pathsOf(busiest)).toEqual(['/', '/s29', ...down.slice(1, 9)])
    expect(busiest.map(({ appended }) => sum(appended))).toEqual([
      31,
      31,
      ...Array.from({ length: 8 }, (_, i) => 30 - i),
    ])
    expect(busiest[1]?.row).toMatchObject({ path: '/s29', eventCount: 31, maxOffset: 31 })
  })

  test('that were busy are not any more after five minutes of rest', async () => {
    using it = project()
    await it.append('/', ...times(9, { type: 'x' }))
    it.pass(200_000)
    expect(pathsOf((await it.streams.overview()).busiest)).toEqual(['/'])
    it.pass(101_000)
    expect(await it.streams.overview()).toMatchObject({ busiest: [], recent: [{ appended: times(60, 0) }] })
  })

  test('that are deleted, with what is below them, are not told of, nor counted when they begin anew', async () => {
    using it = project()
    for (const path of ['/a/b', '/a/b', '/ab', '/c']) await it.append(path, { type: 'x' })
    await it.streams.delete(parsePath('/a'), { recursive: true })
    it.pass(1000)
    const told = await it.streams.overview()
    expect(told.streams).toBe(3)
    expect(pathsOf(told.recent).toSorted()).toEqual(['/', '/ab', '/c'])
    expect(pathsOf(told.busiest).toSorted()).toEqual(['/', '/ab', '/c'])
    const before = sum(told.appended)
    await it.append('/a', { type: 'x' })
    it.pass(1000)
    const again = await it.streams.overview()
    expect(sum(again.recent.find(({ row }) => row.path === '/a')?.appended ?? [])).toBe(2)
    // What was stored was stored: the project's own numbers keep it. Two in the stream, one announcement.
    expect(sum(again.appended)).toBe(before + 3)
  })

  test('that are reset count from their new beginning', async () => {
    using it = project()
    await it.append('/', ...times(50, { type: 'x' }))
    await it.streams.reset(parsePath('/'))
    it.pass(1000)
    const { recent, appended } = await it.streams.overview()
    expect(recent.map(({ row, appended: own }) => [row.eventCount, sum(own)])).toEqual([[1, 1]])
    expect(sum(appended)).toBe(52)
  })

  test('that are forks count what is theirs, not what they share', async () => {
    using it = project()
    await it.append('/a', ...times(40, { type: 'x' }))
    const { incarnationId } = await it.streams.state(parsePath('/a'))
    it.pass(5000)
    const place = { source: parsePath('/a'), incarnationId, offset: 30, subOffset: 0, through: 30 }
    await it.streams.fork(parsePath('/f'), place)
    it.pass(5000)
    const { recent } = await it.streams.overview()
    const fork = recent.find(({ row }) => row.path === '/f')
    expect([fork?.row.eventCount, counted(fork?.appended ?? [])]).toEqual([31, { 0: 1 }])
  })

  test('that only follow, or ask, make nothing happen; whoever follows is counted', async () => {
    using it = project()
    await it.append('/a', { type: 'x' })
    const subscribe = (path: string) => it.streams.subscribe(parsePath(path), {}, () => {})
    const open = [await subscribe('/a'), await subscribe('/a'), await subscribe('/not/there')]
    expect(await it.streams.overview()).toMatchObject({ subscribers: 3, streams: 2 })
    open[0]?.unsubscribe()
    expect((await it.streams.overview()).subscribers).toBe(2)
    for (const each of open) each.unsubscribe()
    expect((await it.streams.overview()).subscribers).toBe(0)
  })
})

describe('who follows', () => {
  test('is told for each second, at its most, and stays until they leave', async () => {
    using it = project()
    await it.append('/a', { type: 'x' })
    const subscribe = () => it.streams.subscribe(parsePath('/a'), {}, () => {})
    it.pass(1000)
    const stays = await subscribe()
    const goes = await subscribe()
    goes.unsubscribe()
    await goes.closed()
    it.pass(3000)
    const { subscribed, subscribers } = await it.streams.overview()
    // Two of them in the second in which one came and went; one in each after it; none before.
    expect([subscribed.slice(-5), subscribers]).toEqual([[0, 0, 2, 1, 1], 1])
    stays.unsubscribe()
    await stays.closed()
    it.pass(1000)
    expect((await it.streams.overview()).subscribed.slice(-3)).toEqual([1, 1, 1])
    it.pass(1000)
    expect((await it.streams.overview()).subscribed.slice(-3)).toEqual([1, 1, 0])
    it.pass(400_000)
    expect((await it.streams.overview()).subscribed).toEqual(times(300, 0))
  })

  test('goes with a stream that is deleted', async () => {
    using it = project()
    await it.append('/a', { type: 'x' })
    const followed = await it.streams.subscribe(parsePath('/a'), {}, () => {})
    it.pass(1000)
    await it.streams.delete(parsePath('/a'))
    await followed.closed()
    it.pass(2000)
    expect((await it.streams.overview()).subscribed.slice(-3)).toEqual([1, 1, 0])
  })
})

describe('after a restart', () => {
  test('counting begins anew, and what can be read is as it was', async () => {
    using it = project()
    for (const path of ['/a', '/b', '/c']) {
      it.pass(1000)
      await it.append(path, { type: 'x' })
    }
    await it.streams.pause(parsePath('/a'), 'a reason')
    it.pass(1000)
    const before = await it.streams.overview()
    expect([sum(before.appended), before.since]).toEqual([11, iso(0)])
    it.reopen()
    it.pass(1000)
    const { appended, since, at, busiest, ...rest } = await it.streams.overview()
    expect([appended, since, at, busiest]).toEqual([times(300, 0), iso(4000), iso(5000), []])
    expect(rest.recent.map(({ row }) => row)).toEqual(before.recent.map(({ row }) => row))
    expect(pathsOf(rest.recent)).toEqual(['/c', '/a', '/', '/b'])
    expect(rest.recent.map((each) => each.appended)).toEqual(times(4, times(60, 0)))
    expect(rest).toMatchObject({ streams: 4, pausedCount: 1, paused: [{ path: '/a', paused: true }] })
    await it.append('/b', { type: 'x' })
    it.pass(1000)
    expect(pathsOf((await it.streams.overview()).busiest)).toEqual(['/b'])
  })
})

describe('paused streams', () => {
  test('are told, the newest first, at most 20, and all are counted; resumed ones are not', async () => {
    using it = project()
    for (let i = 0; i < 23; i++) {
      await it.append(`/s${i}`, { type: 'x' })
      it.pass(10)
      await it.streams.pause(parsePath(`/s${i}`))
    }
    const told = await it.streams.overview()
    expect(told.pausedCount).toBe(23)
    expect(told.paused.map(({ path }) => path)).toEqual(Array.from({ length: 20 }, (_, i) => `/s${22 - i}`))
    await it.streams.resume(parsePath('/s22'))
    await it.streams.delete(parsePath('/s21'))
    await it.streams.reset(parsePath('/s20'))
    const { pausedCount, paused } = await it.streams.overview()
    expect([pausedCount, paused[0]?.path, paused.length]).toEqual([20, '/s19', 20])
  })
})

describe('of many streams', () => {
  /** An overview of nothing but its counts, over a clock of its own. */
  function counting(row: OverviewHost['row'] = (path) => ({ path }) as CatalogueRow) {
    let seconds = 0
    const overview = new Overview({
      now: () => TEST_TIME + seconds * 1000,
      elapsed: () => seconds * 1000,
      committed: { listRecent: () => [], listPaused: () => [], countPaused: () => 0 },
      root: async () => null,
      row,
      subscribers: () => 0,
      parked: async () => ({ shown: [], count: 0 }),
    })
    return { overview, pass: (more: number) => (seconds += more) }
  }

  test('the 100 that were written to last are counted: the others are not among the busiest', async () => {
    const { overview, pass } = counting()
    const path = (i: number) => parsePath(`/s${i}`)
    for (let i = 0; i < 100; i++) overview.stored(path(i), 1000 - i)
    // Written to again, the first is the last; then the second has to go.
    overview.stored(path(0), 1)
    overview.stored(path(100), 5000)
    pass(1)
    const totals = (await overview.told()).busiest.map(({ row, appended }) => [row.path, sum(appended)])
    expect(totals.slice(0, 3)).toEqual([
      ['/s100', 5000],
      ['/s0', 1001],
      ['/s2', 998],
    ])
    // What was counted for another stream is not counted for the one that took its place.
    overview.stored(path(1), 9000)
    pass(1)
    expect((await overview.told()).busiest[0]).toMatchObject({ row: { path: '/s1' } })
    expect(sum((await overview.told()).busiest[0]?.appended ?? [])).toBe(9000)
    expect(sum((await overview.told()).appended)).toBe(sum(Array.from({ length: 100 }, (_, i) => 1000 - i)) + 14_001)
  })

  test('one that is gone without anybody having said so is left out', async () => {
    const { overview, pass } = counting((path) => (path === '/gone' ? null : ({ path } as CatalogueRow)))
    overview.stored(parsePath('/gone'), 5)
    overview.stored(parsePath('/here'), 1)
    pass(1)
    expect(pathsOf((await overview.told()).busiest)).toEqual(['/here'])
  })
})

test('nobody is told of a project that is shut down', async () => {
  using it = project()
  it.streams.shutdown()
  expect(await failureOf(it.streams.overview())).toMatchObject({ code: 'UNAVAILABLE', reason: 'shutting-down' })
})
