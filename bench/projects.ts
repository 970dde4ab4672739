/**
 * 50 projects at once, each with an appender and a subscriber, beside the same load on 50 streams of one project: at a fixed
 * pace, with latencies, and as fast as it goes. A project has a file of its own, and so a commit and an fsync of its own.
 */
import { StreamEngine } from '../src/streams/engine.ts'
import { parsePath } from '../src/streams/path.ts'
import { step } from './event.ts'
import { interleaved, median, percentile, ratio } from './figures.ts'
import { closedLoop, paced } from './load.ts'
import { BenchDirectory } from './place.ts'
import { type Case, atMost, figure, milliseconds, perSecond, report } from './report.ts'
import { scaled } from './scale.ts'

const PROJECTS = 50
const CALLERS = 200
const PACE = 1000
const SECONDS = scaled(4, 1)

type Append = (i: number) => Promise<unknown>

/** Runs a load over 50 places with a subscriber each, and checks that each got all of its own. */
async function active<T>(projects: number, load: (append: Append) => Promise<T>): Promise<T> {
  using directory = new BenchDirectory()
  const engine = new StreamEngine({ directory: directory.path })
  const places = Array.from({ length: PROJECTS }, (_, i) => ({
    project: `project-${i % projects}`,
    path: parsePath(`/runs/${i}`),
    appended: 0,
    received: 0,
  }))
  for (const place of places) {
    const streams = engine.project(place.project)
    await streams.create(place.path)
    await streams.subscribe(place.path, { after: 'now' }, ({ events }) => void (place.received += events.length))
  }
  const result = await load((i) => {
    const place = places[i % PROJECTS]
    if (!place) throw new Error('unreachable: there is a place for each remainder')
    place.appended++
    return engine.project(place.project).append(place.path, [step()])
  })
  for (let turns = 0; places.some((place) => place.received < place.appended); turns++) {
    if (turns > 10_000) throw new Error('a subscriber did not get all events of its stream')
    await new Promise((resolve) => setImmediate(resolve))
  }
  engine.close()
  return result
}

const p50: Record<string, number[]> = { fifty: [], one: [] }

async function pacedP99(projects: number, name: string): Promise<number> {
  return active(projects, async (append) => {
    await paced(PACE, SECONDS / 4, (_due, i) => append(i))
    const latencies = await paced(PACE, SECONDS, (_due, i) => append(i))
    p50[name]?.push(percentile(latencies, 0.5))
    return percentile(latencies, 0.99)
  })
}

async function steady(): Promise<Case> {
  const p99 = await interleaved(scaled(5, 2), {
    fifty: () => pacedP99(PROJECTS, 'fifty'),
    one: () => pacedP99(1, 'one'),
  })
  return {
    name: `${PACE.toLocaleString('en-GB')} single appends a second over ${PROJECTS} projects, a subscriber each`,
    figures: {
      [`${PROJECTS} projects p99`]: milliseconds(median(p99.fifty)),
      [`${PROJECTS} projects p50`]: milliseconds(median(p50['fifty'] ?? [])),
      'one project p99': milliseconds(median(p99.one)),
      'one project p50': milliseconds(median(p50['one'] ?? [])),
    },
    ratios: { [`p99 of ${PROJECTS} projects / of one`]: ratio(p99.fifty, p99.one) },
    goals: [atMost('50 projects active at once, p99 at most 10 ms, nothing lost', 10, median(p99.fifty))],
  }
}

async function full(): Promise<Case> {
  const total = scaled(20_000, 4000)
  const rate = (projects: number) => () =>
    active(projects, async (append) => {
      await closedLoop(CALLERS, total / 10, append)
      return total / (await closedLoop(CALLERS, total, append))
    })
  const { fifty, one } = await interleaved(scaled(5, 2), { fifty: rate(PROJECTS), one: rate(1) })
  return {
    name: `${CALLERS} callers over ${PROJECTS} projects, as fast as it goes, a subscriber each`,
    figures: {
      [`${PROJECTS} projects`]: perSecond(median(fifty)),
      'one project': perSecond(median(one)),
      'callers of a project': figure(CALLERS / PROJECTS, 'callers'),
    },
    ratios: { [`${PROJECTS} projects / one`]: ratio(fifty, one) },
  }
}

report('projects', {
  what: `${PROJECTS} projects active at once, beside the same load on one`,
  cases: [await steady(), await full()],
  notes: [
    'the fewer callers a project has, the fewer appends share an fsync: that, not the number of projects, sets the pace',
  ],
})
