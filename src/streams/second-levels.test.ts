import fc from 'fast-check'
import { expect, test } from 'vitest'
import { COUNTED_SECONDS } from './second-counts.ts'
import { SecondLevels } from './second-levels.ts'

// Guards against a level that is forgotten when nothing changes for longer than the ring is, or that outlives its time.

test('the most of each of the last 300 seconds is what a plain list of the changes says', () => {
  const step = fc.record({
    on: fc.oneof(
      { weight: 6, arbitrary: fc.nat(3) },
      { weight: 2, arbitrary: fc.integer({ min: 290, max: 310 }) },
      { weight: 1, arbitrary: fc.constant(1e7) },
    ),
    by: fc.integer({ min: -2, max: 3 }),
    looks: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.nat(700), fc.array(step, { maxLength: 60 }), (start, steps) => {
      const levels = new SecondLevels(start)
      const changes: { readonly second: number; readonly level: number }[] = []
      let [second, level] = [start, 0]
      for (const { on, by, looks } of steps) {
        second += on
        level = Math.max(0, level + by)
        levels.change(second, by)
        changes.push({ second, level })
        if (!looks) continue
        const mostOf = (each: number) => {
          const before = changes.findLast((change) => change.second < each)?.level ?? 0
          return Math.max(before, ...changes.filter((change) => change.second === each).map((change) => change.level))
        }
        const expected = Array.from({ length: COUNTED_SECONDS }, (_, i) => mostOf(second - COUNTED_SECONDS + i))
        expect(levels.before(second)).toEqual(expected)
      }
    }),
    { numRuns: 300 },
  )
})

test('it never goes below zero, and what nobody changes stays', () => {
  const levels = new SecondLevels(0)
  levels.change(1, 2)
  expect(levels.before(100_000)).toEqual(Array.from({ length: 300 }, () => 2))
  levels.change(100_000, -5)
  expect(levels.before(100_002).slice(-2)).toEqual([2, 0])
})
