import { copyFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parsePath } from '../path.ts'
import { TEST_TIME, TestProject, TestTimers, times, until } from '../testing.ts'
import { defineProcessor } from './contract.ts'
import { ProcessorRegistry } from './registry.ts'
import { settled } from './testing.ts'

// Guards the list of what stands still: complete at once after a restart, and of nothing that would go on by itself or
// is not there any more.

const iso = (afterStart: number) => new Date(TEST_TIME + afterStart).toISOString()

describe('parked processors', () => {
  /** A processor that cannot get past its third `x`. */
  const stuck = (slug: string, version = '1') =>
    defineProcessor({
      slug,
      version,
      state: z.object({ seen: z.number() }),
      initialState: { seen: 0 },
      consumes: ['x'],
      reduce: ({ seen }) => ({ seen: seen + 1 }),
      processEvent: ({ after }) => (after.seen === 3 ? Promise.reject(new Error(`cannot ${slug}`)) : undefined),
    })

  function withProcessors(version = '1') {
    const timers = new TestTimers()
    const registry = new ProcessorRegistry([{ processor: stuck('one', version) }, { processor: stuck('two') }])
    return Object.assign(new TestProject(undefined, { processors: registry, scheduler: timers }), { timers })
  }

  const park = (it: ReturnType<typeof withProcessors>, path: string, ...slugs: string[]) =>
    parkAll(it, [path], ...slugs)

  async function parkAll(it: ReturnType<typeof withProcessors>, paths: string[], ...slugs: string[]): Promise<void> {
    for (const path of paths) {
      await it.append(path, { type: 'first' })
      for (const slug of slugs) await it.streams.processors.attach(parsePath(path), slug)
      await it.append(path, ...times(4, { type: 'x' }))
    }
    for (let retry = 0; retry < 3; retry++) {
      await until(() => it.timers.waits.length >= paths.length * slugs.length)
      it.timers.elapse()
    }
    for (const path of paths) {
      for (const slug of slugs) expect((await settled(it.streams, parsePath(path), slug)).status).toBe('parked')
    }
  }

  test('are told with what they failed at, at once after a restart too, until they are set going', async () => {
    using it = withProcessors()
    await park(it, '/b', 'one')
    it.clock.ms += 60_000
    await park(it, '/a', 'one', 'two')
    const expected = [
      { path: '/b', processor: 'one', offset: 6, error: 'cannot one', at: iso(0) },
      { path: '/a', processor: 'one', offset: 7, error: 'cannot one', at: iso(60_000) },
      { path: '/a', processor: 'two', offset: 7, error: 'cannot two', at: iso(60_000) },
    ]
    expect(await it.streams.overview()).toMatchObject({ parked: expected, parkedCount: 3 })
    it.reopen()
    expect(await it.streams.overview()).toMatchObject({ parked: expected, parkedCount: 3 })
    await it.streams.processors.restart(parsePath('/a'), 'one', 'skip')
    await it.streams.processors.detach(parsePath('/a'), 'two')
    expect(await it.streams.overview()).toMatchObject({ parked: expected.slice(0, 1), parkedCount: 1 })
    await it.streams.reset(parsePath('/b'))
    expect(await it.streams.overview()).toMatchObject({ parked: [], parkedCount: 0 })
  })

  test('are counted beyond the 20 that are told, but for those of another version', async () => {
    using it = withProcessors()
    const paths = Array.from({ length: 22 }, (_, i) => `/s${i}`)
    await parkAll(it, paths, 'one', 'two')
    const told = await it.streams.overview()
    expect([told.parked.length, told.parkedCount]).toEqual([20, 44])
    expect(told.parked.map(({ path, processor }) => `${path} ${processor}`)).toEqual(
      paths.slice(0, 10).flatMap((path) => [`${path} one`, `${path} two`]),
    )
    it.streams.shutdown()
    using newer = withProcessors('2')
    newer.reopen(() => copyFileSync(it.file, newer.file))
    const later = await newer.streams.overview()
    expect([later.parked.length, later.parkedCount]).toEqual([20, 22])
    expect(later.parked.map(({ path, processor }) => `${path} ${processor}`)).toEqual(
      paths.slice(0, 20).map((path) => `${path} two`),
    )
  })

  test('are not told when this server has not got them, or another version of them', async () => {
    using it = withProcessors()
    await park(it, '/a', 'one', 'two')
    it.streams.shutdown()
    using bare = new TestProject()
    bare.reopen(() => copyFileSync(it.file, bare.file))
    expect(await bare.streams.overview()).toMatchObject({ streams: 2, parked: [], parkedCount: 0 })
    using newer = withProcessors('2')
    newer.reopen(() => copyFileSync(it.file, newer.file))
    expect(await newer.streams.overview()).toMatchObject({ parked: [{ processor: 'two' }], parkedCount: 1 })
  })
})
