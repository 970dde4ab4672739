/**
 * Live delivery to 200 socket subscribers, from the call of append to the callback of each: one stream that all follow, and a
 * stream for each. Appends come at a fixed pace through a socket of their own; latency counts from when an append was due.
 * Beside it, in the same run: a bare `ws` server that passes on what it gets, to everybody or to one, and stores nothing.
 */
import type { WebSocket } from 'ws'
import type { ItxClient } from '../src/itx/client/connect.ts'
import { bareClient, textOf } from './bare-socket.ts'
import { PAYLOAD, TYPE } from './event.ts'
import { interleaved, median, percentile, ratio } from './figures.ts'
import { paced } from './load.ts'
import { BenchDirectory } from './place.ts'
import { type Case, atMost, milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'
import { BenchServer } from './server.ts'

const SUBSCRIBERS = scaled(200, 50)
const PER_SECOND = 50
const STREAMS_PER_SECOND = 1000
const SECONDS = scaled(8, 2)
const ROUNDS = scaled(3, 1)

using directory = new BenchDirectory()
const server = await BenchServer.start(directory.path)
const { port } = await server.ask('relayPeer')

/** What subscribers have got of one round. */
class Deliveries {
  readonly latencies: number[] = []
  readonly #expected: number
  readonly #done = Promise.withResolvers<void>()

  constructor(expected: number) {
    this.#expected = expected
  }

  take(due: number): void {
    this.latencies.push(performance.now() - due)
    if (this.latencies.length === this.#expected) this.#done.resolve()
  }

  /** Resolves when nothing is missing; throws when something still is after a while. */
  async complete(): Promise<void> {
    const timer = setTimeout(() => {
      this.#done.reject(new Error(`${this.latencies.length} of ${this.#expected} deliveries came: events were lost`))
    }, 15_000)
    await this.#done.promise
    clearTimeout(timer)
  }
}

/** Runs a paced load and gives the latencies of its deliveries, those of a first second to warm up left out. */
async function measured(
  perSecond: number,
  readersOfEach: number,
  send: (due: number, i: number) => Promise<unknown>,
  deliverTo: (deliveries: Deliveries | null) => void,
): Promise<number[]> {
  for (const seconds of [1, SECONDS]) {
    const deliveries = new Deliveries(perSecond * seconds * readersOfEach)
    deliverTo(deliveries)
    await paced(perSecond, seconds, send)
    await deliveries.complete()
    deliverTo(null)
    if (seconds === SECONDS) return deliveries.latencies
  }
  return []
}

/** Follows streams with a socket each; every event must be the next one of its stream. */
async function follow(paths: readonly string[], take: (due: number) => void) {
  const abort = new AbortController()
  const clients: ItxClient[] = []
  const endings: Promise<void>[] = []
  await Promise.all(
    paths.map((path) => {
      const client = server.connect()
      clients.push(client)
      return new Promise<void>((begun) => {
        let last = 0
        const ending = client.follow(path, { after: 'now', signal: abort.signal }, (events) => {
          for (const { offset, payload } of events) {
            if (last > 0 && offset !== last + 1) throw new Error(`${path}: event ${offset} came after ${last}`)
            last = offset
            take((payload as { due: number }).due)
          }
          begun()
        })
        endings.push(ending)
      })
    }),
  )
  return async () => {
    abort.abort()
    await Promise.all(endings)
    for (const client of clients) client.close()
  }
}

async function throughEngine(paths: readonly string[], perSecond: number): Promise<number[]> {
  const sender = server.connect()
  const streams = [...new Set(paths)]
  for (const path of streams) await sender.append(path, [{ type: TYPE, payload: PAYLOAD }])
  let deliveries: Deliveries | null = null
  const stop = await follow(paths, (due) => deliveries?.take(due))
  const latencies = await measured(
    perSecond,
    paths.length / streams.length,
    (due, i) => sender.append(streams[i % streams.length] ?? '/', [{ type: TYPE, payload: { ...PAYLOAD, due } }]),
    (next) => (deliveries = next),
  )
  await stop()
  sender.close()
  return latencies
}

/** `toAll`: every message goes to everybody; otherwise to one after the other. */
async function throughBareSocket(toAll: boolean, perSecond: number): Promise<number[]> {
  let deliveries: Deliveries | null = null
  const sockets: WebSocket[] = []
  for (let i = 0; i < SUBSCRIBERS; i++) sockets.push(await bareClient(port))
  for (const socket of sockets) {
    socket.on('message', (data) => {
      const [event] = JSON.parse(textOf(data)) as [{ payload: string }]
      deliveries?.take((JSON.parse(event.payload) as { due: number }).due)
    })
  }
  const sender = sockets[0]
  const latencies = await measured(
    perSecond,
    toAll ? SUBSCRIBERS : 1,
    async (due, i) => {
      const payload = JSON.stringify({ ...PAYLOAD, due })
      const message = JSON.stringify([{ offset: i, type: TYPE, createdAt: new Date().toISOString(), payload }])
      sender?.send(`${toAll ? '*' : i % SUBSCRIBERS} ${message}`)
    },
    (next) => (deliveries = next),
  )
  for (const socket of sockets) socket.terminate()
  return latencies
}

const p50: Record<string, number[]> = {}
/** One round; its p99 is what is compared. */
async function round(name: string, measure: () => Promise<number[]>): Promise<number> {
  const latencies = await measure()
  ;(p50[name] ??= []).push(percentile(latencies, 0.5))
  return percentile(latencies, 0.99)
}

const shared = Array.from({ length: SUBSCRIBERS }, () => '/live/shared')
const own = Array.from({ length: SUBSCRIBERS }, (_, i) => `/live/own/${i}`)
const p99 = await interleaved(ROUNDS, {
  shared: () => round('shared', () => throughEngine(shared, PER_SECOND)),
  bareShared: () => round('bareShared', () => throughBareSocket(true, PER_SECOND)),
  own: () => round('own', () => throughEngine(own, STREAMS_PER_SECOND)),
  bareOwn: () => round('bareOwn', () => throughBareSocket(false, STREAMS_PER_SECOND)),
})
await server.stop()

function latencyCase(name: string, key: 'shared' | 'own', peer: 'bareShared' | 'bareOwn'): Case {
  return {
    name,
    figures: {
      p99: milliseconds(median(p99[key])),
      p50: milliseconds(median(p50[key] ?? [])),
      'bare ws relay p50': milliseconds(median(p50[peer] ?? [])),
      'bare ws relay p99': milliseconds(median(p99[peer])),
    },
    ratios: { 'p99 / bare ws relay p99': ratio(p99[key], p99[peer]) },
    goals: [atMost('p99 at most 25 ms, nothing lost', 25, median(p99[key]))],
  }
}

report('fan-out', {
  what: `live delivery to ${SUBSCRIBERS} socket subscribers, from when the append was due to the callback`,
  cases: [
    latencyCase(`one stream, ${PER_SECOND} events/s to all ${SUBSCRIBERS}`, 'shared', 'bareShared'),
    latencyCase(`${SUBSCRIBERS} streams, ${STREAMS_PER_SECOND} events/s in all, each to one`, 'own', 'bareOwn'),
  ],
  notes: [
    'every delivery is counted and its offset checked; a lost one fails the run',
    'subscribers and appender share a process, which is a core for both ends; the relay stores nothing',
    '1,000 SSE readers are not measured: the HTTP door does not serve SSE yet',
  ],
})
