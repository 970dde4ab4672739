import { BitFlips } from './bit-flips.ts'
import { KillRounds } from './kills.ts'
import { powerCut } from './power-cuts.ts'
import { walFlip } from './wal-flips.ts'

/** What one unit of torture says when nothing is wrong: how to count it, and what to add up. */
export interface UnitReport {
  readonly tally: string
  readonly sums?: Readonly<Record<string, number>>
}

/** Runs the unit of a seed. @throws when something is wrong. */
type RunUnit = (seed: number) => Promise<UnitReport>

/** The kinds of torture, each with what prepares a series of its units. */
export const TORTURES: Readonly<Record<string, () => Promise<RunUnit>>> = {
  kills: async () => {
    const rounds = new KillRounds()
    process.on('exit', () => rounds[Symbol.dispose]())
    return async (seed) => ({ tally: 'sound', sums: { ...(await rounds.round(seed)) } })
  },
  cuts: async () => async (seed) => {
    const { kind, log, acknowledged, unsynced } = await powerCut(seed)
    return { tally: `${kind}, log ${log}`, sums: { acknowledged, unsyncedBytes: unsynced } }
  },
  flips: async () => {
    const flips = await BitFlips.prepare()
    return async (seed) => {
      const { kind, what, outcome, faults } = await flips.flip(seed)
      if (faults.length > 0) throw new Error(`${what}: ${faults.slice(0, 5).join('; ')}`)
      return { tally: `${kind}: ${outcome}` }
    }
  },
  walFlips: async () => async (seed) => {
    const { lost, warned, fromTheEnd } = await walFlip(seed)
    const where = fromTheEnd === 0 ? 'the last commit' : fromTheEnd === 1 ? 'the last but one' : 'an earlier one'
    return { tally: `${where}: ${warned ? 'warned' : 'not seen'}`, sums: { lostEvents: lost } }
  },
}
