/**
 * A server that dies under 1,000 clients, each with a live subscription, and is started again: how long until all of them are
 * live again, have missed nothing and have nothing twice. Beside it, in the same run: as many bare `ws` clients with the same
 * back-off, whose server dies alike and answers each with one message.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { connectItx } from '../src/itx/client/connect.ts'
import { TYPE } from './event.ts'
import { interleaved, median, ratio } from './figures.ts'
import { startPeer } from './peer.ts'
import { BenchDirectory } from './place.ts'
import { milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'
import { BenchServer } from './server.ts'
import { Arrivals, bareFollower, follower } from './storm-clients.ts'

const CLIENTS = scaled(1000, 100)
const STREAMS = 50
const ROUNDS = scaled(5, 2)
const OPEN_FILES = 65_536

using directory = new BenchDirectory()
const paths = Array.from({ length: STREAMS }, (_, i) => `/storm/${i}`)
let server = await BenchServer.start(directory.path, { openFiles: OPEN_FILES })
const { port, token } = server
const arrivals = new Arrivals(CLIENTS)
let n = 0

/** One more event for every stream. */
async function appendAll(): Promise<void> {
  const sender = server.connect()
  await Promise.all(paths.map((path) => sender.append(path, [{ type: TYPE, payload: { n } }])))
  n++
  sender.close()
}

const starting: number[] = []
const sinceKill: number[] = []
const stalls: number[] = []

/** Milliseconds from when the server was ready again until every client has the event that was appended then. */
async function tributary(): Promise<number> {
  const dead = performance.now()
  await server.kill()
  // The token is the one of before: a client keeps what it was given.
  server = await BenchServer.start(directory.path, { openFiles: OPEN_FILES, port })
  const ready = performance.now()
  starting.push(ready - dead)
  await appendAll()
  await arrivals.all()
  sinceKill.push(performance.now() - dead)
  const took = performance.now() - ready
  // Whatever comes twice comes now.
  await wait(500)
  if (arrivals.came > 0) throw new Error(`${arrivals.came} events came twice`)
  const { longest } = await server.ask('loopDelay')
  stalls.push(longest)
  return took
}

let peer = await startPeer('sockets', { openFiles: OPEN_FILES })
const peerPort = peer.started.port
const answers = new Arrivals(CLIENTS)
const bareStarting: number[] = []

async function bare(): Promise<number> {
  const stops = Array.from({ length: CLIENTS }, () => bareFollower(`ws://127.0.0.1:${peerPort}`, () => answers.one()))
  await answers.all()
  const dead = performance.now()
  await peer.kill()
  // As long as Tributary takes to start: how far the back-off has come by then is half of the figure.
  await wait(median(starting.length > 0 ? starting : [500]))
  peer = await startPeer('sockets', { openFiles: OPEN_FILES, port: peerPort })
  const ready = performance.now()
  bareStarting.push(ready - dead)
  await answers.all()
  const took = performance.now() - ready
  for (const stop of stops) stop()
  return took
}

const stops = Array.from({ length: CLIENTS }, (_, i) => {
  const client = connectItx({ url: server.url, token, project: 'demo' })
  return follower(client, paths[i % STREAMS] ?? '/', () => arrivals.one())
})
await appendAll()
await arrivals.all()
const took = await interleaved(ROUNDS, { tributary, bare })
await Promise.all(stops.map((stop) => stop()))
await Promise.all([server.stop(), peer.stop()])

report('reconnect-storm', {
  what: `${CLIENTS.toLocaleString('en-GB')} clients with a live subscription each, whose server is killed and started again`,
  cases: [
    {
      name: `killed under ${CLIENTS.toLocaleString('en-GB')} clients on ${STREAMS} streams, started at once`,
      figures: {
        'all live again, after the server was': milliseconds(median(took.tributary)),
        'all live again, after the kill': milliseconds(median(sinceKill)),
        'until the server was ready again': milliseconds(median(starting)),
        'longest hold-up of the server': milliseconds(median(stalls)),
        'bare ws: all answered again, after the server was there': milliseconds(median(took.bare)),
        'bare ws: until the server was there again': milliseconds(median(bareStarting)),
      },
      ratios: { 'all live again / bare ws': ratio(took.tributary, took.bare) },
    },
  ],
  notes: [
    'every client checks that it gets each event once and in order; a lost or doubled one fails the run',
    'most of it is the back-off of the clients, which have tried in vain while the server was away',
    'all clients share a process, which is a core for them',
  ],
})
