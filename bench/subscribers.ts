/**
 * What slow readers cost the server's memory: one that has stalled while 100,000 events pass, and very many that read one long
 * stream at offsets of their own. The server is a process of its own and collects its garbage before it is asked.
 * Beside them: the same events with nobody reading, and a bare `ws` server that sends to a stalled socket all the same.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { WebSocket } from 'ws'
import { ItxClient } from '../src/itx/client/connect.ts'
import { Connection } from '../src/itx/client/connection.ts'
import { bareClient } from './bare-socket.ts'
import { PAYLOAD } from './event.ts'
import { interleaved, median } from './figures.ts'
import { startOf } from './many-readers.ts'
import { BenchDirectory } from './place.ts'
import { type Case, atMost, figure, mebibytes, perSecond, report } from './report.ts'
import { scaled } from './scale.ts'
import { BenchServer } from './server.ts'

const PASSING = scaled(100_000, 40_000)
const BATCH = 100
const LENGTH = scaled(200_000, 20_000)
const MEGABYTE = 1_000_000

using directory = new BenchDirectory()
const server = await BenchServer.start(directory.path)

/** A client whose socket can be kept from reading. */
function openClient(): { readonly client: ItxClient; readonly socket: () => WebSocket } {
  let dialled: WebSocket | null = null
  const connection = new Connection(() => {
    const url = server.url.replace('http', 'ws')
    dialled = new WebSocket(`${url}/api/itx`, { headers: { authorization: `Bearer ${server.token}` } })
    return dialled as unknown as globalThis.WebSocket
  })
  const socket = () => {
    if (!dialled) throw new Error('nothing was dialled yet')
    return dialled
  }
  return { client: new ItxClient(connection, 'demo'), socket }
}

const rss: Record<string, number[]> = {}

/** What the server grows by while events pass and a reader has stalled, in bytes of live objects and buffers. */
async function growth(name: string, stall: () => Promise<() => void>, pass: () => Promise<unknown>): Promise<number> {
  const before = await server.ask('memory')
  const over = await stall()
  await pass()
  const after = await server.ask('memory')
  over()
  ;(rss[name] ??= []).push(after.rss - before.rss)
  return after.live - before.live
}

const passing = (path: string) => () => server.ask('fill', { path, events: PASSING, batch: BATCH })

const nobody = () => growth('nobody', async () => () => {}, passing('/passing'))

/** A reader that never acknowledges what it got. */
const silent = () =>
  growth(
    'silent',
    async () => {
      const client = server.connect()
      const over = new AbortController()
      await new Promise<void>((begun) => {
        void client.follow('/passing', { after: 'now', signal: over.signal }, (events) => {
          begun()
          return events.length > 0 ? new Promise(() => {}) : undefined
        })
      })
      return () => {
        over.abort()
        client.close()
      }
    },
    passing('/passing'),
  )

/** A reader whose socket is not read any more. */
const deaf = () =>
  growth(
    'deaf',
    async () => {
      const { client, socket } = openClient()
      const over = new AbortController()
      await new Promise<void>((begun) => {
        void client.follow('/passing', { after: 'now', signal: over.signal }, () => begun())
      })
      socket().pause()
      return () => {
        socket().terminate()
        over.abort()
        client.close()
      }
    },
    passing('/passing'),
  )

const { port } = await server.ask('floodPeer')
/** A bare socket that is not read any more. */
const flooded = async () => {
  const socket = await bareClient(port)
  return growth(
    'flooded',
    async () => {
      socket.pause()
      return () => socket.terminate()
    },
    () => server.ask('flood', { events: PASSING, payload: JSON.stringify(PAYLOAD) }),
  )
}

async function stalled(): Promise<Case> {
  await server.ask('fill', { path: '/passing', events: PASSING, batch: BATCH })
  await interleaved(1, { nobody, silent, deaf })
  for (const key of Object.keys(rss)) delete rss[key]
  const live = await interleaved(scaled(3, 1), { nobody, silent, deaf })
  const withoutFlowControl = await flooded()
  const more = (key: 'silent' | 'deaf') => median(live[key]) - median(live.nobody)
  const figures = (what: string, key: 'nobody' | 'silent' | 'deaf') => ({
    [`${what}: growth, live`]: mebibytes(median(live[key])),
    [`${what}: growth, rss`]: mebibytes(median(rss[key] ?? [])),
  })
  return {
    name: `one stalled reader while ${PASSING.toLocaleString('en-GB')} events pass`,
    figures: {
      ...figures('acknowledges nothing', 'silent'),
      ...figures('reads nothing from its socket', 'deaf'),
      ...figures('no reader', 'nobody'),
      'bare ws, reads nothing from its socket: growth, live': mebibytes(withoutFlowControl),
    },
    ratios: { 'worst growth / bare ws': Math.max(more('silent'), more('deaf')) / withoutFlowControl },
    goals: [atMost('grows the server by less than 5 MB', 5, Math.max(more('silent'), more('deaf'), 0) / MEGABYTE)],
  }
}

async function manyInProcess(): Promise<Case> {
  const options = { path: '/long', readers: scaled(1000, 100), events: LENGTH, each: 5000 }
  await server.ask('readers', { ...options, readers: 20 })
  await server.ask('watch')
  const { before, during, seconds } = await server.ask('readers', options)
  const peak = await server.ask('peak')
  const grown = during.live - before.live
  const rate = (options.readers * options.each) / seconds
  const bare = barePages(options)
  return {
    name: `${options.readers} in-process subscribers at different offsets of ${LENGTH.toLocaleString('en-GB')} events`,
    figures: {
      'growth, live': mebibytes(grown),
      'growth per reader': figure(grown / options.readers / 1024, 'KiB'),
      'growth, rss at its peak': mebibytes(peak - before.rss),
      'all readers together': perSecond(rate),
      'bare loop, the same pages': perSecond(bare),
    },
    ratios: { 'readers / bare loop': rate / bare },
  }
}

/** Events per second of a bare better-sqlite3 loop that reads the same pages of the same rows, in turn. */
function barePages(options: { path: string; readers: number; events: number; each: number }): number {
  const db = new Database(join(directory.path, 'projects', `${server.projectId}.db`), { readonly: true })
  const page = db
    .prepare(
      `select offset, type, created_at, key, payload, metadata, source, raw, chunks, checksum from events
       where stream_id = (select id from streams where path = ?) and offset > ? order by offset limit 500`,
    )
    .raw()
  const start = performance.now()
  let read = 0
  for (let taken = 0; taken < options.each; taken += 500) {
    for (let i = 0; i < options.readers; i++) read += page.all(options.path, startOf(i, options) + taken).length
  }
  const seconds = (performance.now() - start) / 1000
  db.close()
  return read / seconds
}

async function manySockets(): Promise<Case> {
  const options = { path: '/long', readers: scaled(200, 20), events: LENGTH, each: 5000 }
  const clients = Array.from({ length: options.readers }, () => server.connect())
  await Promise.all(clients.map((client) => client.state('/long')))
  const before = await server.ask('memory')
  await server.ask('watch')
  const over = new AbortController()
  const start = performance.now()
  await Promise.all(
    clients.map(
      (client, i) =>
        new Promise<void>((done) => {
          let taken = 0
          void client.follow('/long', { after: startOf(i, options), signal: over.signal }, (events) => {
            taken += events.length
            if (taken < options.each) return
            done()
            return new Promise(() => {})
          })
        }),
    ),
  )
  const seconds = (performance.now() - start) / 1000
  const peak = await server.ask('peak')
  const during = await server.ask('memory')
  over.abort()
  for (const client of clients) client.close()
  const grown = during.live - before.live
  const rate = (options.readers * options.each) / seconds
  const bare = barePages(options)
  return {
    name: `${options.readers} socket subscribers at different offsets of ${LENGTH.toLocaleString('en-GB')} events`,
    figures: {
      'growth, live': mebibytes(grown),
      'growth per reader': figure(grown / options.readers / 1024, 'KiB'),
      'growth, rss at its peak': mebibytes(peak - before.rss),
      'all readers together': perSecond(rate),
      'bare loop, the same pages': perSecond(bare),
    },
    ratios: { 'readers / bare loop': rate / bare },
  }
}

await server.ask('fill', { path: '/long', events: LENGTH, batch: 1000 })
const cases = [await stalled(), await manyInProcess(), await manySockets()]
await server.stop()
report('subscribers', { what: 'the memory of the server while readers are slow, or very many', cases })
