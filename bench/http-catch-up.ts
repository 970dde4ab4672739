/**
 * Reading long JSON streams over HTTP from their start until a page says that it is the last, from our built server and from
 * the published one with file storage: a page after the other over one connection, plain and compressed. Time is taken until
 * the last byte is there; every message is looked at afterwards. The most pages either server held meanwhile stands beside it.
 */
import type { CaughtUp } from './client-catch-up.ts'
import { interleaved, median, ratio } from './figures.ts'
import { fillStream, publishedWith } from './long-streams.ts'
import { BenchDirectory } from './place.ts'
import { forgetPeak, peakRssOf } from './process-memory.ts'
import { type Case, atLeast, figure, mebibytes, milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'
import { startStreamClient } from './stream-client.ts'
import { type StreamServer, startBuilt } from './stream-server.ts'

const SHORT = 20_000
const LONG = scaled(1_000_000, 100_000)
const ROUNDS = scaled(5, 1)
/** Messages of an append, where the published server is helped by long ones. */
const PORTION = 1000

using directory = new BenchDirectory()
const client = await startStreamClient()
const ours = await startBuilt()
for (const [name, messages] of Object.entries({ short: SHORT, long: LONG })) await fillStream(ours, name, messages)
const published = await publishedWith(directory, { short: SHORT, long: LONG })
await fillStream(published, 'long-in-portions', LONG, PORTION)

interface Kind {
  readonly messages: number
  readonly stream: string
  readonly gzip: boolean
}

interface Read extends CaughtUp {
  readonly peak: number
}

async function read(server: StreamServer, stream: string, { messages, gzip }: Kind): Promise<Read> {
  const { port, headers, prefix, pid } = server
  forgetPeak(pid)
  const caughtUp = await client.ask('catchUp', { port, headers, path: `${prefix}${stream}`, gzip })
  if (caughtUp.messages !== messages) throw new Error(`${caughtUp.messages} messages came, not ${messages}: ${stream}`)
  return { ...caughtUp, peak: peakRssOf(pid) }
}

async function measured(kind: Kind): Promise<Case> {
  const { stream, messages, gzip } = kind
  const all: Record<string, Read[]> = { ours: [], published: [], portions: [] }
  const measure = (who: string, server: StreamServer, name: string) => async () => {
    const done = await read(server, name, kind)
    all[who]?.push(done)
    return (done.messages / done.ms) * 1000
  }
  const sides = { ours: measure('ours', ours, stream), published: measure('published', published, stream) }
  // The first reading compiles the code, and is not counted.
  for (const side of Object.values(sides)) await side()
  for (const who of Object.keys(all)) all[who] = []
  const rates = await interleaved(ROUNDS, sides)
  if (stream === 'long') await measure('portions', published, 'long-in-portions')()
  const middle = (who: string, key: keyof Read) => median((all[who] ?? []).map((each) => each[key]))
  const [inPortions] = all['portions'] ?? []
  const toPublished = ratio(rates.ours, rates.published)
  return {
    name: `${messages.toLocaleString('en-GB')} messages, ${gzip ? 'gzip' : 'plain'}`,
    figures: {
      Tributary: figure(median(rates.ours), 'messages/s'),
      'published server': figure(median(rates.published), 'messages/s'),
      ...(inPortions
        ? {
            [`published server, ${PORTION.toLocaleString('en-GB')} messages an append`]: figure(
              (messages / inPortions.ms) * 1000,
              'messages/s',
            ),
          }
        : {}),
      'Tributary, to the last byte': milliseconds(middle('ours', 'ms')),
      'published server, to the last byte': milliseconds(middle('published', 'ms')),
      'Tributary, pages': figure(middle('ours', 'pages'), 'pages'),
      'published server, pages': figure(middle('published', 'pages'), 'pages'),
      'Tributary, bytes': mebibytes(middle('ours', 'bytes')),
      'published server, bytes': mebibytes(middle('published', 'bytes')),
      'Tributary, peak rss': mebibytes(middle('ours', 'peak')),
      'published server, peak rss': mebibytes(middle('published', 'peak')),
    },
    ratios: {
      'Tributary / published server': toPublished,
      'peak rss, Tributary / published server': middle('ours', 'peak') / middle('published', 'peak'),
    },
    goals: [atLeast('at least equal to the published server', 1, toPublished)],
  }
}

const cases: Case[] = []
for (const stream of ['short', 'long'] as const) {
  for (const gzip of [false, true]) {
    cases.push(await measured({ stream, messages: stream === 'short' ? SHORT : LONG, gzip }))
  }
}
await client.stop()
await Promise.all([ours.stop(), published.stop()])

report('http-catch-up', {
  what: 'JSON streams of messages of 100 bytes read over HTTP from their start to their end, one connection',
  cases,
  notes: [
    'every message is there, once and in order; that is looked at after the time was taken, and so is unpacking',
    'the published server reads its whole file for every page and answers with all that is left in one; it keeps an append as it came, so many messages in one append are easier for it: the figure beside',
    'its peak rss is that of all readings so far: what its allocator has once taken it does not give back',
  ],
})
