import { expect, test } from 'vitest'
import { CUT_KINDS, powerCut } from './power-cuts.ts'

// Guards acknowledged events against a power cut at any moment: in an open group, in a commit, in a checkpoint, at the
// end, at the very beginning. A failure names its seed, and the seed plays it again. `npm run torture` plays 500.

const CUTS = 50

test('a power cut leaves every acknowledged event, once and in its place, and nothing by half', async () => {
  const kinds = new Set<string>()
  let acknowledged = 0
  for (let seed = 1; seed <= CUTS; seed++) {
    const report = await powerCut(seed).catch((error: unknown) => {
      throw new Error(`power cut ${seed}: ${String(error)}`, { cause: error })
    })
    kinds.add(report.kind)
    acknowledged += report.acknowledged
  }
  expect([...kinds].toSorted()).toEqual([...CUT_KINDS].toSorted())
  expect(acknowledged).toBeGreaterThan(CUTS * 10)
}, 120_000)
