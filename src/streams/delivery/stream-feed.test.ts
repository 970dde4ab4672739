import { describe, expect, test } from 'vitest'
import { type CoreState, emptyState } from '../core/state.ts'
import { type EncodedEvent, encodedBytes } from '../event.ts'
import type { JsonText } from '../json-text.ts'
import { parsePath } from '../path.ts'
import { times } from '../testing.ts'
import type { Batch } from './batch.ts'
import { StreamFeed } from './stream-feed.ts'

// Guards the ring of recent events: always the gapless end of the log, never more than its share of memory.

const PATH = parsePath('/a')
const MiB = 1024 * 1024

const eventOf = (offset: number, bytes = 2): EncodedEvent => ({
  offset,
  type: 'x',
  createdAt: '',
  payload: `"${'x'.repeat(bytes - 2)}"` as JsonText,
})
const stateAt = (maxOffset: number): CoreState => ({ ...emptyState(PATH, 'inc-1'), maxOffset })

/** A feed, and what of the log it holds in memory. */
class Feed {
  readonly log: EncodedEvent[] = []
  #pagesRead = 0
  readonly feed = new StreamFeed(
    PATH,
    null,
    (after) => {
      this.#pagesRead++
      return this.log.slice(after, after + 500)
    },
    () => {},
  )

  /** Commits a group; `heard` of its events are passed on, all when absent. */
  commit(sizes: readonly number[], heard: (event: EncodedEvent) => boolean = () => true): void {
    const events = sizes.map((bytes, i) => eventOf(this.log.length + 1 + i, bytes))
    this.log.push(...events)
    this.feed.publish(events.filter(heard), stateAt(this.log.length))
  }

  /** The events that are answered from memory. */
  remembered(): EncodedEvent[] {
    const found: EncodedEvent[] = []
    for (let after = this.log.length - 1; after >= 0; after--) {
      const before = this.#pagesRead
      const [event] = this.feed.eventsAfter(after, 500)
      if (event !== this.log[after]) throw new Error(`after ${after} comes ${event?.offset}`)
      if (this.#pagesRead > before) break
      if (event) found.unshift(event)
    }
    return found
  }
}

const ones = (count: number) => times(count, 2)

describe('the ring', () => {
  test('holds what was committed last', () => {
    const feed = new Feed()
    feed.commit(ones(3))
    feed.commit(ones(2))
    expect(feed.remembered()).toEqual(feed.log)
  })

  test('answers at most as many events as asked for', () => {
    const feed = new Feed()
    feed.commit(ones(30))
    expect(feed.feed.eventsAfter(5, 10).map((event) => event.offset)).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
    expect(feed.feed.eventsAfter(30, 10)).toEqual([])
  })

  test('never holds more than 1,000 events or 1 MiB, whatever is committed', () => {
    const feed = new Feed()
    const groups = [
      ones(1),
      ones(999),
      ones(1),
      ones(2500),
      [MiB],
      ones(10),
      [600_000, 600_000],
      ones(700),
      ones(700),
      [2 * MiB, 10],
      [10, 2 * MiB],
      ones(5),
    ]
    for (let round = 0; round < 3; round++) {
      for (const sizes of groups) {
        feed.commit(sizes)
        const held = feed.remembered()
        expect(held.length).toBeLessThanOrEqual(1000)
        expect(held.reduce((sum, event) => sum + encodedBytes(event), 0)).toBeLessThanOrEqual(MiB)
      }
    }
  })

  test('keeps readers at the tail off the disk while events are small', () => {
    const feed = new Feed()
    const remembered: number[] = []
    for (let i = 0; i < 5000; i++) {
      feed.commit([100])
      if (i % 500 === 499) remembered.push(feed.remembered().length)
    }
    expect(Math.min(...remembered)).toBeGreaterThanOrEqual(500)
  })

  test('begins anew after a gap: what was not passed on is read from storage', () => {
    const feed = new Feed()
    feed.commit(ones(5))
    feed.commit(ones(3), () => false)
    expect(feed.remembered()).toEqual([])
    feed.commit(ones(4), (event) => event.offset > 10)
    expect(feed.remembered().map((event) => event.offset)).toEqual([11, 12])
    feed.commit(ones(3), (event) => event.offset !== 14)
    expect(feed.remembered()).toEqual([])
    feed.commit(ones(3), (event) => event.offset !== 18)
    expect(feed.remembered()).toEqual([])
    feed.commit(ones(2))
    expect(feed.remembered().map((event) => event.offset)).toEqual([19, 20])
    feed.commit(ones(4), (event) => event.offset > 22)
    expect(feed.remembered().map((event) => event.offset)).toEqual([23, 24])
  })
})

test('a reader is told of nothing above the head, even where the log holds it already', () => {
  const log = [1, 2, 3, 4].map((offset) => eventOf(offset))
  const batches: Batch[] = []
  const feed = new StreamFeed(
    PATH,
    stateAt(2),
    (after) => log.slice(after),
    () => {},
  )
  feed.subscribe({ after: 'start' }, (batch) => batches.push(batch))
  expect(batches).toMatchObject([{ events: log.slice(0, 2), through: 2, maxOffset: 2 }])
})
