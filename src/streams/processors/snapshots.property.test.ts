import fc from 'fast-check'
import { expect, test } from 'vitest'
import { superfluous } from './snapshots.ts'

// A log of any length has a bounded number of snapshots, and the state at any offset is near one of them.

test('snapshots stay few, the newest stays, and none lies further from the next than an interval', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 400 }), (steps) => {
      let kept: number[] = []
      let offset = 0
      let widest = 0
      for (const step of steps) {
        offset += step
        widest = Math.max(widest, step)
        kept.push(offset)
        const gone = superfluous(kept)
        kept = kept.filter((each) => !gone.includes(each))
        let interval = 10_000
        while (offset / interval > 64) interval *= 2
        expect(kept.at(-1)).toBe(offset)
        expect(kept.length).toBeLessThanOrEqual(66)
        // Two intervals: the newest of one and the newest of the next may lie at opposite ends.
        const gaps = kept.map((each, index) => each - (kept[index - 1] ?? 0))
        expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * interval + widest)
      }
    }),
    { numRuns: 200 },
  )
})
