/**
 * What an append costs as a stream grows to 1,000,000 events and a project to 100,000 streams, without keys and with random
 * idempotency keys. Sizes take turns, so that a drifting disk meets them all. Beside it, in the same run: the bare loop at the
 * same sizes, which shows what SQLite itself does with larger tables and indexes.
 */
import { ACTIVE, type Grown, bareProject, bareStream, engineProject, engineStream } from './grown.ts'
import { median, ratio } from './figures.ts'
import { closedLoop } from './load.ts'
import { type Case, type Figure, atMost, figure, report } from './report.ts'
import { QUICK, scaled } from './scale.ts'

const CALLERS = 64
const WINDOW = scaled(10_000, 1000)
const ROUNDS = scaled(5, 3)
const LENGTHS = QUICK ? [1000, 20_000] : [1000, 10_000, 100_000, 1_000_000]
const PROJECT_SIZES = QUICK ? [100, 1000] : [1000, 10_000, 100_000]
/** Up to here a stream is made anew for every round: the appends that are measured would change its size too much. */
const MADE_ANEW = 10_000

interface Growing {
  readonly unit: string
  readonly sizes: readonly number[]
  /** Of each way to append: its name, and how many times the cost at the smallest size it may cost at any. */
  readonly ways: readonly { readonly name: string; readonly limit: number | null }[]
  /** Whether something of this size is made anew for every round. */
  readonly madeAnew: (size: number) => boolean
  readonly engine: (size: number) => Promise<Grown>
  readonly bare: (size: number) => Promise<Grown>
}

type Peer = 'engine' | 'bare'

/** Measures one thing at all its sizes, the engine and the bare loop in turn. */
async function growing({ unit, sizes, ways, madeAnew, ...peers }: Growing): Promise<Case[]> {
  /** Microseconds an append costs, a value a round. */
  const costs = new Map<string, number[]>()
  const costsOf = (peer: Peer, way: number, size: number) => costs.get(`${peer} ${way} ${size}`) ?? []
  using kept = new DisposableStack()
  const large = new Map<string, Grown>()
  // The first round compiles the code, and is not counted.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [peer, size] of inTurn(sizes)) {
      using once = new DisposableStack()
      const name = `${peer} ${size}`
      const grown = large.get(name) ?? (madeAnew(size) ? once : kept).use(await peers[peer](size))
      if (!madeAnew(size)) large.set(name, grown)
      for (const [way, append] of grown.appends.entries()) {
        await closedLoop(CALLERS, CALLERS * 10, append)
        const seconds = await closedLoop(CALLERS, WINDOW, append)
        if (round > 0) costs.set(`${peer} ${way} ${size}`, [...costsOf(peer, way, size), (seconds / WINDOW) * 1e6])
      }
    }
  }
  return ways.map(({ name, limit }, way) => {
    const dearest = (peer: Peer) =>
      Math.max(...sizes.map((size) => ratio(costsOf(peer, way, size), costsOf(peer, way, sizes[0] ?? 0))))
    const figures = inTurn(sizes).map(([peer, size]): [string, Figure] => [
      `${peer === 'bare' ? 'bare loop' : peer} at ${size.toLocaleString('en-GB')} ${unit}`,
      figure(median(costsOf(peer, way, size)), 'µs an append'),
    ])
    return {
      name,
      figures: Object.fromEntries(figures),
      ratios: {
        'engine, dearest size / smallest': dearest('engine'),
        'bare loop, dearest size / smallest': dearest('bare'),
      },
      goals: limit === null ? [] : [atMost(`at most ${limit} times the smallest size`, limit, dearest('engine'))],
    }
  })
}

function inTurn(sizes: readonly number[]): [Peer, number][] {
  return sizes.flatMap((size): [Peer, number][] => [
    ['engine', size],
    ['bare', size],
  ])
}

const streamOf = (keys: boolean): Omit<Growing, 'ways'> => ({
  unit: 'events',
  sizes: LENGTHS,
  madeAnew: (size) => size <= MADE_ANEW,
  engine: (size) => engineStream(size, keys),
  bare: (size) => bareStream(size, keys),
})

const cases = [
  ...(await growing({ ...streamOf(false), ways: [{ name: 'a stream grows, no keys', limit: 1.2 }] })),
  ...(await growing({ ...streamOf(true), ways: [{ name: 'a stream grows, random keys', limit: 2 }] })),
  ...(await growing({
    unit: 'streams',
    sizes: PROJECT_SIZES,
    madeAnew: () => false,
    engine: engineProject,
    bare: bareProject,
    ways: [
      { name: `a project grows, ${ACTIVE} of its streams active, no keys`, limit: 1.2 },
      { name: `a project grows, ${ACTIVE} of its streams active, random keys`, limit: 2 },
      { name: 'a project grows, any of its streams, no keys', limit: null },
    ],
  })),
]

report('growth', {
  what: `what an append costs as things grow, ${CALLERS} callers, one event each, ${WINDOW.toLocaleString('en-GB')} from each size on`,
  cases,
  notes: [
    'any of 100,000 streams at random is more than the 10,000 actors that stay in memory: most appends read a state row first, and each writes one',
  ],
})
