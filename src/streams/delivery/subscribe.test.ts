import { describe, expect, test, vi } from 'vitest'
import type { EncodedInput } from '../event.ts'
import { encodeInput } from '../event-input.ts'
import type { JsonText } from '../json-text.ts'
import { parsePath } from '../path.ts'
import { TestProject, failureOf, times, turn, until } from '../testing.ts'
import type { Batch, Closed, SubscribeOptions, Subscription } from './batch.ts'

// Guards the live readers: every committed event that matches, once, in order, with no seam between replay and tail;
// and none of them may hold up or burden anybody else.

const A = parsePath('/a')

/** A reader that keeps all it gets; acknowledges at once unless told to hold. */
class Reader {
  readonly batches: Batch[] = []
  readonly #held: (() => void)[] = []
  holding = false
  subscription!: Subscription
  closed: Closed | null = null

  static async of(project: TestProject, options: SubscribeOptions, path = '/a', holding = false): Promise<Reader> {
    const reader = new Reader()
    reader.holding = holding
    reader.subscription = await project.streams.subscribe(parsePath(path), options, (batch) => reader.take(batch))
    void reader.subscription.closed().then((closed) => (reader.closed = closed))
    return reader
  }

  take(batch: Batch): unknown {
    this.batches.push(batch)
    return this.holding ? new Promise<void>((resolve) => this.#held.push(resolve)) : undefined
  }

  /** Acknowledges the oldest batches that are held. */
  release(count = Infinity): void {
    for (const acknowledge of this.#held.splice(0, count)) acknowledge()
  }

  get offsets(): number[] {
    return this.batches.flatMap((batch) => batch.events.map((event) => event.offset))
  }

  get through(): number {
    return this.batches.at(-1)?.through ?? -1
  }
}

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i)
const many = (count: number, type = 'x') => times(count, { type })

/** Long enough for whatever is on its way to arrive. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn()
}

describe('the first batch', () => {
  test('comes at once, even when there is nothing to say', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const { incarnationId } = await project.streams.state(A)
    const reader = await Reader.of(project, {})
    expect(reader.batches).toStrictEqual([{ events: [], through: 2, maxOffset: 2, incarnationId }])
    await settle()
    expect(reader.batches).toHaveLength(1)
  })

  test('of a stream that does not exist has neither offset nor incarnation, and creates nothing', async () => {
    using project = new TestProject()
    for (const after of ['now', 'start', 0] as const) {
      const reader = await Reader.of(project, { after }, '/not/there')
      expect(reader.batches).toStrictEqual([{ events: [], through: 0, maxOffset: 0, incarnationId: null }])
      reader.subscription.unsubscribe()
    }
    expect((await project.streams.list()).streams).toEqual([])
  })

  test('holds what can be replayed', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' }, { type: 'y' })
    expect((await Reader.of(project, { after: 'start' })).offsets).toEqual([1, 2, 3])
    expect((await Reader.of(project, { after: 0 })).offsets).toEqual([1, 2, 3])
    expect((await Reader.of(project, { after: 2 })).offsets).toEqual([3])
    expect((await Reader.of(project, { after: 3 })).offsets).toEqual([])
    expect((await Reader.of(project, { after: 'now' })).offsets).toEqual([])
  })

  test('does not hold what is not committed yet', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const appending = project.append('/a', { type: 'y' })
    const reader = await Reader.of(project, { after: 'start' })
    expect(reader.batches).toMatchObject([{ through: 2, maxOffset: 2 }])
    await appending
    await until(() => reader.offsets.length === 3)
    expect(reader.offsets).toEqual([1, 2, 3])
  })
})

describe('replay and tail', () => {
  test('a stream that is created later is heard of from its first event on, by every reader of it', async () => {
    using project = new TestProject()
    const now = await Reader.of(project, { after: 'now' }, '/a/b')
    const start = await Reader.of(project, { after: 'start', state: true }, '/a/b')
    const parent = await Reader.of(project, {}, '/a')
    await project.append('/a/b', { type: 'x' })
    await until(() => now.offsets.length === 2 && start.offsets.length === 2 && parent.offsets.length === 2)
    const { incarnationId } = await project.streams.state(parsePath('/a/b'))
    expect(now.offsets).toEqual([1, 2])
    expect(start.offsets).toEqual([1, 2])
    expect(start.batches.at(-1)).toMatchObject({ incarnationId, maxOffset: 2, state: { maxOffset: 2, incarnationId } })
    expect(parent.batches.flatMap((batch) => batch.events.map((event) => event.type))).toEqual([
      'stream/created',
      'stream/child-created',
    ])
  })

  test('readers that begin while others write miss nothing and get nothing twice', async () => {
    using project = new TestProject()
    // A fixed sequence that looks random: batch sizes, when readers come, where they begin.
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      return seed % below
    }
    await project.append('/a', { type: 'x' })
    const readers: { reader: Reader; after: number; types: string[] | null }[] = []
    let head = 2
    let asked = 2
    for (let round = 0; round < 120; round++) {
      const appends = Array.from({ length: random(4) }, () => {
        const size = 1 + random(round % 10 === 0 ? 400 : 12)
        asked += size
        return project.streams.append(
          A,
          Array.from({ length: size }, (_, i): EncodedInput => ({ type: `t${(asked + i) % 5}` })),
        )
      })
      if (round % 4 === 0) {
        const after = random(head + 1)
        const types = random(2) === 0 ? null : [`t${random(5)}`, 'stream/created']
        const reader = await Reader.of(project, { after, ...(types ? { types } : {}) }, '/a', random(2) === 0)
        readers.push({ reader, after, types })
      }
      for (const { reader } of readers) if (random(3) === 0) reader.release(1 + random(4))
      if (random(2) === 0) await Promise.all(appends)
      else await turn()
      head = (await project.streams.state(A)).maxOffset
    }
    await until(() => {
      for (const { reader } of readers) reader.release()
      return readers.every(({ reader, types }) => types !== null || reader.through === asked)
    }, 'all readers at the head')
    await settle()
    for (const { reader } of readers) reader.release()
    await settle()
    const log = await project.log('/a')
    expect(log).toHaveLength(asked)
    for (const { reader, after, types } of readers) {
      const expected = log.filter((event) => event.offset > after && (types === null || types.includes(event.type)))
      expect(reader.batches.flatMap((batch) => batch.events)).toEqual(expected)
      let through = after
      for (const batch of reader.batches) {
        expect(batch.through).toBeGreaterThanOrEqual(through)
        expect(batch.through).toBeLessThanOrEqual(batch.maxOffset)
        for (const event of batch.events) {
          expect(event.offset).toBeGreaterThan(through)
          expect(event.offset).toBeLessThanOrEqual(batch.through)
        }
        through = batch.through
      }
      expect(reader.closed).toBeNull()
    }
  })

  test('a long log is replayed in batches of at most 500', async () => {
    using project = new TestProject()
    for (let i = 0; i < 3; i++) await project.streams.append(A, many(1000))
    const reader = await Reader.of(project, { after: 'start' })
    await until(() => reader.through === 3001)
    expect(reader.offsets).toEqual(range(1, 3001))
    expect(Math.max(...reader.batches.map((batch) => batch.events.length))).toBe(500)
  })

  test('events larger than all that is kept in memory reach readers at the tail', async () => {
    using project = new TestProject()
    const reader = await Reader.of(project, {})
    const big: EncodedInput = { type: 'big', payload: `"${'x'.repeat(1_500_000)}"` as JsonText }
    await project.streams.append(A, [{ type: 'x' }, big, { type: 'y' }])
    await project.streams.append(A, [{ type: 'z' }, big])
    await until(() => reader.through === 6)
    expect(reader.offsets).toEqual(range(1, 6))
    expect(
      reader.batches.flatMap((batch) => batch.events).filter((event) => event.payload === big.payload),
    ).toHaveLength(2)
  })

  test('what was stored though its commit was reported as failed arrives once, when the stream is next used', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const reader = await Reader.of(project, { after: 'start' })
    const lost = failureOf(project.append('/a', { type: 'y', idempotencyKey: 'k' }))
    // The group’s events reach the disk, but it ends without knowing that.
    project.storage.connection.exec('commit')
    expect(await lost).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await project.append('/a', { type: 'y', idempotencyKey: 'k' })).toMatchObject([
      { offset: 3, duplicate: true },
    ])
    await until(() => reader.through === 3)
    await project.append('/a', { type: 'z' })
    await until(() => reader.through === 4)
    await settle()
    expect(reader.offsets).toEqual([1, 2, 3, 4])
    expect(await project.streams.state(A)).toMatchObject({ maxOffset: 4, eventCount: 4 })
  })
})

describe('a filter by type', () => {
  test('through covers what was filtered out', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'a' }, { type: 'b' }, { type: 'a' }, { type: 'c' }, { type: 'c' })
    const reader = await Reader.of(project, { after: 'start', types: ['a'] })
    expect(reader.batches).toMatchObject([{ through: 6, maxOffset: 6 }])
    expect(reader.offsets).toEqual([2, 4])
    await project.append('/a', { type: 'c' })
    await project.append('/a', { type: 'a' })
    await until(() => reader.offsets.length === 3)
    expect(reader.batches.at(-1)).toMatchObject({ events: [{ offset: 8 }], through: 8 })
  })

  test('a reader that resumes after through misses nothing', async () => {
    using project = new TestProject()
    await project.streams.append(A, [...many(900, 'c'), ...many(3, 'a')])
    const reader = await Reader.of(project, { after: 'start', types: ['a'] })
    await until(() => reader.offsets.length === 3)
    const resumed = await Reader.of(project, { after: reader.through, types: ['a'] })
    await project.append('/a', { type: 'a' })
    await until(() => resumed.offsets.length === 1)
    expect(resumed.offsets).toEqual([905])
  })

  test('after 5,000 filtered events an empty batch tells how far it is, in replay and at the tail', async () => {
    using project = new TestProject()
    for (let i = 0; i < 12; i++) await project.streams.append(A, many(1000))
    const reader = await Reader.of(project, { after: 'start', types: ['rare'] })
    await until(() => reader.through >= 10_000)
    await settle()
    expect(reader.offsets).toEqual([])
    const throughs = reader.batches.map((batch) => batch.through)
    for (const [i, through] of throughs.entries()) expect(through - (throughs[i - 1] ?? 0)).toBeLessThanOrEqual(5500)
    const behind = reader.through
    for (let i = 0; i < 6; i++) await project.streams.append(A, many(1000))
    await until(() => reader.through > behind)
    expect(reader.through).toBeGreaterThanOrEqual(15_000)
  })

  test('a filter of no types lets nothing through and does not end', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'a' })
    const reader = await Reader.of(project, { after: 'start', types: [] })
    await project.append('/a', { type: 'a' })
    await settle()
    expect(reader.offsets).toEqual([])
    expect(reader.closed).toBeNull()
  })
})

describe('flow control', () => {
  test('a reader that acknowledges nothing gets four batches and no more, and holds up nobody', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const stalled = await Reader.of(project, { after: 'start' }, '/a', true)
    const swift = await Reader.of(project, { after: 'start' })
    for (let i = 0; i < 50; i++) await project.append('/a', { type: 'x' })
    await until(() => swift.through === 52)
    await settle()
    expect(stalled.batches).toHaveLength(4)
    expect(swift.offsets).toEqual(range(1, 52))
    // One acknowledgement lets one batch through.
    stalled.release(1)
    await settle()
    expect(stalled.batches).toHaveLength(5)
    stalled.holding = false
    stalled.release()
    await until(() => stalled.through === 52)
    expect(stalled.offsets).toEqual(range(1, 52))
    expect(stalled.closed).toBeNull()
  })

  test('catches up exactly from far behind, through pages and into the tail', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const stalled = await Reader.of(project, { after: 'start' }, '/a', true)
    for (let i = 0; i < 30; i++) {
      await project.streams.append(A, many(1 + (i % 7) * 50))
      await turn()
    }
    expect(stalled.batches).toHaveLength(4)
    const { maxOffset } = await project.streams.state(A)
    stalled.holding = false
    stalled.release()
    const appends = range(1, 10).map(() => project.streams.append(A, many(100)))
    await Promise.all(appends)
    await until(() => stalled.through === maxOffset + 1000)
    expect(stalled.offsets).toEqual(range(1, maxOffset + 1000))
  })

  test('what four batches hold is bounded by bytes, too', async () => {
    using project = new TestProject()
    const chunk: EncodedInput = { type: 'x', payload: `"${'変'.repeat(30_000)}"` as JsonText }
    for (let i = 0; i < 10; i++) await project.streams.append(A, times(20, chunk))
    const stalled = await Reader.of(project, { after: 'start' }, '/a', true)
    await until(() => stalled.batches.length === 4)
    const bytes = stalled.batches
      .flatMap((batch) => batch.events)
      .reduce((sum, event) => sum + Buffer.byteLength(event.payload ?? ''), 0)
    expect(bytes).toBeLessThanOrEqual(4 * 512 * 1024)
    stalled.subscription.unsubscribe()
  })
})

describe('state', () => {
  test('comes with the first batch and whenever it changed', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const reader = await Reader.of(project, { state: true })
    expect(reader.batches).toMatchObject([{ events: [], state: { maxOffset: 2 } }])
    await project.append('/a', { type: 'y' })
    await until(() => reader.batches.length === 2)
    expect(reader.batches[1]).toMatchObject({ events: [{ offset: 3 }], state: { maxOffset: 3 } })
    await settle()
    expect(reader.batches).toHaveLength(2)
  })

  test('is absent unless asked for, and while there is none', async () => {
    using project = new TestProject()
    const absent = await Reader.of(project, { state: true })
    expect(absent.batches[0]).not.toHaveProperty('state')
    await project.append('/a', { type: 'x' })
    await until(() => absent.batches.length === 2)
    expect(absent.batches[1]?.state?.maxOffset).toBe(2)
    const without = await Reader.of(project, { after: 'start' })
    expect(without.batches[0]).not.toHaveProperty('state')
  })

  test('alone is coalesced: a slow reader hears of the newest, never of an older one', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const reader = await Reader.of(project, { after: 'start', events: false, state: true }, '/a', true)
    for (let i = 0; i < 20; i++) await project.append('/a', { type: 'x' })
    await settle()
    expect(reader.batches).toHaveLength(4)
    reader.holding = false
    reader.release()
    await until(() => reader.through === 22)
    await settle()
    expect(reader.batches).toHaveLength(5)
    expect(reader.offsets).toEqual([])
    expect(reader.batches.at(-1)).toMatchObject({ through: 22, maxOffset: 22, state: { maxOffset: 22 } })
    const heads = reader.batches.map((batch) => batch.state?.maxOffset ?? 0)
    expect(heads).toEqual(heads.toSorted((a, b) => a - b))
  })

  test('an announcement of a child is a change of state', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const reader = await Reader.of(project, { events: false, state: true })
    await project.append('/a/b', { type: 'x' })
    await until(() => reader.batches.length === 2)
    expect(reader.batches[1]?.state).toMatchObject({ childCount: 1, descendantCount: 1 })
  })
})

describe('where a subscription may begin', () => {
  const conflict = { code: 'CONFLICT', reason: 'incarnation' }

  test('an offset beyond the head belongs to another life of the stream: CONFLICT', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const { incarnationId } = await project.streams.state(A)
    expect(await failureOf(Reader.of(project, { after: 3 }))).toEqual({
      ...conflict,
      path: '/a',
      incarnationId,
      maxOffset: 2,
    })
    expect(await failureOf(Reader.of(project, { after: 1 }, '/absent'))).toMatchObject({
      ...conflict,
      incarnationId: null,
      maxOffset: 0,
    })
    expect((await Reader.of(project, { after: 2, incarnationId })).through).toBe(2)
  })

  test('another incarnation is CONFLICT, whatever the offset', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    for (const after of ['start', 'now', 1, 2] as const) {
      expect(await failureOf(Reader.of(project, { after, incarnationId: 'other' }))).toMatchObject(conflict)
    }
    expect(await failureOf(Reader.of(project, { incarnationId: 'other' }, '/absent'))).toMatchObject(conflict)
  })

  test('a refused subscription leaves nothing behind', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await failureOf(Reader.of(project, { after: 99 }))
    expect(project.streams.idle).toBe(true)
  })

  test.each([[-1], [1.5], [Number.NaN], [Infinity], ['5'], [null], ['end'], [{}]])(
    'refuses %j as a place to begin',
    async (after) => {
      using project = new TestProject()
      await project.append('/a', { type: 'x' })
      const options = { after } as SubscribeOptions
      expect(await failureOf(Reader.of(project, options))).toMatchObject({ code: 'BAD_REQUEST', field: 'after' })
    },
  )
})

describe('the end of a subscription', () => {
  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'answers with a broken promise',
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- a reader may answer anything
        then: () => {
          throw new Error('no')
        },
      }),
    ],
  ])('a reader that %s at its first batch is dropped and told so; the others go on', async (_, onBatch) => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const sound = await Reader.of(project, {})
    let calls = 0
    const broken = await project.streams.subscribe(A, { after: 'start' }, () => {
      calls++
      return onBatch()
    })
    expect(await broken.closed()).toEqual({ reason: 'failed' })
    await project.append('/a', { type: 'y' })
    await until(() => sound.through === 3)
    await settle()
    expect(calls).toBe(1)
    expect(sound.offsets).toEqual([3])
    sound.subscription.unsubscribe()
    expect(project.streams.idle).toBe(true)
  })

  test('the only reader, failing at its first batch, leaves nothing behind', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const broken = await project.streams.subscribe(A, { after: 'start' }, () => {
      throw new Error('no')
    })
    expect(await broken.closed()).toEqual({ reason: 'failed' })
    expect(project.streams.idle).toBe(true)
  })

  test('a reader that fails later gets nothing more', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const seen: number[] = []
    const subscription = await project.streams.subscribe(A, {}, async (batch) => {
      seen.push(batch.through)
      if (batch.through >= 3) throw new Error('no')
    })
    for (let i = 0; i < 5; i++) await project.append('/a', { type: 'y' })
    expect(await subscription.closed()).toEqual({ reason: 'failed' })
    const heard = seen.length
    await project.append('/a', { type: 'y' })
    await settle()
    expect(seen).toHaveLength(heard)
    expect(project.streams.idle).toBe(true)
  })

  test('nothing arrives after unsubscribing, be it in the middle of a replay or of a batch', async () => {
    using project = new TestProject()
    for (let i = 0; i < 5; i++) await project.streams.append(A, many(1000))
    const reader = await Reader.of(project, { after: 'start' })
    reader.subscription.unsubscribe()
    const late = await Reader.of(project, { after: 'start' })
    late.take = (batch) => {
      late.batches.push(batch)
      if (late.batches.length === 2) late.subscription.unsubscribe()
      return undefined
    }
    await project.append('/a', { type: 'x' })
    await settle()
    expect(reader.batches).toHaveLength(1)
    expect(late.batches.length).toBeLessThanOrEqual(2)
    expect(reader.closed).toEqual({ reason: 'unsubscribed' })
    expect(project.streams.idle).toBe(true)
  })

  test('unsubscribing between commit and delivery is in time', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const reader = await Reader.of(project, {})
    await settle()
    const appending = project.append('/a', { type: 'y' })
    reader.subscription.unsubscribe()
    await appending
    await settle()
    expect(reader.batches).toHaveLength(1)
  })

  test('a stalled reader that leaves frees its place, and its late acknowledgements do no harm', async () => {
    using project = new TestProject()
    for (let i = 0; i < 5; i++) await project.streams.append(A, many(1000))
    const stalled = await Reader.of(project, { after: 'start' }, '/a', true)
    await until(() => stalled.batches.length === 4)
    stalled.subscription.unsubscribe()
    stalled.subscription.unsubscribe()
    stalled.release()
    await settle()
    expect(stalled.batches).toHaveLength(4)
    expect(await stalled.subscription.closed()).toEqual({ reason: 'unsubscribed' })
    expect(project.streams.idle).toBe(true)
  })

  test('closing the project tells its readers, with nothing after it', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const readers = [
      await Reader.of(project, {}),
      await Reader.of(project, {}, '/b'),
      await Reader.of(project, {}, '/a', true),
    ]
    const appending = project.append('/a', { type: 'y' })
    project.streams.shutdown()
    await appending
    await settle()
    for (const reader of readers) {
      expect(reader.closed).toEqual({ reason: 'shutdown' })
      expect(reader.batches).toHaveLength(1)
    }
    expect(project.streams.idle).toBe(true)
    project.reopen()
    expect(await project.log('/a')).toHaveLength(3)
  })
})

describe('readers that act on the project while they are called', () => {
  test('subscribing from within a first batch: both readers hear everything', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    let inner: Promise<Reader> | undefined
    const outer = new Reader()
    outer.subscription = await project.streams.subscribe(A, {}, (batch) => {
      inner ??= Reader.of(project, {})
      return outer.take(batch)
    })
    const nested = await inner!
    await project.append('/a', { type: 'y' })
    await until(() => outer.through === 3)
    await settle()
    expect(outer.offsets).toEqual([3])
    expect(nested.offsets).toEqual([3])
    nested.subscription.unsubscribe()
    await project.append('/a', { type: 'y' })
    await until(() => outer.through === 4)
    outer.subscription.unsubscribe()
    expect(project.streams.idle).toBe(true)
  })

  test('appending from within a batch is delivered like any append', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const seen: number[] = []
    const subscription = await project.streams.subscribe(A, { after: 'start' }, async (batch) => {
      for (const event of batch.events) {
        seen.push(event.offset)
        if (event.offset < 10)
          await project.streams.append(A, [encodeInput({ type: 'echo', idempotencyKey: `echo-${event.offset}` })])
      }
    })
    await until(() => seen.includes(10))
    await settle()
    expect(seen).toEqual(range(1, 11))
    subscription.unsubscribe()
  })
})

describe('progress of a reader that filters', () => {
  test('is told after five seconds in which everything was filtered out', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const through: number[] = []
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      await project.streams.subscribe(parsePath('/a'), { types: ['wanted'] }, (batch) => through.push(batch.through))
      await until(() => through.length === 1)
      await project.append('/a', { type: 'other' }, { type: 'other' })
      await turn()
      await turn()
      vi.advanceTimersByTime(4999)
      await turn()
      expect(through).toEqual([2])
      vi.advanceTimersByTime(1)
      await until(() => through.length === 2)
      vi.advanceTimersByTime(60_000)
      await turn()
      expect(through).toEqual([2, 4])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('state alone', () => {
  test('comes whenever it has changed, without the events', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const seen: (readonly [number, number | undefined])[] = []
    await project.streams.subscribe(parsePath('/a'), { after: 'start', events: false }, (batch) => {
      seen.push([batch.events.length, batch.state?.maxOffset])
    })
    await until(() => seen.length === 1)
    await project.append('/a', { type: 'y' }, { type: 'z' })
    await until(() => seen.length === 2)
    expect(seen).toEqual([
      [0, 2],
      [0, 4],
    ])
  })
})
