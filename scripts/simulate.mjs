// `npm run simulate -- --seeds N [--from S] [--jobs J]`: the engine through as many simulated lives, all of them decided
// by their seeds (docs/architecture.md, "How the engine is tested"). `--seed S [--trace]` runs one, and prints what
// happened in it. Exit code 1 when a law was broken: the seed is printed, with a file that tells all of its steps.
import { writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'

const USAGE = 'usage: npm run simulate -- --seeds N [--from S] [--jobs J], or --seed S [--trace]'
/** Seeds that a worker takes at a time. */
const SLICE = 50
/** Failures after which a range is given up. */
const ENOUGH = 20

async function load() {
  const { simulate } = await import('../src/streams/simulation/simulate.ts')
  return simulate
}

/** Writes down all steps of a failed seed. Returns the file. */
function keepTrace(seed, trace) {
  const file = join(tmpdir(), `tributary-simulation-${seed}.txt`)
  writeFileSync(file, trace)
  return file
}

/**
 * Runs `seeds` seeds from `from` on, in `jobs` threads. Resolves with `{ seeds, steps, failures }`, each failure
 * `{ seed, violation, file }`; `onSlice` hears how many seeds are done.
 */
export async function simulateRange({ from, seeds, jobs = availableParallelism(), onSlice = () => {} }) {
  const end = from + seeds
  const sum = { seeds: 0, steps: 0, failures: [] }
  let next = from
  const take = () => {
    if (next >= end || sum.failures.length >= ENOUGH) return null
    const slice = { from: next, seeds: Math.min(SLICE, end - next) }
    next += slice.seeds
    return slice
  }
  const runWorker = () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { simulation: true } })
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      const give = () => worker.postMessage(take())
      worker.on('message', (done) => {
        sum.seeds += done.seeds
        sum.steps += done.steps
        sum.failures.push(...done.failures)
        onSlice(sum)
        give()
      })
      worker.on('error', reject)
      worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with code ${code}`))))
      give()
    })
  await Promise.all(Array.from({ length: Math.max(1, Math.min(jobs, Math.ceil(seeds / SLICE))) }, runWorker))
  sum.failures.sort((a, b) => a.seed - b.seed)
  return sum
}

/** A thread: takes slices until there is none. */
async function work() {
  const simulate = await load()
  parentPort.on('message', async (slice) => {
    if (slice === null) {
      parentPort.close()
      return
    }
    const done = { seeds: 0, steps: 0, failures: [] }
    for (let seed = slice.from; seed < slice.from + slice.seeds; seed++) {
      const result = await simulate(seed)
      done.seeds++
      done.steps += result.steps
      if (result.violation === null) continue
      done.failures.push({ seed, violation: result.violation, file: keepTrace(seed, result.trace()) })
    }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort.postMessage(done)
  })
}

function describeFailure({ seed, violation, file }) {
  return `seed ${seed}: ${violation}\n  all steps: ${file}\n  again: npm run simulate -- --seed ${seed}`
}

async function one(seed, trace) {
  const simulate = await load()
  const result = await simulate(seed)
  if (trace) process.stdout.write(result.trace())
  if (result.violation === null) console.log(`seed ${seed}: ${result.steps} steps, hash ${result.hash}, no law broken`)
  else console.error(describeFailure({ ...result, file: keepTrace(seed, result.trace()) }))
  return result.violation === null
}

async function range(from, seeds, jobs) {
  const started = Date.now()
  let told = started
  const seconds = () => ((Date.now() - started) / 1000).toFixed(1)
  const {
    seeds: done,
    steps,
    failures,
  } = await simulateRange({
    from,
    seeds,
    jobs,
    onSlice: (sum) => {
      if (Date.now() - told < 10_000) return
      told = Date.now()
      console.log(`${sum.seeds} of ${seeds} seeds, ${sum.failures.length} failed, ${seconds()} s`)
    },
  })
  for (const failure of failures) console.error(describeFailure(failure))
  const given = failures.length >= ENOUGH ? ' (given up)' : ''
  console.log(`${done} seeds from ${from}: ${steps} steps, ${failures.length} failed${given}, ${seconds()} s`)
  return failures.length === 0
}

function wholeNumber(text, name, least) {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < least) throw new Error(`--${name} must be a whole number from ${least}`)
  return number
}

async function main() {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
    },
  })
  if (values.seed !== undefined) return one(wholeNumber(values.seed, 'seed', 0), values.trace)
  if (values.seeds === undefined) throw new Error(USAGE)
  return range(
    wholeNumber(values.from, 'from', 0),
    wholeNumber(values.seeds, 'seeds', 1),
    wholeNumber(values.jobs, 'jobs', 1),
  )
}

if (!isMainThread && workerData?.simulation === true) await work()
else if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    if (!(await main())) process.exitCode = 1
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exitCode = 2
  }
}
