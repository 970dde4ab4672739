import { describe, expect, test } from 'vitest'
import { DEFAULT_APPEND_LIMITS } from './event.ts'
import { parsePath } from './path.ts'
import { ProjectStreams } from './project-streams.ts'
import type { ScanBatch, ScanOptions } from './scan.ts'
import { TestProject, failureOf, times, turn, until } from './testing.ts'

// A scan reads everything once, shares the event loop, and never goes on in another life of its stream.

const A = parsePath('/a')

/** `/a` with so many events after its first, each with its number as payload. */
async function numbered(count: number, padding = 0): Promise<TestProject> {
  const project = new TestProject()
  for (let from = 0; from < count; from += 1000) {
    const size = Math.min(1000, count - from)
    const payloads = Array.from({ length: size }, (_, i) => ({
      n: from + i,
      ...(padding ? { p: 'x'.repeat(padding) } : {}),
    }))
    await project.append('/a', ...payloads.map((payload) => ({ type: payload.n % 2 ? 'odd' : 'even', payload })))
  }
  return project
}

async function scanned(project: TestProject, options: ScanOptions, path = A) {
  const batches: ScanBatch[] = []
  const scan = await project.streams.scan(path, options, (batch) => void batches.push(batch))
  return { closed: await scan.closed(), batches, offsets: batches.flatMap(({ events }) => events.map((e) => e.offset)) }
}

describe('what a scan finds', () => {
  test('every match once, in order, over as many batches as it takes; the last one tells where it ended', async () => {
    using project = await numbered(3000)
    const { closed, batches, offsets } = await scanned(project, { filter: 'payload.n % 2 == 0' })
    expect(closed).toEqual({ reason: 'done' })
    expect(offsets).toEqual(Array.from({ length: 1500 }, (_, i) => 2 + 2 * i))
    expect(batches.length).toBeGreaterThan(2)
    expect(batches.at(-1)).toMatchObject({
      through: 3001,
      scanned: 3001,
      unjudged: 0,
      maxOffset: 3001,
      incarnationId: 'inc-1',
    })
    for (const { events } of batches) expect(events.length).toBeLessThanOrEqual(500)
  })

  test.each([
    [{ after: 5 }, [6, 7, 8, 9, 10, 11], 11],
    [{ before: 4 }, [2, 3], 3],
    [{ after: 3, before: 6 }, [4, 5], 5],
    [{ types: ['odd'] }, [3, 5, 7, 9, 11], 11],
    [{ order: 'desc' as const, after: 7 }, [11, 10, 9, 8], 8],
    [{ order: 'desc' as const, before: 4 }, [3, 2], 1],
    [{ after: 11 }, [], 11],
    [{ after: 99 }, [], 99],
    [{ visibleOnly: true }, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 11],
  ])('%j', async (options, offsets, through) => {
    using project = await numbered(10)
    const found = await scanned(project, { filter: 'has(payload.n) || event.type == "stream/created"', ...options })
    expect(found.offsets.filter((offset) => offset > 1)).toEqual(offsets)
    if ('visibleOnly' in options) expect(found.offsets).not.toContain(1)
    expect(found.batches.at(-1)?.through).toBe(through)
  })

  test('a stream that does not exist: one empty batch, done', async () => {
    using project = new TestProject()
    const { closed, batches } = await scanned(project, { filter: 'true' })
    expect(closed).toEqual({ reason: 'done' })
    expect(batches).toEqual([{ events: [], through: 0, scanned: 0, unjudged: 0, maxOffset: 0, incarnationId: null }])
  })

  test('progress is told without matches, and what came after the start is left out', async () => {
    using project = await numbered(12_000)
    const batches: ScanBatch[] = []
    const scan = await project.streams.scan(A, { filter: 'false' }, async (batch) => {
      if (batches.push(batch) === 1) await project.append('/a', ...times(10, { type: 'late' }))
    })
    await scan.closed()
    expect(batches.map(({ events }) => events.length)).toEqual(times(batches.length, 0))
    expect(batches.length).toBeGreaterThanOrEqual(3)
    expect(batches.at(-1)).toMatchObject({ through: 12_001, scanned: 12_001, maxOffset: 12_001 })
  })

  test('a batch stays within its bytes, and holds one event however large', async () => {
    using project = await numbered(8, 200 * 1024)
    await project.append('/a', { type: 'large', payload: 'x'.repeat(3 * 1024 * 1024) })
    const { batches, offsets } = await scanned(project, { filter: 'true' })
    expect(offsets).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(batches.map(({ events }) => events.length)).toEqual([3, 2, 2, 2, 1])
  })

  test('events that cost too much are counted', async () => {
    using project = new TestProject()
    const many = Array.from({ length: 20_000 }, (_, i) => i)
    await project.append('/a', { type: 'a', payload: many }, { type: 'a', payload: [1] })
    const { batches, offsets } = await scanned(project, { filter: 'payload.all(a, payload.all(b, b >= 0))' })
    expect([offsets, batches.at(-1)?.unjudged]).toEqual([[3], 1])
  })
})

describe('bad options are refused before anything is read', () => {
  test.each([
    [{ filter: 'payload.' }, { code: 'BAD_REQUEST', field: 'filter', reason: 'filter' }],
    [
      { filter: 'true', after: -1 },
      { code: 'BAD_REQUEST', field: 'after' },
    ],
    [
      { filter: 'true', before: 1.5 },
      { code: 'BAD_REQUEST', field: 'before' },
    ],
    [
      { filter: 'true', order: 'up' },
      { code: 'BAD_REQUEST', field: 'order' },
    ],
    [
      { filter: 'true', incarnationId: 'other' },
      { code: 'CONFLICT', reason: 'incarnation' },
    ],
  ])('%j', async (options, expected) => {
    using project = await numbered(1)
    expect(await failureOf(project.streams.scan(A, options as ScanOptions, () => {}))).toMatchObject(expected)
    expect(project.streams.idle).toBe(true)
  })
})

describe('the event loop is shared', () => {
  test('one turn judges for five milliseconds at most', async () => {
    using project = await numbered(1000)
    // Every look at the clock costs a millisecond: a slice is over after a few events.
    let ms = 0
    const turns: number[] = []
    let judged = 0
    const streams = new ProjectStreams(project.storage, {
      limits: DEFAULT_APPEND_LIMITS,
      now: project.clock.now,
      newId: () => 'unused',
      elapsed: () => {
        judged++
        return ms++ / 2
      },
      scheduler: {
        immediate: (run) =>
          void setImmediate(() => {
            const before = judged
            run()
            queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => turns.push(judged - before))))
          }),
        timer: () => () => {},
      },
    })
    const scan = await streams.scan(A, { filter: 'false' }, () => {})
    await scan.closed()
    await turn()
    expect(turns.length).toBeGreaterThan(50)
    expect(Math.max(...turns)).toBeLessThan(25)
  })

  test('one batch is under way at a time, and nothing is read meanwhile', async () => {
    using project = await numbered(5000)
    let release = () => {}
    let arrived = 0
    const scan = await project.streams.scan(A, { filter: 'true' }, () => {
      arrived++
      return new Promise<void>((resolve) => (release = resolve))
    })
    await until(() => arrived === 1)
    for (let i = 0; i < 50; i++) await turn()
    expect(arrived).toBe(1)
    release()
    await until(() => arrived === 2)
    scan.stop()
    release()
    for (let i = 0; i < 50; i++) await turn()
    expect([arrived, await scan.closed()]).toEqual([2, { reason: 'stopped' }])
  })
})

describe('a scan ends, and says why', () => {
  /** A scan that stands in its first batch while something happens to its stream. */
  async function interrupted(project: TestProject, happens: () => Promise<unknown> | void) {
    const batches: ScanBatch[] = []
    let happened: Promise<unknown> | undefined
    const scan = await project.streams.scan(A, { filter: 'true' }, async (batch) => {
      batches.push(batch)
      happened ??= Promise.resolve(happens())
      await happened
    })
    const closed = await scan.closed()
    for (let i = 0; i < 20; i++) await turn()
    return { closed, batches: batches.length }
  }

  test('a reset in the middle is no splice of two lives', async () => {
    using project = await numbered(3000)
    const ended = await interrupted(project, async () => {
      await project.streams.reset(A)
      await project.append('/a', ...times(1000, { type: 'new' }))
    })
    expect(ended).toEqual({ closed: { reason: 'incarnation' }, batches: 1 })
  })

  test('deleted, alone or with what is above it', async () => {
    for (const path of [A, parsePath('/')]) {
      using project = await numbered(3000)
      expect(await interrupted(project, () => project.streams.delete(path, { recursive: true }))).toEqual({
        closed: { reason: 'deleted' },
        batches: 1,
      })
    }
  })

  test('a shutdown', async () => {
    using project = await numbered(3000)
    expect(await interrupted(project, () => project.streams.shutdown())).toEqual({
      closed: { reason: 'shutdown' },
      batches: 1,
    })
  })

  test('who throws is dropped', async () => {
    using project = await numbered(3000)
    const scan = await project.streams.scan(A, { filter: 'true' }, () => {
      throw new Error('no')
    })
    expect(await scan.closed()).toEqual({ reason: 'failed' })
    expect(project.streams.idle).toBe(true)
  })

  test('a damaged or missing row', async () => {
    for (const sabotage of [
      'delete from events where offset = 1500',
      'delete from events where offset > 1500',
      `update events set payload = '{}' where offset = 1500`,
    ]) {
      using project = await numbered(3000)
      project.storage.connection.exec(sabotage)
      const { closed, offsets } = await scanned(project, { filter: 'true' })
      expect(closed).toEqual({ reason: 'storage', code: 'INTERNAL' })
      expect(offsets.every((offset, i) => offset === i + 1 && offset < 1501)).toBe(true)
    }
  })

  test('a project with a scan is not idle; one that is over leaves nothing', async () => {
    using project = await numbered(10)
    const scan = await project.streams.scan(A, { filter: 'true' }, () => {})
    expect(project.streams.idle).toBe(false)
    await scan.closed()
    expect(project.streams.idle).toBe(true)
  })
})
