// `npm run torture [-- --kills N] [--cuts N] [--flips N] [--wal-flips N] [--seeds N] [--mixed-minutes N] [--fresh]`: random
// SIGKILLs, power cuts, flipped bits, simulated lives and mixed clients (docs/operations.md, "Torture"), as many of each as
// bench/results/torture.json does not tell of yet. It is written after every unit: killed at any time and started again,
// this goes on where it was. Exit code 1 when any unit ever failed; the seeds that did are in the file, with what they found.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine } from '../bench/machine.ts'
import { whyBuild } from './build-inputs.mjs'
import { simulateRange } from './simulate.mjs'

const root = resolve(fileURLToPath(import.meta.url), '..', '..')
const CHILD = join(root, 'src', 'streams', 'torture', 'main.ts')
const MIXED = join(root, 'bench', 'mixed.ts')
const RESULTS = process.env.TRIBUTARY_TORTURE_RESULTS ?? join(root, 'bench', 'results', 'torture.json')

/** In the order in which they run; what is over soonest comes first. */
const TORTURES = [
  { kind: 'cuts', option: 'cuts', byDefault: 500, what: 'power cuts' },
  { kind: 'walFlips', option: 'wal-flips', byDefault: 200, what: 'flips in an un-checkpointed log' },
  { kind: 'flips', option: 'flips', byDefault: 1000, what: 'flips in the database file' },
  { kind: 'kills', option: 'kills', byDefault: 1000, what: 'SIGKILLs' },
  { kind: 'seeds', option: 'seeds', byDefault: 20_000, what: 'simulated lives' },
  { kind: 'mixed', option: 'mixed-minutes', byDefault: 60, what: 'minutes of mixed clients' },
]

/** No unit takes as long; one that hangs has failed. */
const UNIT_LIMIT_SECONDS = 120
/** Mixed clients have a server of their own for so long, and then it is judged whether its memory has grown. */
const MIXED_MINUTES = 10
/** Simulated lives between two entries in the file. */
const SLICE = 250
const TELL_EVERY_MS = 10_000
/** Asked once: it writes and syncs to know the disk. */
const MACHINE = machine()

class Results {
  #file
  #kinds

  constructor(file, fresh) {
    this.#file = file
    this.#kinds = fresh ? {} : stored(file)
  }

  of(kind) {
    return (this.#kinds[kind] ??= { done: 0, failed: 0, seconds: 0, tally: {}, sums: {}, failures: [] })
  }

  /** Enters one unit, or a slice of them, and writes everything down. */
  enter(kind, { units = 1, ms, tally = {}, sums = {}, failures = [] }) {
    const entry = this.of(kind)
    entry.done += units
    entry.failed += failures.length
    entry.seconds = Number((entry.seconds + ms / 1000).toFixed(3))
    for (const [name, count] of Object.entries(tally)) entry.tally[name] = (entry.tally[name] ?? 0) + count
    for (const [name, amount] of Object.entries(sums)) entry.sums[name] = (entry.sums[name] ?? 0) + amount
    entry.failures.push(...failures)
    this.#write()
  }

  get failed() {
    return Object.values(this.#kinds).reduce((sum, { failed }) => sum + failed, 0)
  }

  #write() {
    const text = JSON.stringify({ what: 'torture of the engine', machine: MACHINE, kinds: this.#kinds }, null, 2)
    mkdirSync(dirname(this.#file), { recursive: true })
    // Renamed into place: whoever kills this finds the old file or the new one, and never half of one.
    writeFileSync(`${this.#file}.new`, `${text}\n`)
    renameSync(`${this.#file}.new`, this.#file)
  }
}

function stored(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).kinds
  } catch (error) {
    if (error.code === 'ENOENT') return {}
    throw new Error(`${file} cannot be read; --fresh begins anew: ${error.message}`, { cause: error })
  }
}

/** Plays units in a child until they are done or the child is. Resolves with what ended it early, or undefined. */
async function playUnits(args, limitSeconds, onUnit) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = () => child.kill('SIGTERM')
  process.once('exit', stop)
  let hung = false
  let limit
  const arm = () => {
    clearTimeout(limit)
    limit = setTimeout(() => {
      hung = true
      child.kill('SIGKILL')
    }, limitSeconds * 1000)
  }
  const ended = new Promise((settle) => child.once('exit', (code, signal) => settle({ code, signal })))
  arm()
  for await (const line of createInterface({ input: child.stdout })) {
    arm()
    onUnit(JSON.parse(line))
  }
  const { code, signal } = await ended
  clearTimeout(limit)
  process.removeListener('exit', stop)
  if (hung) return `it did not end within ${limitSeconds} seconds`
  return code === 0 ? undefined : `its process ended with ${signal ?? `code ${code}`}`
}

async function torture(results, { kind, what }, wanted) {
  const tell = teller(() => `${results.of(kind).done} of ${wanted} ${what}, ${results.of(kind).failed} failed`)
  while (results.of(kind).done < wanted) {
    const seed = results.of(kind).done + 1
    if (kind === 'seeds') await simulateSlice(results, seed, Math.min(SLICE, wanted - seed + 1))
    else if (kind === 'mixed') await mixClients(results, seed, Math.min(MIXED_MINUTES, wanted - seed + 1))
    else {
      const units = [CHILD, kind, String(seed), String(wanted - seed + 1)]
      const end = await playUnits(units, UNIT_LIMIT_SECONDS, (unit) => {
        enterUnit(results, kind, unit)
        tell()
      })
      // What brought the process down is the seed after the last that was told of.
      if (end !== undefined) enterUnit(results, kind, { seed: results.of(kind).done + 1, ms: 0, fault: end })
    }
    tell()
  }
  tell(true)
}

/** A server of their own for so many minutes: they count when all of them are over. */
async function mixClients(results, seed, minutes) {
  console.log(`mixed clients for ${minutes} minutes, seed ${seed}`)
  let told = false
  const args = [MIXED, '--unit', '--minutes', String(minutes), '--seed', String(seed)]
  const end = await playUnits(args, minutes * 60 + UNIT_LIMIT_SECONDS, (unit) => {
    told = true
    enterUnit(results, 'mixed', { ...unit, units: minutes })
  })
  if (!told) enterUnit(results, 'mixed', { seed, ms: 0, units: minutes, fault: end ?? 'it has told nothing' })
}

function enterUnit(results, kind, { seed, ms, units, tally, sums, fault }) {
  if (fault !== undefined) console.error(`${kind}, seed ${seed}: ${fault}`)
  const counted = tally === undefined ? {} : { tally: { [tally]: 1 } }
  results.enter(kind, { ms, units, sums, failures: fault === undefined ? [] : [{ seed, fault }], ...counted })
}

async function simulateSlice(results, from, seeds) {
  const started = performance.now()
  const { steps, failures } = await simulateRange({ from, seeds })
  for (const { seed, violation } of failures) console.error(`seeds, seed ${seed}: ${violation}`)
  results.enter('seeds', {
    units: seeds,
    ms: performance.now() - started,
    sums: { steps },
    failures: failures.map(({ seed, violation }) => ({ seed, fault: violation })),
  })
}

/** Prints a line now and then. */
function teller(line) {
  let told = performance.now()
  return (now = false) => {
    if (!now && performance.now() - told < TELL_EVERY_MS) return
    told = performance.now()
    console.log(line())
  }
}

function wholeNumber(text, name) {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} must be a whole number, not ${text}`)
  return number
}

async function main() {
  const counts = TORTURES.map(({ option, byDefault }) => [option, { type: 'string', default: String(byDefault) }])
  const { values } = parseArgs({
    options: { ...Object.fromEntries(counts), fresh: { type: 'boolean', default: false } },
  })
  const wanted = TORTURES.map((each) => wholeNumber(values[each.option], each.option))
  const results = new Results(RESULTS, values.fresh)
  const willMix = TORTURES.some(({ kind }, index) => kind === 'mixed' && results.of(kind).done < wanted[index])
  const why = willMix ? whyBuild(root) : undefined
  // Said now: the other tortures take their time, and then it would be too late for whoever has gone home.
  if (why) throw new Error(`mixed clients are for the built server, and ${why}: npm run build, or --mixed-minutes 0`)
  for (const [index, each] of TORTURES.entries()) await torture(results, each, wanted[index])
  return results.failed === 0
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))
try {
  if (!(await main())) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}
