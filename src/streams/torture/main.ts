// The child of scripts/torture.mjs: plays units of one kind, one seed after the other, and tells of each in a line of JSON.
// A process of its own, because what it opens is damaged: should it ever fall, the script goes on after that seed.
import { argv } from 'node:process'
import { writeSync } from 'node:fs'
import { TORTURES } from './units.ts'

const [, , kind = '', from = '1', count = '1'] = argv
const prepare = TORTURES[kind]
if (!prepare) throw new Error(`there is no torture ${JSON.stringify(kind)}; only ${Object.keys(TORTURES).join(', ')}`)
const run = await prepare()
for (let seed = Number(from); seed < Number(from) + Number(count); seed++) {
  const started = performance.now()
  const outcome = await run(seed).catch((error: unknown) => ({
    fault: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }))
  writeSync(1, `${JSON.stringify({ seed, ms: Math.round(performance.now() - started), ...outcome })}\n`)
}
