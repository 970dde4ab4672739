/**
 * What one call costs: `whoami()` over one socket, one after another and 64 at once. Beside it, in the same run: the same
 * calls of a bare capnweb server in a process of its own, which answers the same and looks at nothing.
 */
import { newWebSocketRpcSession } from 'capnweb'
import { WebSocket } from 'ws'
import type { ItxApi } from '../src/itx/handle.ts'
import { interleaved, median, percentile, ratio } from './figures.ts'
import { closedLoop } from './load.ts'
import { startPeer } from './peer.ts'
import { BenchDirectory } from './place.ts'
import { type Case, atLeast, figure, milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'
import { BenchServer } from './server.ts'

const ALONE = scaled(20_000, 2000)
const TOGETHER = scaled(100_000, 10_000)
const ROUNDS = scaled(7, 3)

using directory = new BenchDirectory()
// One socket may make 10,000 calls a second by default: it is the cost of a call that is asked for here, not the limit.
const server = await BenchServer.start(directory.path, { settings: { TRIBUTARY_CALLS_PER_SECOND: '1000000' } })
const peer = await startPeer('capnweb')

function dial(url: string, headers: Record<string, string>) {
  const socket = new WebSocket(url, { headers })
  const root = newWebSocketRpcSession(socket as unknown as globalThis.WebSocket) as unknown as ItxApi & Disposable
  return { socket, root }
}
const ours = dial(`${server.url.replace('http', 'ws')}/api/itx`, { authorization: `Bearer ${server.token}` })
const bare = dial(`ws://127.0.0.1:${peer.started.port}`, {})

const latencies: Record<string, number[]> = {}
/** Microseconds of the server's processor, for each call of a round. */
const cpu: Record<string, number[]> = {}

/** Calls per second. */
async function called(name: string, { root }: typeof ours, inFlight: number, total: number): Promise<number> {
  const own = (latencies[name] ??= [])
  const used = () => (root === ours.root ? server.ask('cpu') : peer.ask('cpu'))
  const before = await used()
  const seconds = await closedLoop(inFlight, total, async () => {
    const start = performance.now()
    const { kind } = await root.whoami()
    if (kind !== 'token') throw new Error(`whoami answered ${kind}`)
    own.push(performance.now() - start)
  })
  ;(cpu[name] ??= []).push(((await used()) - before) / total)
  return total / seconds
}

for (const each of [ours, bare]) await called('warm-up', each, 64, TOGETHER / 4)
const rates = await interleaved(ROUNDS, {
  alone: () => called('alone', ours, 1, ALONE),
  bareAlone: () => called('bareAlone', bare, 1, ALONE),
  together: () => called('together', ours, 64, TOGETHER),
  bareTogether: () => called('bareTogether', bare, 64, TOGETHER),
})
for (const { socket } of [ours, bare]) socket.terminate()
await Promise.all([server.stop(), peer.stop()])

function caseOf(name: string, key: 'alone' | 'together', peerKey: 'bareAlone' | 'bareTogether', goal: boolean): Case {
  const beside = ratio(rates[key], rates[peerKey])
  const p = (which: string, share: number) => milliseconds(percentile(latencies[which] ?? [], share))
  return {
    name,
    figures: {
      Tributary: figure(median(rates[key]), 'calls/s'),
      'Tributary p50': p(key, 0.5),
      'Tributary p99': p(key, 0.99),
      'Tributary, processor time of the server': figure(median(cpu[key] ?? []), 'µs a call'),
      'bare capnweb': figure(median(rates[peerKey]), 'calls/s'),
      'bare capnweb p50': p(peerKey, 0.5),
      'bare capnweb p99': p(peerKey, 0.99),
      'bare capnweb, processor time of the server': figure(median(cpu[peerKey] ?? []), 'µs a call'),
    },
    ratios: {
      'Tributary / bare capnweb': beside,
      'processor time, bare capnweb / Tributary': ratio(cpu[peerKey] ?? [], cpu[key] ?? []),
    },
    goals: goal ? [atLeast('at least 0.8 of bare capnweb', 0.8, beside)] : [],
  }
}

report('calls', {
  what: 'round trips of whoami() over one socket',
  cases: [caseOf('one at a time', 'alone', 'bareAlone', false), caseOf('64 at once', 'together', 'bareTogether', true)],
  notes: [
    'client and server have a core each, and the client is the same for both: where it is the slower half the rates come ' +
      'out alike, so what a call takes of the server alone stands beside them',
  ],
})
