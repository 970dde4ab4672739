import { WebSocket } from 'ws'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { TestTributary } from '../../server/testing.ts'
import { Connection } from './connection.ts'
import { sharedTail } from './stream-tail.ts'

let tributary: TestTributary
let connection: Connection
beforeAll(async () => {
  tributary = await TestTributary.start()
  const headers = { authorization: `Bearer ${tributary.token('viewer')}` }
  connection = new Connection(
    () => new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, { headers }) as unknown as globalThis.WebSocket,
  )
})
afterEach(() => vi.useRealTimers())
afterAll(async () => {
  connection.close()
  await tributary.stop()
})

const store = (path: string, count: number) =>
  tributary.streams().append(
    path as never,
    Array.from({ length: count }, () => ({ type: 'a' })),
  )

/** Waits for a condition while the timers are faked. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

test('everybody who shows a stream shares one subscription, which ends a while after the last has gone', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  await store('/shared', 3)
  const tail = sharedTail(connection, 'demo', '/shared')
  expect(sharedTail(connection, 'demo', '/shared')).toBe(tail)
  const leave = [tail.subscribe(() => {}), tail.subscribe(() => {})]
  await until(() => tail.getSnapshot().status === 'live')
  expect(tail.getSnapshot().events.map(({ offset }) => offset)).toEqual([1, 2, 3, 4])
  leave[0]?.()
  vi.advanceTimersByTime(60_000)
  expect(tributary.streams().idle).toBe(false)
  leave[1]?.()
  vi.advanceTimersByTime(4999)
  expect(tributary.streams().idle).toBe(false)
  vi.advanceTimersByTime(1)
  await until(() => tributary.streams().idle)
  expect(sharedTail(connection, 'demo', '/shared')).not.toBe(tail)
})

test('coming back before it has ended costs nothing', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  await store('/back', 1)
  const tail = sharedTail(connection, 'demo', '/back')
  tail.subscribe(() => {})()
  vi.advanceTimersByTime(4000)
  const leave = tail.subscribe(() => {})
  vi.advanceTimersByTime(60_000)
  await until(() => tail.getSnapshot().status === 'live')
  expect(sharedTail(connection, 'demo', '/back')).toBe(tail)
  leave()
  vi.advanceTimersByTime(5000)
  await until(() => tributary.streams().idle)
})

test('a tail that ended with news untold tells of news when it is shown again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  await store('/again', 1)
  const tail = sharedTail(connection, 'demo', '/again')
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
  const tail = sharedTail(connection, 'demo', '/many')
  const leave = tail.subscribe(() => {})
  await vi.waitFor(() => expect(tail.getSnapshot().status).toBe('live'))
  for (let i = 0; i < 10; i++) await store('/many', 100)
  await vi.waitFor(() => expect(tail.getSnapshot().maxOffset).toBe(2000))
  expect(tail.getSnapshot().events.map(({ offset }) => offset)).toEqual(Array.from({ length: 500 }, (_, i) => 1501 + i))
  leave()
})

test('a stream that is made while it is shown appears', async () => {
  const tail = sharedTail(connection, 'demo', '/made-later')
  const leave = tail.subscribe(() => {})
  await vi.waitFor(() => expect(tail.getSnapshot().status).toBe('live'))
  expect(tail.getSnapshot().events).toEqual([])
  await store('/made-later', 2)
  await vi.waitFor(() => expect(tail.getSnapshot().events.map(({ offset }) => offset)).toEqual([1, 2, 3]))
  expect(tail.getSnapshot().state).toMatchObject({ exists: true, maxOffset: 3 })
  leave()
})
