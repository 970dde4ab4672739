import { describe, expect, test } from 'vitest'
import type { EncodedEvent } from '../../streams/event.ts'
import { offsetAt } from './offset-at.ts'

/** A stream with events at these seconds, the first of them at an offset. */
function streamOf(seconds: readonly number[], first = 1) {
  let reads = 0
  const events = seconds.map(
    (second, i) => ({ offset: first + i, createdAt: new Date(second * 1000).toISOString() }) as EncodedEvent,
  )
  const read = async ({ after = 0, limit = 100 }: { after?: number; limit?: number } = {}) => {
    reads++
    const page = events.filter(({ offset }) => offset > after).slice(0, limit)
    return { events: page, nextCursor: null, maxOffset: first + seconds.length - 1, incarnationId: 'inc' }
  }
  return { read, reads: () => reads }
}

describe('the first event at or after a time', () => {
  test('is found wherever it lies', async () => {
    const seconds = [10, 10, 20, 30, 30, 30, 45]
    const cases = [0, 10, 11, 20, 30, 31, 45].map((second) => offsetAt(streamOf(seconds), second * 1000))
    expect(await Promise.all(cases)).toEqual([1, 1, 3, 3, 4, 7, 7])
    expect(await offsetAt(streamOf(seconds), 46_000)).toBeNull()
  })

  test('is none in an empty stream, and is found in one whose log begins later', async () => {
    expect(await offsetAt(streamOf([]), 0)).toBeNull()
    expect(await offsetAt(streamOf([10, 20, 30], 101), 15_000)).toBe(102)
    expect(await offsetAt(streamOf([10, 20, 30], 101), 0)).toBe(101)
  })

  test('takes some twenty reads of a million events', async () => {
    const stream = streamOf(Array.from({ length: 4096 }, (_, i) => i))
    expect(await offsetAt(stream, 3000_000)).toBe(3001)
    expect(stream.reads()).toBeLessThanOrEqual(14)
  })
})
