import { expect, test } from 'vitest'
import type { EncodedEvent } from '../../streams/event.ts'
import {
  LIVE_ROWS,
  OLDER_ROWS,
  follow,
  hold,
  joins,
  lastShown,
  openWindow,
  prependOlder,
  takeTail,
} from './event-window.ts'

// What a person sees must be one gapless run, must not move while it is held, and must not grow without end.

const event = (offset: number): EncodedEvent => ({ offset, type: 'x', createdAt: '2026-01-01T00:00:00.000Z' })
/** Events from one offset to another, both included. */
const run = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i))
const offsets = (rows: readonly EncodedEvent[]) => rows.map(({ offset }) => offset)
const range = (from: number, to: number) => offsets(run(from, to))

test('following takes what the tail brings, each once', () => {
  const window = takeTail(openWindow(run(1, 3)), run(2, 6))
  expect(offsets(window.rows)).toEqual(range(1, 6))
})

test('following keeps as many rows as the tail, and what was loaded before them', () => {
  const live = takeTail(openWindow(run(1, LIVE_ROWS)), run(101, LIVE_ROWS + 100))
  expect(offsets(live.rows)).toEqual(range(101, LIVE_ROWS + 100))
  const older = prependOlder(live, run(1, 100).toReversed())
  expect(offsets(older.rows)).toEqual(range(1, LIVE_ROWS + 100))
  const later = takeTail(older, run(151, LIVE_ROWS + 150))
  expect(offsets(later.rows)).toEqual(range(51, LIVE_ROWS + 150))
})

test('a held window does not move, and following again leaves nothing out', () => {
  const held = takeTail(hold(openWindow(run(1, 5))), run(1, 9))
  expect(offsets(held.rows)).toEqual(range(1, 5))
  expect(joins(held, run(1, 9))).toBe(true)
  expect(offsets(follow(held, run(1, 9)).rows)).toEqual(range(1, 9))
})

test('where the tail has gone too far, the rows before the gap are dropped', () => {
  const held = takeTail(hold(openWindow(run(1, 5))), run(900, 950))
  expect(joins(held, run(900, 950))).toBe(false)
  const window = follow(held, run(900, 950))
  expect(offsets(window.rows)).toEqual(range(900, 950))
  expect(window.older).toBe(0)
})

test('pausing outlives scrolling, and ends by following', () => {
  const paused = hold(hold(openWindow(run(1, 5)), true))
  expect(paused.paused).toBe(true)
  expect(follow(paused, run(1, 5))).toMatchObject({ paused: false, following: true })
})

test('another life of the stream replaces what is shown, held or not', () => {
  const window = takeTail(hold(openWindow(run(1, 50))), run(1, 2))
  expect(offsets(window.rows)).toEqual([1, 2])
})

test('going back is bounded: the far end goes, and the run stays whole', () => {
  let window = hold(openWindow(run(5001, 5100)))
  for (let first = 5001; first > 3001; first -= 100)
    window = prependOlder(window, run(first - 100, first - 1).toReversed())
  expect(window.rows).toHaveLength(LIVE_ROWS + OLDER_ROWS)
  expect(offsets(window.rows)).toEqual(range(3001, 3001 + LIVE_ROWS + OLDER_ROWS - 1))
  expect(lastShown(window)).toBeLessThan(5100)
})

test('an older page that does not fit is ignored', () => {
  const window = openWindow(run(101, 110))
  expect(prependOlder(window, run(1, 50).toReversed())).toBe(window)
  expect(prependOlder(window, [])).toBe(window)
})
