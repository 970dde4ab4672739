/**
 * Replay of a stream from its start to a Node client, over a socket to a server in a process of its own. Beside it, in the
 * same run: the same rows read by a bare better-sqlite3 loop, and the same events through a bare `ws` socket, decoded alike.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { decodeEvent, type EncodedEvent } from '../src/streams/event.ts'
import { bareClient, textOf } from './bare-socket.ts'
import { interleaved, median, ratio } from './figures.ts'
import { BenchDirectory } from './place.ts'
import { atLeast, perSecond, report } from './report.ts'
import { scaled } from './scale.ts'
import { BenchServer } from './server.ts'

const PATH = '/agents/a1/runs/1'
const EVENTS = scaled(300_000, 30_000)

using directory = new BenchDirectory()
const server = await BenchServer.start(directory.path)
await server.ask('fill', { path: PATH, events: EVENTS, batch: 1000 })
// With `stream/created`.
const total = EVENTS + 1
const { port } = await server.ask('replayPeer', { path: PATH })

/** Events per second through the client, each decoded, every one checked to be the next. */
async function throughClient(): Promise<number> {
  const client = server.connect()
  await client.state(PATH)
  const done = new AbortController()
  let last = 0
  const start = performance.now()
  let seconds = 0
  await client.follow(PATH, { after: 'start', signal: done.signal }, (events) => {
    for (const { offset } of events)
      if (offset !== ++last) throw new Error(`event ${offset} came in the place of ${last}`)
    if (last < total) return
    seconds = (performance.now() - start) / 1000
    done.abort()
  })
  client.close()
  return total / seconds
}

/** Events per second through `ws` alone. */
async function throughBareSocket(): Promise<number> {
  const socket = await bareClient(port)
  const done = Promise.withResolvers<void>()
  let last = 0
  const start = performance.now()
  socket.on('message', (data) => {
    const events = (JSON.parse(textOf(data)) as EncodedEvent[]).map(decodeEvent)
    last = events.at(-1)?.offset ?? last
    if (last === total) done.resolve()
  })
  socket.send('go')
  await done.promise
  const seconds = (performance.now() - start) / 1000
  socket.terminate()
  return total / seconds
}

/** Rows per second through better-sqlite3 alone, no payload decoded. */
async function throughBareLoop(): Promise<number> {
  const db = new Database(join(directory.path, 'projects', `${server.projectId}.db`), { readonly: true })
  const rows = db.prepare(
    `select offset, type, created_at, key, payload, metadata, source, raw, chunks, checksum from events
     where stream_id = (select id from streams where path = ?) order by offset`,
  )
  const start = performance.now()
  let read = 0
  for (const _ of rows.raw().iterate(PATH)) read++
  const seconds = (performance.now() - start) / 1000
  db.close()
  if (read !== total) throw new Error(`${read} rows were read of ${total}`)
  return total / seconds
}

// The first of each compiles its code and fills the caches.
await interleaved(1, { throughClient, throughBareSocket, throughBareLoop })
const { client, socket, rows } = await interleaved(scaled(7, 3), {
  client: throughClient,
  socket: throughBareSocket,
  rows: throughBareLoop,
})
await server.stop()

report('replay', {
  what: `replay of ${total.toLocaleString('en-GB')} events from the start`,
  cases: [
    {
      name: 'to a Node client, over a socket',
      figures: {
        client: perSecond(median(client)),
        'bare ws socket': perSecond(median(socket)),
        'bare better-sqlite3 loop': perSecond(median(rows)),
      },
      ratios: { 'client / bare ws socket': ratio(client, socket), 'client / bare loop': ratio(client, rows) },
      goals: [atLeast('at least 200,000 events/s', 200_000, median(client))],
    },
  ],
  notes: ['client and bare socket parse every payload; the bare loop reads rows and parses nothing'],
})
