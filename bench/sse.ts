/**
 * Live delivery over server-sent events, from the call of append to the message at each reader: our built server and the
 * published one with file storage, the same client for both, which appends at a fixed pace and reads, so that there is one clock.
 */
import type { Delivered } from './client-sse.ts'
import { interleaved, median, ratio } from './figures.ts'
import { type Case, atMost, figure, milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'
import { startStreamClient } from './stream-client.ts'
import { type StreamServer, startBuilt, startPublished } from './stream-server.ts'
import { Connection } from './wire.ts'

const PACE = 50
const ROUNDS = scaled(3, 1)
/** How long after the last append a server may still deliver. */
const PATIENCE_MS = 20_000

const client = await startStreamClient()
const [ours, published] = [await startBuilt(), await startPublished()]

let made = 0
async function newStream({ port, prefix, headers }: StreamServer): Promise<string> {
  const path = `${prefix}live-${++made}`
  const connection = await Connection.open(port)
  await connection.ask({ method: 'PUT', path, headers: { ...headers, 'content-type': 'application/json' } }, 201)
  connection.close()
  return path
}

interface Kind {
  readonly readers: number
  readonly seconds: number
  readonly warmUpSeconds: number
  /** The published server falls so far behind that its other rounds would say the same minutes later. */
  readonly publishedOnce?: true
}

async function measured({ readers, seconds, warmUpSeconds, publishedOnce }: Kind): Promise<Case> {
  const all: Record<string, Delivered[]> = { ours: [], published: [] }
  const measure = (who: string, server: StreamServer, once?: true) => async (round: number) => {
    const { port, headers } = server
    const path = await newStream(server)
    const [first] = all[who] ?? []
    const load = { port, headers, path, readers, pace: PACE, warmUpSeconds, seconds, patienceMs: PATIENCE_MS }
    const delivered = round > 0 && once && first ? first : await client.ask('deliver', load)
    if (server === ours && delivered.missing > 0) throw new Error(`${delivered.missing} deliveries never came`)
    all[who]?.push(delivered)
    return delivered.p99
  }
  const p99 = await interleaved(ROUNDS, {
    ours: measure('ours', ours),
    published: measure('published', published, publishedOnce),
  })
  const values = (who: string, key: keyof Delivered) => (all[who] ?? []).map((each) => each[key])
  const toPublished = {
    p50: ratio(values('ours', 'p50'), values('published', 'p50')),
    p99: ratio(p99.ours, p99.published),
  }
  return {
    name: `${readers.toLocaleString('en-GB')} readers of one stream, ${PACE} appends a second`,
    figures: {
      'Tributary p99': milliseconds(median(p99.ours)),
      'Tributary p50': milliseconds(median(values('ours', 'p50'))),
      'published server p99': milliseconds(median(p99.published)),
      'published server p50': milliseconds(median(values('published', 'p50'))),
      'Tributary, behind after the last append': milliseconds(median(values('ours', 'behind'))),
      'published server, behind after the last append': milliseconds(median(values('published', 'behind'))),
      'published server, deliveries that never came': figure(
        (median(values('published', 'missing')) / (readers * PACE * seconds)) * 100,
        '%',
      ),
      'client, share of a processor, Tributary': figure(median(values('ours', 'busy')) * 100, '%'),
      'client, share of a processor, published server': figure(median(values('published', 'busy')) * 100, '%'),
    },
    ratios: { 'p50 / published server': toPublished.p50, 'p99 / published server': toPublished.p99 },
    goals: [
      atMost('p99 at most 25 ms, nothing lost', 25, median(p99.ours)),
      atMost('a tenth of the published server (p50)', 0.1, toPublished.p50),
      atMost('a tenth of the published server (p99)', 0.1, toPublished.p99),
    ],
  }
}

const cases = [
  await measured({ readers: 50, seconds: scaled(4, 1), warmUpSeconds: 1 }),
  await measured({ readers: scaled(1000, 200), seconds: scaled(3, 1), warmUpSeconds: 0.2, publishedOnce: true }),
]
await client.stop()
await Promise.all([ours.stop(), published.stop()])

report('sse', {
  what: 'live delivery over server-sent events, from the call of append to the message at each reader',
  cases,
  notes: [
    'every reader must have every message of ours, once, and all in the same order; otherwise the run fails',
    `where a server does not keep up with the pace, its latencies are those of a queue that grows for as long as the run takes; behind says how far it was at the end, and what had not come ${PATIENCE_MS / 1000} s after the last append counts with its age then`,
    'with 1,000 readers the published server is measured once',
    'readers and appender share a process, which is a core for both ends',
  ],
})
