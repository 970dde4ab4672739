import { DurableStream } from '@durable-streams/client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connectItx } from '../itx/client/connect.ts'
import { type Door, TestTributary, eventually } from '../server/testing.ts'
import { type StreamDB, createStreamDB } from './create-stream-db.ts'
import { change, insert, rowsOf, state, update } from './database-testing.ts'
import type { StreamDBSnapshot } from './database-options.ts'

// A database over a server of ours: by address, by a stream of the published client, and by the handle. All say the same.

let tributary: TestTributary
let door: Door
const opened: { close(): unknown }[] = []
beforeAll(async () => {
  tributary = await TestTributary.start({ TRIBUTARY_LONG_POLL_MS: '500' })
  door = tributary.door('admin')
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})
afterAll(() => tributary.stop())

type Via = 'streamOptions' | 'stream' | 'itx'

function open(via: Via, path: string, from?: StreamDBSnapshot | null): StreamDB<typeof state> {
  const db = createStreamDB({ state, from: from ?? undefined, ...streamOf(via, path) })
  opened.unshift(db)
  return db
}

function streamOf(via: Via, path: string) {
  const token = tributary.token('viewer')
  if (via === 'itx') {
    const client = connectItx({ url: tributary.url, token, project: 'demo' })
    opened.push(client)
    return { stream: { client, path } }
  }
  const url = `${tributary.url}/api/streams/demo${path}`
  const streamOptions = { url, headers: { authorization: `Bearer ${token}` } }
  return via === 'streamOptions' ? { streamOptions } : { stream: new DurableStream(streamOptions) }
}

async function write(path: string, ...messages: unknown[]): Promise<void> {
  await door.put(path)
  expect((await door.post(path, JSON.stringify(messages))).status).toBe(204)
}

async function close(path: string, ...messages: unknown[]): Promise<void> {
  const headers = { 'content-type': 'application/json', 'stream-closed': 'true' }
  expect((await door.send('POST', path, JSON.stringify(messages), headers)).status).toBe(204)
}

const users = (db: StreamDB<typeof state>) => rowsOf(db.collections.users)

describe.each<Via>(['streamOptions', 'stream', 'itx'])('by %s', (via) => {
  const at = (name: string) => `/${via.toLowerCase()}-${name}`

  test('what is there is loaded, what comes arrives, and transactions are awaited', async () => {
    const path = at('live')
    await write(path, insert('user', '1', { id: 1 }), insert('post', '1', { id: 1 }))
    const db = open(via, path)
    await db.preload()
    expect([users(db), rowsOf(db.collections.posts), db.status]).toEqual([{ 1: { id: 1 } }, { 1: { id: 1 } }, 'live'])
    const waited = db.utils.awaitTxId('x')
    await write(path, update('user', '1', { id: 1, age: 2 }, 'x'), change('delete', 'post', '1', undefined, 'x'))
    await waited
    expect([users(db), rowsOf(db.collections.posts)]).toEqual([{ 1: { id: 1, age: 2 } }, {}])
  })

  test('a stream that is reset while it is read, or deleted and made anew, is read anew', async () => {
    const path = at('anew')
    await write(path, insert('user', 'old'))
    const db = open(via, path)
    await db.preload()
    await tributary.streams().reset(path as never)
    await eventually(() => db.collections.users.size === 0)
    await write(path, insert('user', 'second'))
    await eventually(() => db.collections.users.has('second'))
    await tributary.streams().delete(path as never)
    await write(path, insert('user', 'third'))
    await eventually(() => db.collections.users.has('third'))
    expect(users(db)).toEqual({ third: { id: 'third' } })
  })

  test('what was kept is read on from, and is void when the stream began anew meanwhile', async () => {
    const path = at('kept')
    await write(path, insert('user', '1'), insert('user', '2'))
    const first = open(via, path)
    await first.preload()
    const kept = JSON.parse(JSON.stringify(first.snapshot()))
    await first.close()
    await write(path, insert('user', '3'))
    const second = open(via, path, kept)
    await second.preload()
    expect(Object.keys(users(second))).toEqual(['1', '2', '3'])
    await second.close()
    await tributary.streams().reset(path as never)
    await write(path, insert('user', '4'), insert('user', '5'), insert('user', '6'))
    const third = open(via, path, kept)
    await third.preload()
    await eventually(() => third.collections.users.has('6') && !third.collections.users.has('1'))
    expect(Object.keys(users(third))).toEqual(['4', '5', '6'])
  })

  test('the end of the stream is seen', async () => {
    const path = at('end')
    await write(path, insert('user', '1'))
    const db = open(via, path)
    await db.preload()
    await close(path, insert('user', '2'))
    await eventually(() => db.status === 'closed')
    expect(Object.keys(users(db))).toEqual(['1', '2'])
  })

  test('it is closed and opened again', async () => {
    const path = at('again')
    await write(path, insert('user', '1'))
    const db = open(via, path)
    await db.preload()
    await db.close()
    await db.preload()
    expect([db.status, Object.keys(users(db))]).toEqual(['live', ['1']])
  })
})

test('a stream that is not there is an error, and a preload tries again', async () => {
  const db = open('streamOptions', '/later')
  await expect(db.preload()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect([db.status, db.collections.users.status]).toEqual(['error', 'error'])
  await write('/later', insert('user', '1'))
  await db.preload()
  expect([db.status, db.error, Object.keys(users(db))]).toEqual(['live', undefined, ['1']])
})
