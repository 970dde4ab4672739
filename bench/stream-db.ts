/**
 * A stream as live collections: StreamDB and the published State client, each in a process of its own, both reading our built
 * server. How long it takes until all of a stream is visible and until the first row is, what it costs, how many updates a
 * second it keeps up with, and how long a transaction takes to be visible.
 */
import { type Loaded, type Place, startStreamDBClient } from './client-stream-db.ts'
import { interleaved, median, percentile, ratio } from './figures.ts'
import { forgetPeak, peakRssOf, rssOf } from './process-memory.ts'
import { type Case, atLeast, atMost, figure, mebibytes, milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'
import { type StreamServer, startBuilt } from './stream-server.ts'
import { Connection } from './wire.ts'

const ROWS = scaled(100_000, 10_000)
const CHANGES = scaled(1_000_000, 100_000)
const KEYS = scaled(10_000, 1000)
const UPDATES = scaled(300_000, 30_000)
const TRANSACTIONS = scaled(500, 50)
const ROUNDS = scaled(5, 1)
/** Changes of one append. */
const AT_ONCE = 1000
const LIVE_AT_ONCE = 1000

const WHO = { ours: 'StreamDB', published: '@durable-streams/state 0.3.1' } as const
type Which = keyof typeof WHO

interface Load extends Loaded {
  readonly peak: number
  readonly held: number
}

const server = await startBuilt()

function changeJson(n: number, keys: number): string {
  const id = `k${n % keys}`
  const value = {
    id,
    n,
    title: `Row ${id} as it is at ${n}`,
    done: n % 3 === 0,
    by: `agent-${n % 17}`,
    tags: ['a', 'b'],
  }
  return JSON.stringify({ type: 'row', key: id, value, headers: { operation: 'upsert' } })
}

interface Changes {
  /** The number of the first. */
  readonly first: number
  readonly count: number
  readonly keys: number
  /** Changes of one append. */
  readonly atOnce: number
}

/** Over a connection of its own: the server closes one that says nothing while the clients are at work. */
async function append(name: string, { first, count, keys, atOnce }: Changes): Promise<void> {
  const connection = await Connection.open(server.port)
  for (let from = first; from < first + count; from += atOnce) await appendOnce(connection, name, from, atOnce, keys)
  connection.close()
}

async function appendOnce(
  connection: Connection,
  name: string,
  first: number,
  count: number,
  keys: number,
): Promise<void> {
  const body = `[${Array.from({ length: count }, (_, i) => changeJson(first + i, keys)).join(',')}]`
  await ask(connection, 'POST', name, body)
}

async function ask(connection: Connection, method: 'PUT' | 'POST', name: string, body?: string): Promise<void> {
  const { prefix, headers } = server
  const asked = { method, path: `${prefix}${name}`, headers: { ...headers, 'content-type': 'application/json' } }
  await connection.ask(body === undefined ? asked : { ...asked, body }, method === 'PUT' ? 201 : 204)
}

async function fill(name: string, count: number, keys: number): Promise<void> {
  const connection = await Connection.open(server.port)
  await ask(connection, 'PUT', name)
  connection.close()
  await append(name, { first: 0, count, keys, atOnce: AT_ONCE })
}

function placeOf({ port, prefix, headers }: StreamServer, name: string): Place {
  return { url: `http://127.0.0.1:${port}${prefix}${name}`, headers }
}

async function load(which: Which, name: string, rows: number): Promise<Load> {
  const client = await startStreamDBClient(which)
  const { pid } = client
  const before = rssOf(pid)
  const heldBefore = await client.ask('held')
  forgetPeak(pid)
  const loaded = await client.ask('load', placeOf(server, name))
  const peak = peakRssOf(pid) - before
  const held = (await client.ask('held')) - heldBefore
  await client.kill()
  if (loaded.rows !== rows) throw new Error(`${WHO[which]} has ${loaded.rows} rows of ${rows}`)
  return { ...loaded, peak, held }
}

async function loading(what: string, name: string, changes: number, keys: number): Promise<Case> {
  await fill(name, changes, keys)
  const all: Record<Which, Load[]> = { ours: [], published: [] }
  const measure = async (which: Which) => {
    const done = await load(which, name, keys)
    all[which].push(done)
    return done.ms
  }
  const ms = await interleaved(ROUNDS, { ours: () => measure('ours'), published: () => measure('published') })
  const middle = (which: Which, key: keyof Load) => median(all[which].map((each) => each[key]))
  const speed = ratio(ms.published, ms.ours)
  const memory = ratio(
    all.ours.map(({ peak }) => peak),
    all.published.map(({ peak }) => peak),
  )
  const figures = (['ours', 'published'] as const).flatMap((which) => [
    [WHO[which], milliseconds(middle(which, 'ms'))] as const,
    [`${WHO[which]}, first row`, milliseconds(middle(which, 'firstRowMs'))] as const,
    [`${WHO[which]}, processor`, milliseconds(middle(which, 'cpuMs'))] as const,
    [`${WHO[which]}, peak memory`, mebibytes(middle(which, 'peak'))] as const,
    [`${WHO[which]}, held afterwards`, mebibytes(middle(which, 'held'))] as const,
  ])
  return {
    name: what,
    figures: Object.fromEntries(figures),
    ratios: { 'times as fast': speed, 'of its peak memory': memory },
    goals: [
      atLeast('at least twice as fast to load', 2, speed),
      atMost('half of its peak memory', 0.5, memory),
      atMost('the first row within 300 ms', 300, middle('ours', 'firstRowMs')),
    ],
  }
}

async function following(): Promise<Case> {
  await fill('live', KEYS, KEYS)
  let next = KEYS
  const told: Record<Which, number[]> = { ours: [], published: [] }
  const measure = async (which: Which) => {
    const client = await startStreamDBClient(which)
    await client.ask('load', placeOf(server, 'live'))
    const end = next + UPDATES
    const followed = client.ask('follow', { last: `k${(end - 1) % KEYS}`, n: end - 1 })
    await append('live', { first: next, count: UPDATES, keys: KEYS, atOnce: LIVE_AT_ONCE })
    next = end
    const done = await followed
    told[which].push(done.told)
    await client.kill()
    return (UPDATES / done.ms) * 1000
  }
  const rates = await interleaved(ROUNDS, { ours: () => measure('ours'), published: () => measure('published') })
  const figures = (['ours', 'published'] as const).flatMap((which) => [
    [WHO[which], figure(median(rates[which]), 'updates/s')] as const,
    [`${WHO[which]}, subscribers told`, figure(median(told[which]), 'times')] as const,
  ])
  return {
    name: `${UPDATES.toLocaleString('en-GB')} live updates of ${KEYS.toLocaleString('en-GB')} rows, ${LIVE_AT_ONCE} an append`,
    figures: Object.fromEntries(figures),
    ratios: { 'times as fast': ratio(rates.ours, rates.published) },
  }
}

async function waiting(): Promise<Case> {
  const waits: Record<Which, number[]> = { ours: [], published: [] }
  let made = 0
  const measure = async (which: Which) => {
    const name = `waits-${made++}`
    await fill(name, 1000, 1000)
    const client = await startStreamDBClient(which)
    const place = placeOf(server, name)
    await client.ask('load', place)
    const waited = await client.ask('transactions', { ...place, count: TRANSACTIONS })
    await client.kill()
    waits[which].push(...waited)
    return median(waited)
  }
  const medians = await interleaved(ROUNDS, { ours: () => measure('ours'), published: () => measure('published') })
  const figures = (['ours', 'published'] as const).flatMap((which) => [
    [WHO[which], milliseconds(median(waits[which]))] as const,
    [`${WHO[which]}, p99`, milliseconds(percentile(waits[which], 0.99))] as const,
  ])
  return {
    name: 'an append with a txid, until awaitTxId resolves',
    figures: Object.fromEntries(figures),
    ratios: { 'of its time': ratio(medians.ours, medians.published) },
  }
}

const thousands = (count: number) => count.toLocaleString('en-GB')
const cases: Case[] = [
  await loading(`${thousands(ROWS)} rows`, 'rows', ROWS, ROWS),
  await loading(`${thousands(CHANGES)} changes of ${thousands(KEYS)} rows`, 'changes', CHANGES, KEYS),
  await following(),
  await waiting(),
]
await server.stop()

report('stream-db', {
  what: 'A stream of State messages as live TanStack DB collections, loaded and followed over HTTP',
  cases,
  notes: [
    'both read the same stream of our built server, each in a fresh process with NODE_ENV=production and the same copy of TanStack DB; its own schema lets every row pass',
    'peak memory is the most pages of the process above what it had before it began to read; what is held afterwards are live objects, garbage collected first',
    'ours checks every message against the shape of the protocol and asks the schema; the published client does neither when it reads',
  ],
})
