import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { TestTributary, eventually } from '../../server/testing.ts'
import { itxErrorCode } from '../../streams/errors.ts'
import type { StreamEvent } from '../../streams/event.ts'
import { connectItx } from './connect.ts'
import type { ItxClient } from './itx-client.ts'

// What a program has at hand, against a real server.

let tributary: TestTributary
let client: ItxClient
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => client.close())
afterAll(() => tributary.stop())

const connect = (role: 'viewer' | 'editor' = 'editor') => {
  client = connectItx({ url: tributary.url, token: tributary.token(role), project: 'demo' })
  return client
}
const store = (path: string, count: number, type = 'a') =>
  tributary.streams().append(
    path as never,
    Array.from({ length: count }, () => ({ type })),
  )
const code = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => itxErrorCode(error),
  )
async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = []
  for await (const item of items) if (taken.push(item) === count) break
  return taken
}
const offsets = (events: readonly StreamEvent[]) => events.map(({ offset }) => offset)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('events', () => {
  test('brings what is there and what comes, until the loop is left; then nothing of it stays', async () => {
    for (let i = 0; i < 2; i++) await store('/loop', 600)
    connect()
    const coming = take(client.events('/loop'), 1205)
    await eventually(() => !tributary.streams().idle)
    await store('/loop', 4)
    expect(offsets(await coming)).toEqual(range(1, 1205))
    await eventually(() => tributary.streams().idle)
    // The root, and the project's handle that is kept.
    await eventually(() => client.connection.stats?.imports === 2 && client.connection.stats.exports === 1)
  })

  test('begins where it is told to, and brings the types it is told to', async () => {
    await store('/where', 3)
    await store('/where', 2, 'b')
    connect()
    expect(offsets(await take(client.events('/where', { after: 2 }), 2))).toEqual([3, 4])
    expect(offsets(await take(client.events('/where', { types: ['b'] }), 2))).toEqual([5, 6])
  })

  test('waits for a loop that takes its time: the server sends a few batches ahead and no more', async () => {
    for (let i = 0; i < 10; i++) await store('/slow', 1000)
    connect()
    const events = client.events('/slow')
    expect((await events.next()).value).toMatchObject({ offset: 1 })
    // All that can be in flight has come, once a call that was sent behind it is answered.
    for (let asked = 0; asked < 10; asked++) await client.state('/slow')
    // Four batches at most wait for their acknowledgement, beside the callback itself and the root.
    expect(client.connection.stats?.exports).toBeLessThanOrEqual(6)
    const rest = await take(events, 9999)
    expect(offsets(rest)).toEqual(range(2, 10_000))
  })

  test('ends when the signal comes, in the middle of the wait as well', async () => {
    await store('/signal', 1)
    connect()
    const abort = new AbortController()
    const seen: number[] = []
    const done = (async () => {
      for await (const { offset } of client.events('/signal', { signal: abort.signal })) seen.push(offset)
    })()
    await eventually(() => seen.length === 2)
    abort.abort()
    await done
    expect(await eventually(() => tributary.streams().idle)).toBe(true)
  })

  test('goes on over a server that is killed: no gap, nothing twice', async () => {
    await store('/killed', 5)
    connect()
    const coming = take(client.events('/killed'), 11)
    await eventually(() => !tributary.streams().idle)
    await tributary.kill()
    await tributary.resume()
    await store('/killed', 5)
    expect(offsets(await coming)).toEqual(range(1, 11))
  })

  test('throws into the loop what waiting cannot mend', async () => {
    connect()
    expect(await code(take(client.events('no-slash'), 1))).toBe('BAD_REQUEST')
    client.close()
    client = connectItx({ url: tributary.url, token: tributary.token('viewer'), project: 'nosuch' })
    expect(await code(take(client.events('/a'), 1))).toBe('NOT_FOUND')
  })

  test('a loop that throws ends it as well', async () => {
    await store('/thrown', 3)
    connect()
    const loop = async () => {
      for await (const { offset } of client.events('/thrown')) if (offset === 2) throw new Error('mine')
    }
    await expect(loop()).rejects.toThrow('mine')
    await eventually(() => tributary.streams().idle)
  })
})

test('the catalogue page after page: children, and all that is below', async () => {
  for (const name of ['b', 'a', 'c']) await store(`/tree/${name}/leaf`, 1)
  connect('viewer')
  const paths = async (rows: AsyncIterable<{ readonly path: string }>) =>
    (await take(rows, Number.POSITIVE_INFINITY)).map(({ path }) => path)
  expect(await paths(client.allChildren('/tree'))).toEqual(['/tree/a', '/tree/b', '/tree/c'])
  expect(await paths(client.streams.all({ prefix: '/tree', match: 'leaf' }))).toEqual([
    '/tree/a/leaf',
    '/tree/b/leaf',
    '/tree/c/leaf',
  ])
  expect((await client.streams.list({ prefix: '/tree', limit: 2 })).nextAfter).toBe('/tree/a')
  expect((await client.children('/tree')).total).toBe(3)
})

test('a stream: created, appended to, read as values, looked at, looked through', async () => {
  connect()
  expect(await client.create('/one')).toMatchObject({ created: true, state: { maxOffset: 1 } })
  await client.append('/one', [{ type: 'a', payload: { n: 1 }, metadata: { by: 'me' }, idempotencyKey: 'k' }])
  await client.appendEncoded('/one', [{ type: 'b', payload: '12345678901234567890' as never }])
  const { events, incarnationId, maxOffset } = await client.read('/one', { after: 1 })
  expect([events[0], maxOffset]).toEqual([
    {
      offset: 2,
      type: 'a',
      createdAt: expect.any(String),
      payload: { n: 1 },
      metadata: { by: 'me' },
      idempotencyKey: 'k',
    },
    3,
  ])
  expect(await client.getEvent('/one', { idempotencyKey: 'k' })).toEqual(events[0])
  expect(await client.getEvent('/one', { offset: 99 })).toBeNull()
  expect(await client.state('/one')).toMatchObject({ exists: true, maxOffset: 3, incarnationId })
  expect((await client.stateAt('/one', { processor: 'core', offset: 2 })).offset).toBe(2)
  expect(await client.project()).toMatchObject({ slug: 'demo', role: 'editor' })
  const matches: number[] = []
  const last = await client.scan('/one', { filter: 'payload.n == 1' }, (batch) => {
    matches.push(...batch.events.map(({ offset }) => offset))
  })
  expect([matches, last?.through]).toEqual([[2], 3])
  expect(await code(client.scan('/one', { filter: 'payload.(' }, () => {}))).toBe('BAD_REQUEST')
})

test('a log is exported and imported, page after page', async () => {
  for (let i = 0; i < 2; i++) await store('/from', 800)
  connect()
  const pages = await take(client.export('/from'), Number.POSITIVE_INFINITY)
  expect(pages.map(({ events }) => events.length)).toEqual([1000, 601])
  let incarnationId: string | undefined
  for (const [i, { events, contentType, firstOffset }] of pages.entries()) {
    const place = incarnationId === undefined ? { head: { contentType, firstOffset } } : { incarnationId }
    ;({ incarnationId } = await client.import('/to', { events, last: i === 1, ...place }))
  }
  const { maxOffset, importing = false } = await client.state('/to')
  expect([maxOffset, importing]).toEqual([1601, false])
})
