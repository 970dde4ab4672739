/**
 * The page of a project's streams, rendered on the server for somebody who is signed in: how long it takes at 100 requests a
 * second, whatever came before, and how many there are in a second when 32 connections ask as fast as they are answered.
 * Beside it, in the same run: the same server's `/healthz`, and a bare node:http server that answers the same bytes.
 *
 * Needs the pages: `npm run build`.
 */
import { PageClient } from './http-load.ts'
import { interleaved, median, percentile, ratio } from './figures.ts'
import { closedLoop, paced } from './load.ts'
import { startPeer } from './peer.ts'
import { address, signedIn, startProduction, streamsPage } from './production.ts'
import { atMost, figure, milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'

const PER_SECOND = 100
const SECONDS = scaled(20, 4)
const CONNECTIONS = 32
const PAGES = scaled(2000, 200)
const ROUNDS = scaled(3, 1)
/** As many as a second's requests: none waits for another one's connection. */
const OPEN_LOOP_CONNECTIONS = PER_SECOND

await using tributary = await startProduction()
const peer = await startPeer('page')
const cookie = await signedIn(tributary)

const client = (url: string, connections: number) => new PageClient(url, connections, { cookie })
const html = await client(streamsPage(tributary), 1).get()
for (const shown of ['/agents', 'runs-7']) {
  if (!html.includes(shown)) throw new Error(`the page does not show ${shown}: it is not the one that is meant`)
}
await peer.ask('show', { html })

const PLACES = {
  page: streamsPage(tributary),
  healthz: `${address(tributary)}/healthz`,
  bare: `http://127.0.0.1:${peer.started.port}/`,
} as const
type Place = keyof typeof PLACES

const p50: Record<string, number[]> = {}

/** The p99 of a round, in milliseconds; from when a request was due to the last byte of its answer. */
async function openLoop(place: Place): Promise<number> {
  const pages = client(PLACES[place], OPEN_LOOP_CONNECTIONS)
  await paced(PER_SECOND, 1, () => pages.get())
  const latencies = await paced(PER_SECOND, SECONDS, () => pages.get())
  pages.close()
  ;(p50[place] ??= []).push(percentile(latencies, 0.5))
  return percentile(latencies, 0.99)
}

/** Pages a second. */
async function peak(place: Place): Promise<number> {
  const pages = client(PLACES[place], CONNECTIONS)
  const total = place === 'page' ? PAGES : PAGES * 10
  await closedLoop(CONNECTIONS, total / 10, () => pages.get())
  const seconds = await closedLoop(CONNECTIONS, total, () => pages.get())
  pages.close()
  return total / seconds
}

// The first pages are compiled, not rendered.
await peak('page')
const p99 = await interleaved(ROUNDS, {
  page: () => openLoop('page'),
  healthz: () => openLoop('healthz'),
  bare: () => openLoop('bare'),
})
const rates = await interleaved(ROUNDS, {
  page: () => peak('page'),
  healthz: () => peak('healthz'),
  bare: () => peak('bare'),
})
await peer.stop()

report('pages', {
  what: 'the page of a project’s streams, rendered on the server, signed in',
  cases: [
    {
      name: `${PER_SECOND} requests a second`,
      figures: {
        p99: milliseconds(median(p99.page)),
        p50: milliseconds(median(p50['page'] ?? [])),
        '/healthz p99': milliseconds(median(p99.healthz)),
        '/healthz p50': milliseconds(median(p50['healthz'] ?? [])),
        'bare node:http, the same bytes, p99': milliseconds(median(p99.bare)),
        'bare node:http, the same bytes, p50': milliseconds(median(p50['bare'] ?? [])),
        'size of the page': figure(Buffer.byteLength(html) / 1024, 'KiB'),
      },
      ratios: { 'p99 / bare node:http p99': ratio(p99.page, p99.bare) },
      goals: [atMost('p99 at most 100 ms', 100, median(p99.page))],
    },
    {
      name: `as fast as it goes, ${CONNECTIONS} connections`,
      figures: {
        Tributary: figure(median(rates.page), 'pages/s'),
        '/healthz': figure(median(rates.healthz), 'requests/s'),
        'bare node:http, the same bytes': figure(median(rates.bare), 'requests/s'),
      },
      ratios: {
        'Tributary / bare node:http': ratio(rates.page, rates.bare),
        'Tributary / its /healthz': ratio(rates.page, rates.healthz),
      },
    },
  ],
  notes: [
    'the client has a core of its own and reads every page to its last byte; it renders nothing',
    'where the page takes more than its 10 ms at 100 a second, requests queue, and p99 tells of the queue',
  ],
})
