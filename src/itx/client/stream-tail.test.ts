import { WebSocket } from 'ws'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestTributary } from '../../server/testing.ts'
import { Connection } from './connection.ts'
import { tailStore } from './stream-tail.ts'

let tributary: TestTributary
let connection: Connection
/** What the connection has sent. */
let sent: string[]
beforeAll(async () => {
  tributary = await TestTributary.start()
})
beforeEach(() => {
  sent = []
  const headers = { authorization: `Bearer ${tributary.token('viewer')}` }
  connection = new Connection(() => {
    const socket = new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, { headers })
    const send = socket.send.bind(socket) as (data: unknown) => void
    socket.send = (data: unknown) => {
      sent.push(String(data))
      send(data)
    }
    return socket as unknown as globalThis.WebSocket
  })
})
afterEach(() => {
  vi.useRealTimers()
  connection.close()
})
afterAll(() => tributary.stop())

const store = (path: string, count: number) =>
  tributary.streams().append(
    path as never,
    Array.from({ length: count }, () => ({ type: 'a' })),
  )

/** Waits for a condition while the timers are faked. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

/** Lets time pass second by second, the network having its turn in between: its silence would be noticed. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    vi.advanceTimersByTime(Math.min(left, 1000))
    using root = await connection.root()
    await root.ping()
  }
}

test('everybody who shows a stream shares one subscription, which ends a while after the last has gone', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  await store('/shared', 3)
  const tail = tailStore(connection, 'demo', '/shared')
  const other = tailStore(connection, 'demo', '/shared')
  const subscriptions = () => sent.filter((message) => message.includes('"subscribe"')).length
  const leave = [tail.subscribe(() => {}), other.subscribe(() => {})]
  await until(() => tail.getSnapshot().status === 'live')
  expect(tail.getSnapshot().events.map(({ offset }) => offset)).toEqual([1, 2, 3, 4])
  expect(other.getSnapshot()).toBe(tail.getSnapshot())
  expect(subscriptions()).toBe(1)
  leave[0]?.()
  await pass(60_000)
  expect(tributary.streams().idle).toBe(false)
  leave[1]?.()
  vi.advanceTimersByTime(4999)
  using root = await connection.root()
  // Behind whatever was sent before: an end would have arrived.
  await root.ping()
  expect(tributary.streams().idle).toBe(false)
  vi.advanceTimersByTime(1)
  await until(() => tributary.streams().idle)
  // What is not followed is forgotten, and whoever comes begins anew.
  expect(tail.getSnapshot()).toBe(tail.getInitialSnapshot())
})

test('coming back before it has ended costs nothing', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  await store('/back', 1)
  const tail = tailStore(connection, 'demo', '/back')
  tail.subscribe(() => {})()
  await until(() => tail.getSnapshot().status === 'live')
  vi.advanceTimersByTime(4000)
  const leave = tail.subscribe(() => {})
  const subscriptions = () => sent.filter((message) => message.includes('"subscribe"')).length
  const before = subscriptions()
  await pass(60_000)
  expect(tail.getSnapshot().status).toBe('live')
  expect(subscriptions()).toBe(before)
  leave()
  vi.advanceTimersByTime(5000)
  await until(() => tributary.streams().idle)
})

test('a tail that ended with news untold tells of news when it is shown again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  await store('/again', 1)
  const tail = tailStore(connection, 'demo', '/again')
  const leave = tail.subscribe(() => {})
  await until(() => tail.getSnapshot().status === 'live')
  leave()
  vi.advanceTimersByTime(4950)
  await store('/again', 1)
  await until(() => tail.getSnapshot().events.length === 3)
  vi.advanceTimersByTime(50)
  await until(() => tributary.streams().idle)
  let told = 0
  tail.subscribe(() => told++)
  await store('/again', 1)
  await until(() => tail.getSnapshot().events.length === 4)
  vi.advanceTimersByTime(100)
  expect(told).toBeGreaterThan(0)
})

test('it keeps the newest five hundred events, gapless', async () => {
  await store('/many', 999)
  const tail = tailStore(connection, 'demo', '/many')
  const leave = tail.subscribe(() => {})
  await vi.waitFor(() => expect(tail.getSnapshot().status).toBe('live'))
  for (let i = 0; i < 10; i++) await store('/many', 100)
  await vi.waitFor(() => expect(tail.getSnapshot().maxOffset).toBe(2000))
  expect(tail.getSnapshot().events.map(({ offset }) => offset)).toEqual(Array.from({ length: 500 }, (_, i) => 1501 + i))
  leave()
})

test('a stream that is made while it is shown appears', async () => {
  const tail = tailStore(connection, 'demo', '/made-later')
  const leave = tail.subscribe(() => {})
  await vi.waitFor(() => expect(tail.getSnapshot().status).toBe('live'))
  expect(tail.getSnapshot().events).toEqual([])
  await store('/made-later', 2)
  await vi.waitFor(() => expect(tail.getSnapshot().events.map(({ offset }) => offset)).toEqual([1, 2, 3]))
  expect(tail.getSnapshot().state).toMatchObject({ exists: true, maxOffset: 3 })
  leave()
})

test('making a store asks nobody and leaves nothing behind: a render may be thrown away', () => {
  const page = { events: [], nextCursor: null, maxOffset: 0, incarnationId: null }
  for (let i = 0; i < 200; i++) tailStore(connection, 'demo', '/thrown-away', page)
  expect([sent, connection.status]).toEqual([[], { state: 'idle' }])
})

test('it begins with the page that was read before, and asks for what comes after it', async () => {
  await store('/paged', 5)
  const page = await tributary.streams().read('/paged' as never, { order: 'desc', limit: 3 })
  const tail = tailStore(connection, 'demo', '/paged', page)
  const offsets = () => tail.getSnapshot().events.map(({ offset }) => offset)
  expect([tail.getSnapshot(), offsets()]).toEqual([tail.getInitialSnapshot(), [4, 5, 6]])
  await store('/paged', 1)
  const leave = tail.subscribe(() => {})
  expect(tail.getSnapshot()).toBe(tail.getInitialSnapshot())
  await vi.waitFor(() => expect(offsets()).toEqual([4, 5, 6, 7]))
  expect(sent.some((message) => message.includes('"read"'))).toBe(false)
  expect(sent.find((message) => message.includes('"subscribe"'))).toContain('"after":6')
  leave()
})

describe('through ends of the server', () => {
  test('it goes on after the last event it has: none is missing, none comes twice', async () => {
    await store('/restarts', 10)
    const tail = tailStore(connection, 'demo', '/restarts')
    const statuses: string[] = []
    const leave = tail.subscribe(() => statuses.push(tail.getSnapshot().status))
    await vi.waitFor(() => expect(tail.getSnapshot().maxOffset).toBe(11))
    for (let round = 1; round <= 2; round++) {
      await tributary.kill()
      await tributary.resume()
      await store('/restarts', 5)
      connection.wake()
      await vi.waitFor(() => expect(tail.getSnapshot().maxOffset).toBe(11 + 5 * round), 10_000)
    }
    expect(tail.getSnapshot().events.map(({ offset }) => offset)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1))
    expect(statuses).toContain('interrupted')
    await vi.waitFor(() => expect(statuses.at(-1)).toBe('live'))
    leave()
  })

  test('another life of the stream is shown from its beginning, with nothing of the one before', async () => {
    await store('/reset', 10)
    const tail = tailStore(connection, 'demo', '/reset')
    const leave = tail.subscribe(() => {})
    await vi.waitFor(() => expect(tail.getSnapshot().maxOffset).toBe(11))
    await tributary.streams().reset('/reset' as never)
    await store('/reset', 1)
    await vi.waitFor(() => expect(tail.getSnapshot().maxOffset).toBe(2), 10_000)
    expect(tail.getSnapshot().events.map(({ offset }) => offset)).toEqual([1, 2])
    leave()
  })
})

test('two hundred readers that come and go twice leave no stub, no subscription and no timer behind', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  await store('/comings', 2)
  await store('/goings', 2)
  using root = await connection.root()
  await root.ping()
  const before = connection.stats
  const timers = vi.getTimerCount()
  for (let mount = 0; mount < 200; mount++) {
    const { subscribe, getSnapshot } = tailStore(connection, 'demo', mount % 2 ? '/comings' : '/goings')
    // As React's StrictMode does it.
    subscribe(() => {})()
    const leave = subscribe(() => {})
    if (mount < 4) await until(() => getSnapshot().status === 'live')
    leave()
    // Every other one is gone for good before the next comes.
    if (mount % 10 === 0) await pass(5000)
  }
  await pass(5000)
  await until(() => tributary.streams().idle)
  await until(() => vi.getTimerCount() <= timers)
  // The project's handle stays: it is the cache of the connection.
  await until(() => connection.stats!.imports <= before!.imports + 1)
  expect(connection.stats).toEqual({ imports: before!.imports + 1, exports: before!.exports })
})
