import fc from 'fast-check'
import { expect, test } from 'vitest'
import { COUNTED_SECONDS, SecondCounts } from './second-counts.ts'
import { times } from './testing.ts'

// Guards against counts that outlive their time: a slot is used again every five minutes, whoever looks or does not.

test('what was counted in each of the last 300 seconds is what a plain list of it says, whatever the steps', () => {
  const step = fc.record({
    // Most follow at once; some after about as long as the ring is; some after hours.
    on: fc.oneof(
      { weight: 6, arbitrary: fc.nat(3) },
      { weight: 2, arbitrary: fc.integer({ min: 290, max: 310 }) },
      { weight: 1, arbitrary: fc.constant(1e7) },
    ),
    count: fc.nat(5),
    looks: fc.boolean(),
    restarts: fc.nat(20).map((n) => n === 0),
  })
  fc.assert(
    fc.property(fc.nat(700), fc.array(step, { maxLength: 60 }), (start, steps) => {
      const counts = new SecondCounts(start)
      let all: { readonly second: number; readonly count: number }[] = []
      let second = start
      for (const { on, count, looks, restarts } of steps) {
        second += on
        if (restarts) {
          counts.restart(second)
          all = []
        }
        counts.add(second, count)
        all.push({ second, count })
        if (!looks) continue
        const sumOf = (from: number, below: number) =>
          all.filter((each) => each.second >= from && each.second < below).reduce((sum, each) => sum + each.count, 0)
        for (const width of [1, 5, COUNTED_SECONDS]) {
          const from = second - COUNTED_SECONDS
          const expected = times(COUNTED_SECONDS / width, 0).map((_, i) => {
            return sumOf(from + i * width, from + (i + 1) * width)
          })
          expect([width, counts.before(second, width)]).toEqual([width, expected])
        }
        expect(counts.total(second)).toBe(sumOf(second - COUNTED_SECONDS, second))
      }
    }),
    { numRuns: 300 },
  )
})

test('the second that is under way is not told of until it is over', () => {
  const counts = new SecondCounts(0)
  counts.add(7, 3)
  expect(counts.total(7)).toBe(0)
  expect(counts.before(8, 1).at(-1)).toBe(3)
  expect(counts.before(307, 1)[0]).toBe(3)
  expect(counts.total(308)).toBe(0)
})
