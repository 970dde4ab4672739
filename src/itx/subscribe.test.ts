import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Dialled, TestTributary, eventually } from '../server/testing.ts'
import type { WireBatch } from './handle.ts'

// Subscriptions over a real socket: replay and tail without a seam, and nothing left behind.

let tributary: TestTributary
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(async () => {
  for (const each of dialled.splice(0)) each.socket.terminate()
  await eventually(() => tributary.streams().idle)
})
afterAll(() => tributary.stop())

function itx(): Dialled {
  const socket = tributary.itx('viewer')
  dialled.push(socket)
  return socket
}

const store = (path: string, count: number, type = 'a') =>
  tributary.streams().append(
    path as never,
    Array.from({ length: count }, () => ({ type })),
  )
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const offsetsOf = (batches: readonly WireBatch[]) => batches.flatMap(({ events }) => events.map(({ offset }) => offset))

test('replay and tail are one: nothing is missed or doubled while events keep coming', async () => {
  await store('/seam', 999)
  const batches: WireBatch[] = []
  let writing = true
  const writer = (async () => {
    for (let i = 0; i < 100; i++) await store('/seam', 10)
    writing = false
  })()
  const subscribers = await Promise.all(
    [0, 1, 2].map(async () => {
      const mine: WireBatch[] = []
      await itx()
        .streams()
        .get('/seam')
        .subscribe({ after: 'start' }, (batch) => void mine.push(batch))
      return mine
    }),
  )
  await itx()
    .streams()
    .get('/seam')
    .subscribe({ after: 'start' }, (batch) => void batches.push(batch))
  await writer
  expect(writing).toBe(false)
  for (const each of [batches, ...subscribers]) {
    await eventually(() => each.at(-1)?.through === 2000)
    expect(offsetsOf(each)).toEqual(range(1, 2000))
  }
})

test('the first batch comes at once, even when there is nothing to say', async () => {
  await store('/first', 1)
  const batches: WireBatch[] = []
  await itx()
    .streams()
    .get('/first')
    .subscribe({}, (batch) => void batches.push(batch))
  await itx()
    .streams()
    .get('/absent')
    .subscribe({ after: 'start' }, (batch) => void batches.push(batch))
  await eventually(() => batches.length === 2)
  expect(batches[0]).toEqual({ events: [], through: 2, maxOffset: 2, incarnationId: expect.any(String) })
  expect(batches[1]).toEqual({ events: [], through: 0, maxOffset: 0, incarnationId: null })
})

test('only the wanted types come, and through says how far they were looked for', async () => {
  await store('/types', 2, 'a')
  await store('/types', 1, 'b')
  await store('/types', 3, 'a')
  const batches: WireBatch[] = []
  await itx()
    .streams()
    .get('/types')
    .subscribe({ after: 'start', types: ['b'] }, (batch) => void batches.push(batch))
  await eventually(() => batches.at(-1)?.through === 7)
  expect(offsetsOf(batches)).toEqual([4])
})

test('the state comes along when it is asked for', async () => {
  await store('/state', 1)
  const batches: WireBatch[] = []
  await itx()
    .streams()
    .get('/state')
    .subscribe({ state: true }, (batch) => void batches.push(batch))
  await eventually(() => batches.length > 0)
  await store('/state', 1)
  await eventually(() => batches.at(-1)?.state?.maxOffset === 3)
  expect(batches.at(-1)?.state).toMatchObject({
    exists: true,
    path: '/state',
    eventCount: 3,
    config: '{}',
    metadata: '{}',
  })
})

test('no more than four batches travel before one is acknowledged', async () => {
  for (let i = 0; i < 10; i++) await store('/window', 1000)
  let arrived = 0
  let release = () => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  const socket = itx()
  await socket
    .streams()
    .get('/window')
    .subscribe({ after: 'start' }, () => {
      arrived++
      return gate
    })
  await eventually(() => arrived === 4)
  // A fifth would have come with these.
  for (let i = 0; i < 20; i++) await socket.root.ping()
  expect(arrived).toBe(4)
  release()
  await eventually(() => arrived > 4)
})

test('nothing arrives after unsubscribing, and the server keeps nothing', async () => {
  await store('/unsubscribe', 1)
  let batches = 0
  const socket = itx()
  const subscription = await socket
    .streams()
    .get('/unsubscribe')
    .subscribe({}, () => void batches++)
  await eventually(() => batches === 1)
  const closed = subscription.closed()
  await subscription.unsubscribe()
  expect(await closed).toEqual({ reason: 'unsubscribed' })
  expect(tributary.streams().idle).toBe(true)
  await store('/unsubscribe', 5)
  await socket.root.ping()
  expect(batches).toBe(1)
})

test('letting go of the subscription ends it as well', async () => {
  const socket = itx()
  const subscription = await socket
    .streams()
    .get('/let-go')
    .subscribe({}, () => {})
  expect(tributary.streams().idle).toBe(false)
  subscription[Symbol.dispose]()
  await eventually(() => tributary.streams().idle)
  expect(await socket.root.ping()).toBe('pong')
})

test.each(['closed', 'terminated'])('a socket that is %s frees what its subscriptions held', async (how) => {
  const socket = itx()
  for (let i = 0; i < 5; i++)
    await socket
      .streams()
      .get(`/drop-${i}`)
      .subscribe({ after: 'start' }, () => new Promise(() => {}))
  expect(tributary.streams().idle).toBe(false)
  if (how === 'closed') socket.socket.close()
  else socket.socket.terminate()
  await eventually(() => tributary.streams().idle)
})

test('a socket that goes while its subscription is being made leaves nothing either', async () => {
  for (let i = 0; i < 20; i++) {
    const socket = itx()
    await socket.root.ping()
    void socket
      .streams()
      .get(`/early-${i}`)
      .subscribe({}, () => {})
      .catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    socket.socket.terminate()
  }
  expect(await eventually(() => tributary.streams().idle)).toBe(true)
})

test('a callback that fails is dropped and told why, and disturbs nobody', async () => {
  await store('/throws', 1)
  const [mine, theirs] = [itx(), itx()]
  const batches: WireBatch[] = []
  await theirs
    .streams()
    .get('/throws')
    .subscribe({ after: 'start' }, (batch) => void batches.push(batch))
  const subscription = await mine
    .streams()
    .get('/throws')
    .subscribe({ after: 'start' }, () => {
      throw new Error('no')
    })
  expect(await subscription.closed()).toEqual({ reason: 'failed' })
  await store('/throws', 1)
  await eventually(() => offsetsOf(batches).length === 3)
  expect(await mine.root.ping()).toBe('pong')
})

test('an offset beyond the end, or another incarnation, is a conflict and never a splice', async () => {
  await store('/life', 1)
  const stream = itx().streams().get('/life')
  const conflict = { code: 'CONFLICT', details: { reason: 'incarnation', path: '/life' } }
  await expect(stream.subscribe({ after: 100 }, () => {})).rejects.toMatchObject(conflict)
  await expect(stream.subscribe({ after: 1, incarnationId: 'another' }, () => {})).rejects.toMatchObject(conflict)
  expect(tributary.streams().idle).toBe(true)
})

test('a server that ends tells its subscribers', async () => {
  const socket = itx()
  const subscription = await socket
    .streams()
    .get('/ending')
    .subscribe({}, () => {})
  const closed = subscription.closed().then(
    ({ reason }) => reason,
    () => 'broken',
  )
  await tributary.pause()
  expect(['shutdown', 'broken']).toContain(await closed)
  await tributary.resume()
})
