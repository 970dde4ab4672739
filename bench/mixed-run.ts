import { setTimeout as wait } from 'node:timers/promises'
import { Random } from '../src/streams/simulation/random.ts'
import { type Ground, Tally } from './mixed-caller.ts'
import { LEAST_ROUNDS } from './mixed-judge.ts'
import { AT_THE_ROOT, live } from './mixed-life.ts'
import { askWrongly, expire, vanish } from './mixed-nuisances.ts'
import type { Form } from './mixed-records.ts'
import { type Held, MixedServer } from './mixed-server.ts'
import { Stayers } from './mixed-stayers.ts'
import { receiveWebhooks, workOnWakes } from './mixed-wakes.ts'

/** Streams that live at once, by what they hold. */
const STREAMS_OF_A_ROUND: Readonly<Record<Form, number>> = { json: 6, text: 2, binary: 2 }
/** No round takes as long: whoever has not got what it waits for by then does not get it any more. */
const ROUND_LIMIT_MS = 60_000
/** Between the end of a round and the look at the server: connections that were left are closed there, too. */
const REST_MS = 700

export interface MixedOptions {
  readonly minutes: number
  readonly seed: number
  /** Bytes that each request is to leave behind, to see whether that is noticed; 0 for none. */
  readonly leak: number
  readonly onRound?: (round: Round) => void
}

/** One round, and what the server held when it was over and everybody but those who stay was gone. */
export interface Round extends Held {
  /** Since the first began. */
  readonly seconds: number
  /** The most pages that were seen in its midst. */
  readonly busyRss: number
}

export interface Mixed {
  readonly rounds: readonly Round[]
  readonly counts: Readonly<Record<string, number>>
}

/**
 * Mixed clients and a server of their own, in rounds: in each every stream lives once, beside all that is a nuisance, and at
 * its end nothing is left but the clients that stay for the whole run. That is where the server's memory is looked at: what it
 * holds then, it holds for nobody who is busy, and the figures of two rounds can be compared.
 *
 * The seed decides what the clients do; who comes first is up to the machine, so that no run is quite like another.
 *
 * @throws for a gap, a double, an answer that should be another one, a client that waits in vain, a server that complains
 *   or ends
 */
export async function runMixed({ minutes, seed, leak, onRound }: MixedOptions): Promise<Mixed> {
  const random = new Random(seed)
  const tally = new Tally()
  const server = await MixedServer.start(leak)
  try {
    const ground = (over: AbortSignal): Ground => {
      const { port, url, token } = server
      return { port, url, token, tally, over }
    }
    const stayers = await Stayers.begin(ground(new AbortController().signal), random)
    const rounds: Round[] = []
    const started = performance.now()
    while (performance.now() - started < minutes * 60_000 || rounds.length < LEAST_ROUNDS) {
      const busyRss = await inTime(server, stayers, playRound(server, ground, stayers, random))
      checkSilent(server)
      await wait(REST_MS)
      const round = { seconds: (performance.now() - started) / 1000, ...(await server.held()), busyRss }
      rounds.push(round)
      onRound?.(round)
    }
    await inTime(server, stayers, stayers.leave())
    await server.stop()
    checkSilent(server)
    return { rounds, counts: tally.counts }
  } catch (error) {
    const explained = await server.explained(error)
    await server.kill()
    throw explained
  }
}

/** @returns the most pages that the server was seen with */
async function playRound(
  server: MixedServer,
  ground: (over: AbortSignal) => Ground,
  stayers: Stayers,
  random: Random,
): Promise<number> {
  let busyRss = 0
  const watch = setInterval(() => (busyRss = Math.max(busyRss, server.rss)), 250)
  const over = new AbortController()
  const here = ground(over.signal)
  const lives = Object.entries(STREAMS_OF_A_ROUND).flatMap(([form, count]) =>
    Array.from({ length: count }, (_, i) => live(here, nameOf(form, i, random), form as Form, random)),
  )
  const others = [
    expire(here, '/mixed/brief-1', random),
    expire(here, '/mixed/brief-2', random),
    askWrongly(here, random),
    askWrongly(here, random),
    vanish(here, random),
    vanish(here, random),
    workOnWakes(here, random),
    receiveWebhooks(here, random),
  ]
  const work = Promise.all([...lives, stayers.write()]).then(() => over.abort())
  try {
    await Promise.all([work, ...others])
  } finally {
    over.abort()
    clearInterval(watch)
  }
  return busyRss
}

/** Every second stream is one that subscriptions reach. Some names are given out again and again, others once. */
function nameOf(form: string, i: number, random: Random): string {
  const place = i % 2 === 0 ? `${AT_THE_ROOT}/mixed` : '/mixed'
  return `${place}/${form}-${random.chance(0.5) ? i : random.below(2 ** 32).toString(36)}`
}

/** What is to be done, unless somebody who stays has found fault before, the server is gone, or it takes too long. */
async function inTime<T>(server: MixedServer, stayers: Stayers, work: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = wait(ROUND_LIMIT_MS, undefined, { signal: over.signal, ref: false }).then(
    () => Promise.reject(new Error(`clients are still at work after ${ROUND_LIMIT_MS / 1000} s: one waits in vain`)),
    () => forever,
  )
  try {
    return await Promise.race([work, stayers.readers.then(() => work), server.fallen, late])
  } finally {
    over.abort()
  }
}

const forever = new Promise<never>(() => {})

function checkSilent({ complaints }: MixedServer): void {
  if (complaints.length > 0) throw new Error(`the server has complained:\n${complaints.slice(0, 20).join('\n')}`)
}
