/**
 * Appending in-process, beside bare loops over better-sqlite3 that write the same rows (`bare-loop.ts`):
 *
 * - one event each by 64 concurrent callers, beside the bare loop and beside one that commits every append on its own;
 * - batches of 100;
 * - single durable appends at a fixed pace, with their latencies.
 */
import { StreamEngine } from '../src/streams/engine.ts'
import { parsePath } from '../src/streams/path.ts'
import { BareLoop } from './bare-loop.ts'
import { PAYLOAD, step, steps } from './event.ts'
import { interleaved, median, percentile, ratio } from './figures.ts'
import { closedLoop, paced } from './load.ts'
import { BenchDirectory } from './place.ts'
import { type Case, atLeast, atMost, milliseconds, perSecond, report } from './report.ts'
import { scaled } from './scale.ts'

const PATH = '/agents/a1/runs/1'
const CALLERS = 64
const BATCH = 100
const PACE = 1000

type Append = (events: number) => Promise<unknown>

/** Measures appends to a stream of the engine, in a project that is gone afterwards. */
async function onEngine<T>(measure: (append: Append) => Promise<T>): Promise<T> {
  using directory = new BenchDirectory()
  const engine = new StreamEngine({ directory: directory.path })
  const path = parsePath(PATH)
  const result = await measure((events) =>
    engine.project('bench').append(path, events === 1 ? [step()] : steps(events)),
  )
  engine.close()
  return result
}

async function onBareLoop<T>(grouped: boolean, measure: (append: Append) => Promise<T>): Promise<T> {
  using directory = new BenchDirectory()
  const loop = new BareLoop(directory.file('bare.db'), { grouped })
  const [stream = 0] = loop.addStreams([PATH])
  const result = await measure((events) =>
    loop.append(
      stream,
      Array.from({ length: events }, () => PAYLOAD),
    ),
  )
  loop.close()
  return result
}

/** Events per second, the first tenth left out. */
function rateOf(callers: number, events: number, batch: number) {
  return async (append: Append): Promise<number> => {
    const calls = events / batch
    await closedLoop(callers, Math.ceil(calls / 10), () => append(batch))
    return events / (await closedLoop(callers, calls, () => append(batch)))
  }
}

async function single(): Promise<Case> {
  const grouped = rateOf(CALLERS, scaled(100_000, 10_000), 1)
  const alone = rateOf(CALLERS, scaled(5000, 1000), 1)
  const { engine, bare, commitEach } = await interleaved(scaled(7, 3), {
    bare: () => onBareLoop(true, grouped),
    engine: () => onEngine(grouped),
    commitEach: () => onBareLoop(false, alone),
  })
  const toBare = ratio(engine, bare)
  return {
    name: `one event each, ${CALLERS} callers`,
    figures: {
      engine: perSecond(median(engine)),
      'bare loop': perSecond(median(bare)),
      'bare loop, a commit per append': perSecond(median(commitEach)),
    },
    ratios: { 'engine / bare loop': toBare, 'engine / commit per append': ratio(engine, commitEach) },
    goals: [atLeast('at least 0.6 of the bare loop', 0.6, toBare)],
  }
}

async function batches(): Promise<Case> {
  const rate = rateOf(4, scaled(200_000, 20_000), BATCH)
  const { engine, bare } = await interleaved(scaled(5, 3), {
    bare: () => onBareLoop(true, rate),
    engine: () => onEngine(rate),
  })
  return {
    name: `batches of ${BATCH}, 4 callers`,
    figures: { engine: perSecond(median(engine)), 'bare loop': perSecond(median(bare)) },
    ratios: { 'engine / bare loop': ratio(engine, bare) },
    goals: [atLeast('at least 80,000 events/s', 80_000, median(engine))],
  }
}

async function steady(): Promise<Case> {
  const seconds = scaled(4, 1)
  const p50: Record<string, number[]> = { engine: [], bare: [] }
  const measure = (who: string) => async (append: Append) => {
    await paced(PACE, seconds / 4, () => append(1))
    const latencies = await paced(PACE, seconds, () => append(1))
    p50[who]?.push(percentile(latencies, 0.5))
    return percentile(latencies, 0.99)
  }
  const { engine, bare } = await interleaved(scaled(5, 2), {
    bare: () => onBareLoop(false, measure('bare')),
    engine: () => onEngine(measure('engine')),
  })
  return {
    name: `single durable appends, ${PACE.toLocaleString('en-GB')} a second`,
    figures: {
      'engine p99': milliseconds(median(engine)),
      'engine p50': milliseconds(median(p50['engine'] ?? [])),
      'bare loop, a commit per append, p99': milliseconds(median(bare)),
      'bare loop, a commit per append, p50': milliseconds(median(p50['bare'] ?? [])),
    },
    ratios: { 'engine p99 / bare loop p99': ratio(engine, bare) },
    goals: [atMost('p99 at most 10 ms', 10, median(engine))],
  }
}

report('append', {
  what: 'appending in-process; acknowledged means fsynced',
  cases: [await single(), await batches(), await steady()],
})
