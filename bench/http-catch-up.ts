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
import { type Case, type Figure, atLeast, figure, mebibytes, milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'
import { startStreamClient } from './stream-client.ts'
import { type StreamServer, startBuilt } from './stream-server.ts'

const SHORT = 20_000
const LONG = scaled(1_000_000, 100_000)
const ROUNDS = scaled(3, 1)
/** Messages of an append of the long stream. The published server keeps appends as they came: fewer and larger help it. */
const PORTIONS = [10, 1000]

using directory = new BenchDirectory()
const client = await startStreamClient()
const ours = await startBuilt()
for (const [name, messages] of Object.entries({ short: SHORT, long: LONG })) await fillStream(ours, name, messages)
const published = await publishedWith(directory, {
  short: { messages: SHORT, portion: 1 },
  long: { messages: LONG, portion: 1 },
  ...Object.fromEntries(PORTIONS.map((portion) => [`long-${portion}`, { messages: LONG, portion }])),
})

/** A stream that is read: ours, or the same messages at the published server. */
interface Side {
  readonly who: string
  readonly server: StreamServer
  readonly stream: string
}

interface Read extends CaughtUp {
  readonly peak: number
}

async function read({ server, stream }: Side, messages: number, gzip: boolean): Promise<Read> {
  const { port, headers, prefix, pid } = server
  forgetPeak(pid)
  const caughtUp = await client.ask('catchUp', { port, headers, path: `${prefix}${stream}`, gzip })
  if (caughtUp.messages !== messages) throw new Error(`${caughtUp.messages} messages came, not ${messages}: ${stream}`)
  return { ...caughtUp, peak: peakRssOf(pid) }
}

/** @param sides ours first */
async function measured(messages: number, gzip: boolean, sides: readonly Side[]): Promise<Case> {
  const all = new Map<string, Read[]>(sides.map(({ who }) => [who, []]))
  const measure = async (side: Side) => {
    const done = await read(side, messages, gzip)
    all.get(side.who)?.push(done)
    return (done.messages / done.ms) * 1000
  }
  const rates = await interleaved(
    ROUNDS,
    Object.fromEntries(sides.map((side) => [side.who, () => measure(side)])) as Record<string, () => Promise<number>>,
  )
  const middle = (who: string, key: keyof Read) => median((all.get(who) ?? []).map((each) => each[key]))
  const [{ who: our } = { who: '' }, ...peers] = sides
  const figuresOf = (key: keyof Read, what: string, form: (value: number) => Figure) =>
    sides.map(({ who }): [string, Figure] => [`${who}${what}`, form(middle(who, key))])
  const ratios = peers.map(({ who }): [string, number] => [
    `${our} / ${who}`,
    ratio(rates[our] ?? [], rates[who] ?? []),
  ])
  return {
    name: `${messages.toLocaleString('en-GB')} messages, ${gzip ? 'gzip' : 'plain'}`,
    figures: Object.fromEntries([
      ...sides.map(({ who }): [string, Figure] => [who, figure(median(rates[who] ?? []), 'messages/s')]),
      ...figuresOf('ms', ', to the last byte', milliseconds),
      ...figuresOf('pages', ', pages', (pages) => figure(pages, 'pages')),
      ...figuresOf('bytes', ', bytes', mebibytes),
      ...figuresOf('peak', ', peak rss', mebibytes),
    ]),
    ratios: Object.fromEntries(ratios),
    goals: ratios.map(([name, value]) => atLeast(`at least equal: ${name}`, 1, value)),
  }
}

const side = (server: StreamServer, who: string, stream: string): Side => ({ server, who, stream })
const one = side(published, 'published server', 'short')
const portions = PORTIONS.map((portion) =>
  side(published, `published server, ${portion.toLocaleString('en-GB')} messages an append`, `long-${portion}`),
)
const cases: Case[] = []
// The first readings compile the code, and are not counted.
for (const each of [side(ours, '', 'short'), one]) await read(each, SHORT, false)
for (const gzip of [false, true]) cases.push(await measured(SHORT, gzip, [side(ours, 'Tributary', 'short'), one]))
for (const gzip of [false, true]) {
  cases.push(await measured(LONG, gzip, [side(ours, 'Tributary', 'long'), ...portions]))
}
const single = await read(side(published, '', 'long'), LONG, false).then(
  ({ ms }) => `is read in ${ms.toFixed(0)} ms`,
  (error: unknown) => `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
)
await client.stop()
await Promise.all([ours.stop(), published.stop()])

report('http-catch-up', {
  what: 'JSON streams of messages of 100 bytes read over HTTP from their start to their end, one connection',
  cases,
  notes: [
    'every message is there, once and in order; that is looked at after the time was taken, and so is unpacking',
    'ours keeps the same whatever came in one append; the published server keeps an append as it came, reads its whole file for every page and answers with all that is left in one',
    `a stream of ${LONG.toLocaleString('en-GB')} appends of one message each at the published server ${single}`,
    'the peak rss of a process holds what its allocator took in earlier readings',
  ],
})
