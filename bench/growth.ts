/**
 * What an append costs as a stream grows to 1,000,000 events and a project to 100,000 streams, without keys and with random
 * idempotency keys. Sizes take turns, so that a drifting disk meets them all. Beside it, in the same run: the bare loop at the
 * same sizes, which shows what SQLite itself does with larger tables and indexes.
 */
import { randomUUID } from 'node:crypto'
import { StreamEngine } from '../src/streams/engine.ts'
import { parsePath } from '../src/streams/path.ts'
import { BareLoop } from './bare-loop.ts'
import { PAYLOAD, step, stepWithRandomKey, steps } from './event.ts'
import { median, ratio } from './figures.ts'
import { closedLoop } from './load.ts'
import { BenchDirectory } from './place.ts'
import { type Case, type Figure, atMost, figure, report } from './report.ts'
import { scaled } from './scale.ts'

const CALLERS = 64
const WINDOW = scaled(10_000, 1000)
const ROUNDS = scaled(7, 3)
const LENGTHS = scaled(1, 0) === 1 ? [1000, 10_000, 100_000, 1_000_000] : [1000, 10_000]
const PROJECT_SIZES = scaled(1, 0) === 1 ? [1000, 10_000, 100_000] : [100, 1000]
/** Streams that are appended to in turn, where not all of them are. */
const ACTIVE = 64
/** Up to here a stream is made anew for every round: the window itself would change what is measured. */
const MADE_ANEW = 10_000

/** Something of a size, that is appended to and goes away. */
interface Grown extends Disposable {
  append(i: number): Promise<unknown>
}

type Grow = (size: number) => Promise<Grown>

const engineStream =
  (keys: boolean): Grow =>
  async (size) => {
    const directory = new BenchDirectory()
    const engine = new StreamEngine({ directory: directory.path })
    const streams = engine.project('bench')
    const path = parsePath('/agents/a1/runs/1')
    const make = keys ? stepWithRandomKey : step
    for (let length = 0; length < size; length += 1000) await streams.append(path, steps(1000, make))
    return {
      append: () => streams.append(path, [make()]),
      [Symbol.dispose]() {
        engine.close()
        directory[Symbol.dispose]()
      },
    }
  }

const bareStream =
  (keys: boolean): Grow =>
  async (size) => {
    const directory = new BenchDirectory()
    const loop = new BareLoop(directory.file('bare.db'))
    const [stream = 0] = loop.addStreams(['/agents/a1/runs/1'])
    const newKey = keys ? randomUUID : () => null
    const thousand = Array.from({ length: 1000 }, () => PAYLOAD)
    for (let length = 0; length < size; length += 1000) await loop.append(stream, thousand, newKey)
    return {
      append: () => loop.append(stream, [PAYLOAD], newKey),
      [Symbol.dispose]() {
        loop.close()
        directory[Symbol.dispose]()
      },
    }
  }

const pathOf = (i: number) => parsePath(`/agents/a${i % 500}/run-${i}`)

/** A stream of a project of so many, for the i-th append. */
type Choose = (i: number, size: number) => number

const oneOfTheActive: Choose = (i, size) => (i % ACTIVE) * Math.floor(size / ACTIVE)
const anyOfThem: Choose = (_, size) => Math.floor(Math.random() * size)

const engineProject =
  (choose: Choose, keys: boolean): Grow =>
  async (size) => {
    const directory = new BenchDirectory()
    const engine = new StreamEngine({ directory: directory.path })
    const streams = engine.project('bench')
    const make = keys ? stepWithRandomKey : step
    await closedLoop(CALLERS, size, (i) => streams.create(pathOf(i)))
    return {
      append: (i) => streams.append(pathOf(choose(i, size)), [make()]),
      [Symbol.dispose]() {
        engine.close()
        directory[Symbol.dispose]()
      },
    }
  }

const bareProject =
  (choose: Choose, keys: boolean): Grow =>
  async (size) => {
    const directory = new BenchDirectory()
    const loop = new BareLoop(directory.file('bare.db'))
    const numbers = loop.addStreams(Array.from({ length: size }, (_, i) => pathOf(i)))
    const newKey = keys ? randomUUID : () => null
    for (let i = 0; i < size; i += 1000) {
      await Promise.all(numbers.slice(i, i + 1000).map((number) => loop.append(number, [PAYLOAD])))
    }
    return {
      append: (i) => loop.append(numbers[choose(i, size)] ?? 0, [PAYLOAD], newKey),
      [Symbol.dispose]() {
        loop.close()
        directory[Symbol.dispose]()
      },
    }
  }

/** Microseconds an append costs, by size, a value a round. */
async function costs(sizes: readonly number[], peers: Readonly<Record<'engine' | 'bare', Grow>>) {
  using kept = new DisposableStack()
  const found = { engine: sizes.map(() => [] as number[]), bare: sizes.map(() => [] as number[]) }
  const large = new Map<string, Grown>()
  for (let round = -1; round < ROUNDS; round++) {
    for (const who of ['engine', 'bare'] as const) {
      for (const [index, size] of sizes.entries()) {
        using once = new DisposableStack()
        let place = large.get(`${who} ${size}`)
        if (!place) {
          place = (size > MADE_ANEW ? kept : once).use(await peers[who](size))
          if (size > MADE_ANEW) large.set(`${who} ${size}`, place)
        }
        const { append } = place
        await closedLoop(CALLERS, CALLERS * 10, append)
        const seconds = await closedLoop(CALLERS, WINDOW, append)
        // The first round compiles the code.
        if (round >= 0) found[who][index]?.push((seconds / WINDOW) * 1e6)
      }
    }
  }
  return found
}

async function growing(
  name: string,
  unit: string,
  sizes: readonly number[],
  limit: number | null,
  peers: Readonly<Record<'engine' | 'bare', Grow>>,
): Promise<Case> {
  const { engine, bare } = await costs(sizes, peers)
  const figures: Record<string, Figure> = {}
  for (const [index, size] of sizes.entries()) {
    const at = `at ${size.toLocaleString('en-GB')} ${unit}`
    figures[`engine ${at}`] = figure(median(engine[index] ?? []), 'µs an append')
    figures[`bare loop ${at}`] = figure(median(bare[index] ?? []), 'µs an append')
  }
  const worst = (of: readonly number[][]) => Math.max(...of.map((each) => ratio(each, of[0] ?? [])))
  const growth = worst(engine)
  return {
    name,
    figures,
    ratios: { 'engine, dearest size / smallest': growth, 'bare loop, dearest size / smallest': worst(bare) },
    goals: limit === null ? [] : [atMost(`within a factor of ${limit}`, limit, growth)],
  }
}

const stream = (keys: boolean) => ({ engine: engineStream(keys), bare: bareStream(keys) })
const project = (choose: Choose, keys: boolean) => ({
  engine: engineProject(choose, keys),
  bare: bareProject(choose, keys),
})

report('growth', {
  what: `what an append costs as things grow, ${CALLERS} callers, one event each, ${WINDOW.toLocaleString('en-GB')} from each size on`,
  cases: [
    await growing('a stream grows, no keys', 'events', LENGTHS, 1.2, stream(false)),
    await growing('a stream grows, random keys', 'events', LENGTHS, 2, stream(true)),
    await growing(
      `a project grows, ${ACTIVE} streams active, no keys`,
      'streams',
      PROJECT_SIZES,
      1.2,
      project(oneOfTheActive, false),
    ),
    await growing(
      `a project grows, ${ACTIVE} streams active, random keys`,
      'streams',
      PROJECT_SIZES,
      2,
      project(oneOfTheActive, true),
    ),
    await growing(
      'a project grows, any of its streams, no keys',
      'streams',
      PROJECT_SIZES,
      null,
      project(anyOfThem, false),
    ),
  ],
  notes: [
    'any of 100,000 streams at random is more than the 10,000 actors that stay in memory: most appends read a state row first, and each writes one',
  ],
})
