import { expect, test } from 'vitest'
import { BitFlips, type FlipReport } from './bit-flips.ts'
import { walFlip } from './wal-flips.ts'

// Guards against silence: whatever bit of the file flips, every answer is the right one or an error that names its
// stream; nothing is deleted, and nothing else is touched. A failure names its seed. `npm run torture` flips 1,000.

const FLIPS = 100
const LOG_FLIPS = 20

test('a flipped bit in the file is reported or makes no difference, and nothing is deleted', async () => {
  const flips = await BitFlips.prepare()
  const reports: FlipReport[] = []
  for (let seed = 1; seed <= FLIPS; seed++) {
    const report = await flips.flip(seed)
    expect({ seed, what: report.what, faults: report.faults }).toEqual({ seed, what: report.what, faults: [] })
    reports.push(report)
  }
  const reported = reports.filter(({ outcome }) => outcome === 'reported')
  expect(reported.length).toBeGreaterThan(FLIPS / 3)
  expect([...new Set(reported.map(({ table }) => table))]).toEqual(
    expect.arrayContaining(['events', 'event_chunks', 'streams', 'snapshots', 'records']),
  )
}, 120_000)

test('a flipped bit in a log that was not checkpointed leaves the project as it was at some commit, and is told of', async () => {
  let warned = 0
  for (let seed = 1; seed <= LOG_FLIPS; seed++) {
    const report = await walFlip(seed).catch((error: unknown) => {
      throw new Error(`log flip ${seed}: ${String(error)}`, { cause: error })
    })
    if (report.warned) warned++
  }
  expect(warned).toBeGreaterThan(LOG_FLIPS / 2)
}, 60_000)
