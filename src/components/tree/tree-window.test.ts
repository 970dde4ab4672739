import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TALLEST, scrollTopFor, scrollTopToShow, topRow, windowOf } from './tree-window.ts'

const view = (scrollTop: number, height = 280, rowHeight = 28) => ({ scrollTop, height, rowHeight })

describe('a window', () => {
  test('holds the rows in sight and some beyond either edge, and no more', () => {
    const { first, end, tall, top } = windowOf(100_000, view(28_000))
    expect([first, end, tall]).toEqual([1000 - 12, 1010 + 12, 2_800_000])
    expect([top(0), top(1000)]).toEqual([0, 28_000])
  })

  test('ends where the rows end', () => {
    expect(windowOf(3, view(0))).toMatchObject({ first: 0, end: 3, tall: 84 })
    expect(windowOf(0, view(0))).toMatchObject({ first: 0, end: 0, tall: 0 })
    expect(windowOf(3, view(5000))).toMatchObject({ first: 0, end: 3 })
  })

  test('of more rows than an element can hold stays below the cap, and reaches the last row', () => {
    const count = 10_000_000
    const { tall } = windowOf(count, view(0))
    expect(tall).toBe(TALLEST)
    const bottom = windowOf(count, view(tall - 280))
    expect(bottom.end).toBe(count)
    expect(bottom.top(count - 1) + 28).toBeCloseTo(tall, 3)
    expect(topRow(count, view(0))).toEqual({ index: 0, hidden: 0 })
  })
})

test('a row that is scrolled to is in sight, at whatever number of rows', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20_000_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(28, 36, 33.6),
      (count, wanted, scrolled, rowHeight) => {
        const index = Math.min(count - 1, Math.floor(wanted * count))
        const start = view(scrolled * Math.max(0, windowOf(count, view(0, 600, rowHeight)).tall - 600), 600, rowHeight)
        for (const to of [scrollTopToShow(count, index, start), scrollTopFor(count, index, 200, start)]) {
          const there = { ...start, scrollTop: to }
          const { first, end, tall, top } = windowOf(count, there)
          expect(to).toBeGreaterThanOrEqual(0)
          expect(to).toBeLessThanOrEqual(Math.max(0, tall - 600) + 1e-6)
          expect([first <= index, index < end]).toEqual([true, true])
          expect(top(index)).toBeGreaterThanOrEqual(to - 0.01)
          expect(top(index) + rowHeight).toBeLessThanOrEqual(to + 600 + 0.01)
        }
      },
    ),
  )
})

test('a row that is in sight is not scrolled to', () => {
  expect(scrollTopToShow(1000, 5, view(100))).toBe(100)
  expect(scrollTopToShow(1000, 3, view(100))).toBe(84)
  expect(scrollTopToShow(1000, 20, view(100))).toBe(21 * 28 - 280)
})

test('what is at the upper edge is said with how much of it is hidden', () => {
  expect(topRow(1000, view(290))).toEqual({ index: 10, hidden: 10 })
})
