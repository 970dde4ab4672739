import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../src/streams/simulation/random.ts'
import { Caller, type Ground } from './mixed-caller.ts'
import { forkInTheMidst, forkThatStays } from './mixed-forks.ts'
import { READERS } from './mixed-readers.ts'
import { CONTENT_TYPES, type Form } from './mixed-records.ts'
import { Writer } from './mixed-writer.ts'

/** One life of a stream, from its creation to its deletion, as writers and readers know it. */
export interface Life {
  /** Below the project. */
  readonly name: string
  /** At the HTTP door. */
  readonly path: string
  readonly form: Form
  /** Of the lives of all streams of the run. */
  readonly number: number
  /** What each writer has written, once the stream is closed: readers wait for it. */
  readonly written: Promise<ReadonlyMap<number, number>>
  /** Its clients come to stay: none of them leaves, stalls, or writes anything large. */
  readonly settled: boolean
}

/** Where streams are at the HTTP door; their name follows. */
export const STREAMS = '/api/streams/demo'
/** Names that begin so are at the stream root, where subscriptions are. */
export const AT_THE_ROOT = '/v1/stream'

/** A name that is deleted while forks of it live is given out again when they are gone, a moment later. */
const NAME_FREE_MS = 10_000

let lives = 0

/** A life that nobody has begun yet, and what tells its readers how much was written. */
export function newLife(name: string, form: Form, settled = false) {
  const { promise: written, resolve: tell } = Promise.withResolvers<ReadonlyMap<number, number>>()
  const life: Life = { name, path: `${STREAMS}${name}`, form, number: ++lives, written, settled }
  return { life, tell }
}

/** Lets a stream be made, written, read in every way, forked, closed and deleted. */
export async function live(ground: Ground, name: string, form: Form, random: Random): Promise<void> {
  const caller = new Caller(ground)
  const { life, tell } = newLife(name, form)
  await create(caller, life.path, form)
  const readers = Array.from({ length: random.between(3, 7) }, () => {
    const kind = random.weighted({ longPoll: 3, sse: 5, catchUp: 2, itx: form === 'json' ? 2 : 0 })
    return READERS[kind](ground, life, random)
  })
  await Promise.all([write(ground, life, random).then(tell), ...readers])
  const stays = form === 'json' && random.chance(0.3) ? await forkThatStays(ground, life) : null
  await caller.ask('delete', { method: 'DELETE', path: life.path }, 204)
  await stays?.outlive()
  ground.tally.add('lives')
  caller.close()
}

async function create(caller: Caller, path: string, form: Form): Promise<void> {
  const asked = { method: 'PUT', path, headers: { 'content-type': CONTENT_TYPES[form] } } as const
  const deadline = performance.now() + NAME_FREE_MS
  while ((await caller.ask('create', asked, 201, 409)).status === 409) {
    if (performance.now() > deadline) throw new Error(`${path} is still taken by a stream that was deleted`)
    await wait(50)
  }
}

/** Lets writers write until they are done, and the last of them close the stream. */
async function write(ground: Ground, life: Life, random: Random): Promise<ReadonlyMap<number, number>> {
  const writers = Array.from({ length: random.between(1, 3) }, (_, id) => new Writer(ground, life, id, random))
  const [last] = writers
  if (!last) throw new Error('a stream needs a writer')
  const writing = writers.map((writer) => writer.write(random.between(60, 250)))
  const forks = life.form === 'json' ? forkInTheMidst(ground, life, random) : Promise.resolve()
  await Promise.all([...writing, forks])
  if (random.chance(0.5)) await last.append(1, true)
  else {
    const caller = new Caller(ground)
    await caller.ask('close', { method: 'POST', path: life.path, headers: { 'stream-closed': 'true' } }, 204)
    caller.close()
  }
  for (const writer of writers) writer.close()
  return new Map(writers.map((writer, id) => [id, writer.written]))
}
