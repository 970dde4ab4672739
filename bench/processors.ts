/**
 * Processors that follow a stream at full append speed: one that counts, one that answers each event with another. How fast
 * they get on, and what they cost those who append. Beside them, in the same run: nobody, and a subscriber that does the same
 * count without a checkpoint.
 */
import { eventCounter } from '../src/streams/processors/builtin/event-counter.ts'
import { ProcessorRegistry } from '../src/streams/processors/registry.ts'
import { echo } from '../src/streams/processors/testing.ts'
import { StreamEngine } from '../src/streams/engine.ts'
import { decodeEvent } from '../src/streams/event.ts'
import { encodeInput } from '../src/streams/event-input.ts'
import { parsePath } from '../src/streams/path.ts'
import type { ProjectStreams } from '../src/streams/project-streams.ts'
import { PAYLOAD } from './event.ts'
import { interleaved, median, ratio } from './figures.ts'
import { closedLoop } from './load.ts'
import { BenchDirectory } from './place.ts'
import { type Case, perSecond, report } from './report.ts'
import { scaled } from './scale.ts'

const PATH = parsePath('/agents/a1/runs/1')
const CALLERS = 64
const COUNTED = scaled(100_000, 10_000)
const ANSWERED = scaled(5000, 1000)

const input = () => encodeInput({ type: 'echo/input', payload: PAYLOAD })

/** Whoever follows the stream; `done` resolves when all events up to an offset are dealt with. */
type Follower = (streams: ProjectStreams) => Promise<{ done(offset: number): Promise<void> }>

const nobody: Follower = async () => ({ done: async () => {} })

const subscriber: Follower = async (streams) => {
  const counts: Record<string, number> = {}
  let through = 0
  await streams.subscribe(PATH, { after: 'start' }, (batch) => {
    for (const { type } of batch.events.map(decodeEvent)) counts[type] = (counts[type] ?? 0) + 1
    through = batch.through
  })
  return { done: (offset) => turnsUntil(async () => through >= offset) }
}

const processor =
  (slug: string): Follower =>
  async (streams) => {
    await streams.processors.attach(PATH, slug)
    const checkpoint = async () => {
      const info = (await streams.processors.list(PATH)).find((each) => each.slug === slug)
      if (info?.error) throw new Error(`${slug} failed: ${info.error.message}`)
      return info?.checkpoint ?? 0
    }
    return { done: (offset) => turnsUntil(async () => (await checkpoint()) >= offset) }
  }

async function turnsUntil(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 1))
}

/** Rates of the follower, by its name, of the last rounds. */
const followed: Record<string, number[]> = {}

/** Events per second that were appended while it followed; how fast it got through them is kept in `followed`. */
async function appending(name: string, events: number, follower: Follower): Promise<number> {
  using directory = new BenchDirectory()
  const registry = new ProcessorRegistry([{ processor: eventCounter }, { processor: echo }])
  const engine = new StreamEngine({ directory: directory.path, processors: registry })
  const streams = engine.project('bench')
  await streams.create(PATH)
  const { done } = await follower(streams)
  const append = () => streams.append(PATH, [input()])
  await closedLoop(CALLERS, events / 10, append)
  await done((await streams.state(PATH)).maxOffset)
  const start = performance.now()
  const seconds = await closedLoop(CALLERS, events, append)
  const { maxOffset } = await streams.state(PATH)
  await done(maxOffset)
  ;(followed[name] ??= []).push(events / ((performance.now() - start) / 1000))
  engine.close()
  return events / seconds
}

async function following(name: string, slug: string, events: number): Promise<Case> {
  const rates = await interleaved(scaled(5, 2), {
    alone: () => appending('alone', events, nobody),
    beside: () => appending('beside', events, subscriber),
    attached: () => appending(slug, events, processor(slug)),
  })
  const processed = followed[slug] ?? []
  const counted = followed['beside'] ?? []
  const result: Case = {
    name,
    figures: {
      'processor, from the first append to its last event': perSecond(median(processed)),
      'subscriber that counts': perSecond(median(counted)),
      'appending, nobody following': perSecond(median(rates.alone)),
      'appending, the subscriber following': perSecond(median(rates.beside)),
      'appending, the processor following': perSecond(median(rates.attached)),
    },
    ratios: {
      'processor / subscriber': ratio(processed, counted),
      'appending with the processor / with nobody': ratio(rates.attached, rates.alone),
      'appending with the subscriber / with nobody': ratio(rates.beside, rates.alone),
    },
  }
  for (const key of Object.keys(followed)) delete followed[key]
  return result
}

report('processors', {
  what: `processors that follow a stream, ${CALLERS} callers appending one event each as fast as they can`,
  cases: [
    await following('a processor that counts', 'event-counter', COUNTED),
    await following('a processor that answers each event with one of its own', 'echo', ANSWERED),
  ],
  notes: [
    'effects run one after another and each is on the disk before the next: what answers every event has a commit for each',
  ],
})
