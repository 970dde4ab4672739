import { afterAll, expect, test } from 'vitest'
import { KillRounds } from './kills.ts'

// Guards the promise behind every acknowledgement: a process that is killed at any moment has lost nothing that it
// promised, doubled nothing, and left nothing by half. `npm run torture` plays the same 1,000 times.

const ROUNDS = 20
const rounds = new KillRounds()
afterAll(() => rounds[Symbol.dispose]())

test('a killed process has kept every deed it acknowledged, once and in its place, and no half of any', async () => {
  // Other moments in every run: the seed only tells which.
  const first = Date.now() % 1_000_000_000
  let acknowledged = 0
  for (let seed = first; seed < first + ROUNDS; seed++) {
    const report = await rounds.round(seed).catch((error: unknown) => {
      throw new Error(`kill round ${seed}: ${String(error)}`, { cause: error })
    })
    acknowledged += report.acknowledged
  }
  expect(acknowledged).toBeGreaterThan(ROUNDS * 10)
}, 120_000)
