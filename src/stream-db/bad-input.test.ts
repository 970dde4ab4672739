import { DurableStream } from '@durable-streams/client'
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectItx } from '../itx/client/connect.ts'
import { type Door, TestTributary, eventually } from '../server/testing.ts'
import type { StreamPath } from '../streams/path.ts'
import { type CreateStreamDBOptions, createStreamDB } from './create-stream-db.ts'
import { insert, live, refusalOf, rowsOf, state } from './database-testing.ts'
import { createStateSchema } from './schema.ts'
import { ScriptedSource } from './source-testing.ts'

// Threat: what streams and networks do to a database that is open all the while. Over a server of ours, by each way to a
// stream, with a wire in between that can be cut. What comes over the stream itself is mostly in points.test.ts.

/** Between the database and the server: forwards, until it is cut. */
class Wire {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isCut = false
  /** Bytes that the server may still say before the wire is cut. */
  #left = Infinity
  /** How often somebody dialled in vain. */
  refused = 0
  cuts = 0
  /** That the server has said. */
  bytes = 0

  constructor(port: () => number) {
    this.#server = createServer((near) => {
      if (this.#isCut) {
        this.refused++
        near.destroy()
        return
      }
      const far = connect(port(), '127.0.0.1')
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          this.#sockets.delete(socket)
          near.destroy()
          far.destroy()
        })
      }
      near.pipe(far)
      far.on('data', (said: Buffer) => this.#forward(near, said))
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  async stop(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Every connection breaks, and none is made before `mend`. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.#isCut = false
  }

  /** The server says this much more, and then all breaks; who dials again is let through. */
  cutAfter(bytes: number): void {
    this.#left = bytes
  }

  #forward(near: Socket, said: Buffer): void {
    this.bytes += said.length
    if (said.length <= this.#left) {
      this.#left -= said.length
      near.write(said)
      return
    }
    const part = said.subarray(0, this.#left)
    this.#left = Infinity
    this.cuts++
    near.write(part, () => near.destroy())
  }
}

let tributary: TestTributary
let door: Door
let wire: Wire
const opened: { close(): unknown }[] = []
beforeAll(async () => {
  tributary = await TestTributary.start({ TRIBUTARY_LONG_POLL_MS: '500' })
  door = tributary.door('admin')
})
beforeEach(async () => {
  wire = new Wire(() => tributary.port)
  await wire.start()
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  await wire.stop()
})
afterAll(() => tributary.stop())

type Via = 'streamOptions' | 'stream' | 'itx'

function open(via: Via, path: string, options: Partial<CreateStreamDBOptions<typeof state>> = {}) {
  const db = createStreamDB({ ...options, actions: undefined, state, ...streamOf(via, path) })
  opened.unshift(db)
  return db
}

function streamOf(via: Via, path: string) {
  const token = tributary.token('viewer')
  if (via === 'itx') {
    const client = connectItx({ url: wire.url, token, project: 'demo' })
    opened.push(client)
    return { stream: { client, path } }
  }
  const streamOptions = { url: `${wire.url}/api/streams/demo${path}`, headers: { authorization: `Bearer ${token}` } }
  return via === 'streamOptions' ? { streamOptions } : { stream: new DurableStream(streamOptions) }
}

async function write(path: string, messages: readonly unknown[]): Promise<void> {
  await door.put(path)
  expect((await door.post(path, JSON.stringify(messages))).status).toBe(204)
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i))
/** A user and a post of each key, in one transaction. */
const pairs = (keys: readonly string[], txid: string) =>
  keys.flatMap((key) => [insert('user', key, { id: key }, txid), insert('post', key, { id: key }, txid)])

describe.each<Via>(['streamOptions', 'stream', 'itx'])('by %s', (via) => {
  const at = (name: string) => `/${via.toLowerCase()}-${name}`
  const users = (db: ReturnType<typeof open>) => Object.keys(rowsOf(db.collections.users))

  /** With one row, and then without a network. */
  async function away(path: string) {
    await write(path, [insert('user', 'old')])
    const db = open(via, path)
    await db.preload()
    wire.cut()
    await eventually(() => wire.refused > 0)
    return db
  }

  test('a stream that is written to and closed while the network is away', async () => {
    const path = at('closed')
    const db = await away(path)
    const headers = { 'content-type': 'application/json', 'stream-closed': 'true' }
    await door.send('POST', path, JSON.stringify([insert('user', 'last')]), headers)
    wire.mend()
    await eventually(() => db.status === 'closed')
    expect(users(db)).toEqual(['last', 'old'])
  })

  test.each(['deleted', 'reset'] as const)(
    'a stream that is %s and written anew while the network is away',
    async (how) => {
      const path = at(how)
      const db = await away(path)
      await (how === 'reset' ? tributary.streams().reset(path as StreamPath) : door.send('DELETE', path))
      await write(path, [insert('user', 'a')])
      await write(path, [insert('user', 'b'), insert('user', 'c')])
      wire.mend()
      await eventually(() => db.collections.users.has('c'))
      expect([users(db), db.status]).toEqual([['a', 'b', 'c'], 'live'])
    },
  )

  test('a stream that is deleted, and for long there is no other', async () => {
    const path = at('gone')
    await write(path, [insert('user', 'old')])
    const db = open(via, path)
    await db.preload()
    await door.send('DELETE', path)
    // Over the handle a stream that is not there is an empty one; over HTTP there is none to be read.
    if (via === 'itx') await eventually(() => db.collections.users.size === 0)
    else await eventually(() => db.status === 'offline')
    await write(path, [insert('user', 'new')])
    await eventually(() => db.collections.users.has('new'))
    expect([users(db), db.status]).toEqual([['new'], 'live'])
  })

  /** What anybody ever saw of users and posts. */
  function watch(db: ReturnType<typeof open>) {
    const seen = new Set<string>()
    const { users: one, posts: other } = db.collections
    for (const collection of [one, other]) collection.subscribeChanges(() => seen.add(`${one.size} ${other.size}`))
    return seen
  }

  test('a transaction of which half an answer arrived is seen whole or not at all', async () => {
    const path = at('half')
    await write(path, pairs(['1'], 'first'))
    const db = open(via, path)
    const seen = watch(db)
    await db.preload()
    // Answers are compressed: the transaction takes some 10 KiB.
    wire.cutAfter(4000)
    await write(path, pairs(range(2, 1000), 'second'))
    await db.utils.awaitTxId('second', 15_000)
    expect([wire.cuts, [...seen], db.utils.skipped]).toEqual([1, ['1 1', '1000 1000'], 0])
  })

  test('a transaction that came in several pieces, with a break in between, is seen whole or not at all', async () => {
    const path = at('pieces')
    for (let from = 1; from <= 4000; from += 500) await write(path, pairs(range(from, from + 499), 'long'))
    const pieces: number[] = []
    const onBeforeBatch = ({ items }: { readonly items: readonly unknown[] }) => void pieces.push(items.length)
    const first = open(via, path, { onBeforeBatch })
    await first.preload()
    await first.close()
    expect(pieces.length).toBeGreaterThan(1)
    // In the last of the pieces: those before it are here by then.
    wire.cutAfter(Math.round(wire.bytes * 0.8))
    const db = open(via, path)
    const seen = watch(db)
    await db.preload()
    await eventually(() => db.status === 'live')
    expect([wire.cuts, [...seen]]).toEqual([1, ['4000 4000']])
  })

  test('a validator that never answers keeps nobody from closing', async () => {
    const path = at('silent')
    await write(path, [insert('user', '1')])
    let asked = 0
    const validate = () => {
      asked++
      return new Promise<never>(() => undefined)
    }
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate } }
    const silent = createStateSchema({ users: { schema, type: 'user', primaryKey: 'id' } })
    const db = createStreamDB({ state: silent, ...streamOf(via, path) })
    const refused = refusalOf(db.preload())
    await eventually(() => asked > 0)
    await db.close()
    expect([db.status, await refused]).toMatchObject(['stopped', { details: { reason: 'closed' } }])
  })
})

describe('what validators do', () => {
  const withSchema = async (validate: (value: unknown) => unknown) => {
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate } }
    const source = new ScriptedSource()
    const users = { schema: schema as never, type: 'user', primaryKey: 'id' }
    const db = createStreamDB({ state: createStateSchema({ users }), source })
    const loading = db.preload()
    loading.catch(() => undefined)
    await eventually(() => source.isOpen)
    return { db, source, loading }
  }
  const unlessBad = (fail: () => unknown) => (value: unknown) =>
    (value as { id: string }).id === 'bad' ? fail() : { value }

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['answers nothing', () => undefined],
  ])('one that %s refuses that row alone', async (_, fail) => {
    const { db, source, loading } = await withSchema(unlessBad(fail))
    await source.push([insert('user', '1'), insert('user', 'bad'), insert('user', '2')])
    await loading
    expect([Object.keys(rowsOf(db.collections.users)), db.utils.skipped, db.status]).toEqual([['1', '2'], 1, 'live'])
  })
})

test('transaction ids that come twice and out of order are awaited by what came first, and nothing is lost', async () => {
  const { db, source } = await live()
  const all = [
    insert('user', '1', { id: '1', age: 1 }, 'b'),
    insert('user', '2', { id: '2' }, 'a'),
    insert('user', '1', { id: '1', age: 2 }, 'b'),
  ]
  const waits = Promise.all([db.utils.awaitTxId('a'), db.utils.awaitTxId('b')])
  await source.push(all)
  await waits
  await source.push([insert('user', '3', { id: '3' }, 'a')], { upToDate: false })
  await db.utils.awaitTxId('a', 0)
  await source.push([...all].toReversed())
  expect(rowsOf(db.collections.users)).toEqual({ 1: { id: '1', age: 1 }, 2: { id: '2' }, 3: { id: '3' } })
})
