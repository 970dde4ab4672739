import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { TestTributary, eventually } from '../../server/testing.ts'
import { itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import { type ItxClient, connectItx } from './connect.ts'

let tributary: TestTributary
const clients: ItxClient[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => {
  for (const client of clients.splice(0)) client.close()
})
afterAll(() => tributary.stop())

function connect(token = tributary.token('editor')): ItxClient {
  const client = connectItx({ url: tributary.url, token, project: 'demo' })
  clients.push(client)
  return client
}

/** Appends through the engine, so that a restart cannot interrupt it. */
async function store(path: string, count: number): Promise<void> {
  await tributary.streams().append(
    path as never,
    Array.from({ length: count }, () => ({ type: 'a' })),
  )
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('brings what is there and what comes, each event once, in order', async () => {
  await store('/basic', 1000)
  await store('/basic', 700)
  const abort = new AbortController()
  const seen: number[] = []
  const done = connect().follow('/basic', { after: 'start', signal: abort.signal }, (events) =>
    seen.push(...events.map(({ offset }) => offset)),
  )
  await eventually(() => seen.length >= 1701)
  for (let i = 0; i < 20; i++) await store('/basic', 3)
  await eventually(() => seen.length >= 1761)
  abort.abort()
  await done
  expect(seen).toEqual(range(1, 1761))
})

describe('through a server that goes and comes back', () => {
  test.each(['ends', 'is killed'])('that %s three times: no gap, nothing twice', async (how) => {
    const path = `/restarts-${how.at(-1)}`
    await store(path, 10)
    const abort = new AbortController()
    const seen: number[] = []
    const interruptions: unknown[] = []
    const done = connect().follow(
      path,
      { after: 'start', signal: abort.signal, onInterrupted: (error) => interruptions.push(error) },
      (events) => seen.push(...events.map(({ offset }) => offset)),
    )
    let stored = 11
    for (let round = 0; round < 3; round++) {
      await eventually(() => seen.length >= stored)
      // Some arrive just before the break, some while nobody is connected.
      void store(path, 5)
      await store(path, 5)
      await (how === 'ends' ? tributary.pause() : tributary.kill())
      await tributary.resume()
      await store(path, 5)
      stored += 15
    }
    await eventually(() => seen.length >= stored)
    abort.abort()
    await done
    expect(seen).toEqual(range(1, stored))
    expect(interruptions.length).toBeGreaterThanOrEqual(3)
  })

  test('from now on: what came while it was away is brought', async () => {
    await store('/now', 3)
    const abort = new AbortController()
    const seen: number[] = []
    const client = connect()
    const done = client.follow('/now', { after: 'now', signal: abort.signal }, (events) =>
      seen.push(...events.map(({ offset }) => offset)),
    )
    await eventually(() => !tributary.streams().idle)
    await store('/now', 1)
    await eventually(() => seen.length === 1)
    await tributary.kill()
    await tributary.resume()
    await store('/now', 2)
    await eventually(() => seen.length >= 3)
    abort.abort()
    await done
    expect(seen).toEqual([5, 6, 7])
  })
})

describe('a consumer that takes its time', () => {
  test('gets one batch after the other', async () => {
    await store('/slow', 1000)
    await store('/slow', 1000)
    const abort = new AbortController()
    let inside = 0
    let most = 0
    const seen: number[] = []
    const done = connect().follow('/slow', { after: 'start', signal: abort.signal }, async (events) => {
      most = Math.max(most, ++inside)
      // The first batch takes longest: what overtakes it would come before it.
      for (let turns = seen.length === 0 ? 50 : 1; turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve))
      seen.push(...events.map(({ offset }) => offset))
      inside--
    })
    await eventually(() => seen.length >= 2001)
    abort.abort()
    await done
    expect([most, seen]).toEqual([1, range(1, 2001)])
  })

  test('is not brought again what it is busy with when the connection breaks', async () => {
    await store('/busy', 5)
    const abort = new AbortController()
    const begun: number[] = []
    let finish = () => {}
    const busy = new Promise<void>((resolve) => (finish = resolve))
    let interrupted = false
    const client = connect()
    const states: string[] = []
    client.connection.subscribe(() => states.push(client.connection.status.state))
    const done = client.follow(
      '/busy',
      { after: 'start', signal: abort.signal, onInterrupted: () => (interrupted = true) },
      async (events) => {
        begun.push(...events.map(({ offset }) => offset))
        await busy
      },
    )
    await eventually(() => begun.length === 6)
    await tributary.kill()
    await tributary.resume()
    await store('/busy', 1)
    await eventually(() => states.includes('reconnecting') && states.at(-1) === 'connected')
    // The connection is there again; its successor waits for the batch that is still being worked on.
    expect(interrupted).toBe(false)
    finish()
    await eventually(() => begun.length >= 7)
    abort.abort()
    await done
    expect(begun).toEqual(range(1, 7))
  })

  test('that fails is brought the same batch again', async () => {
    await store('/fails', 2)
    const abort = new AbortController()
    const seen: number[] = []
    const interruptions: unknown[] = []
    let failures = 1
    const done = connect().follow(
      '/fails',
      { after: 'start', signal: abort.signal, onInterrupted: (error) => interruptions.push(error) },
      (events) => {
        if (failures-- > 0) throw new Error('not now')
        seen.push(...events.map(({ offset }) => offset))
      },
    )
    await eventually(() => seen.length >= 3)
    abort.abort()
    await done
    expect(seen).toEqual([1, 2, 3])
    expect(interruptions).toHaveLength(1)
  })
})

test('leaves nothing behind at either end, even of a batch that was never taken', async () => {
  await store('/never', 3)
  const client = connect()
  await client.state('/never')
  const before = client.connection.stats
  for (let round = 0; round < 5; round++) {
    const abort = new AbortController()
    let begun = false
    const done = client.follow('/never', { after: 'start', signal: abort.signal }, () => {
      begun = true
      return new Promise(() => {})
    })
    await eventually(() => begun)
    abort.abort()
    await done
  }
  await eventually(() => client.connection.stats?.exports === before?.exports)
  expect(client.connection.stats).toEqual(before)
})

test('waits for a stream that is not there yet', async () => {
  const abort = new AbortController()
  const seen: number[] = []
  const done = connect().follow('/later', { after: 'start', signal: abort.signal }, (events) =>
    seen.push(...events.map(({ offset }) => offset)),
  )
  await eventually(() => !tributary.streams().idle)
  await store('/later', 2)
  await eventually(() => seen.length >= 3)
  abort.abort()
  await done
  expect(seen).toEqual([1, 2, 3])
})

test('lets go of the server when it is told to end', async () => {
  const abort = new AbortController()
  const done = connect().follow('/ended', { after: 'start', signal: abort.signal }, () => {})
  await eventually(() => !tributary.streams().idle)
  abort.abort()
  await done
  expect(await eventually(() => tributary.streams().idle)).toBe(true)
})

describe('what waiting cannot mend ends it', () => {
  const follow = async (client: ItxClient, path: string, after: number | 'start' = 'start') => {
    const error: unknown = await client
      .follow(path, { after, signal: new AbortController().signal }, () => {})
      .then(
        () => undefined,
        (reason: unknown) => reason,
      )
    return [itxErrorCode(error), itxErrorDetails(error)?.['reason']]
  }

  test('a bad path', async () => expect(await follow(connect(), 'no-slash')).toEqual(['BAD_REQUEST', undefined]))

  test('an offset beyond the end: another life of the stream', async () => {
    await store('/short', 1)
    expect(await follow(connect(), '/short', 100)).toEqual(['CONFLICT', 'incarnation'])
  })

  test('a project that is not there', async () => {
    const client = connectItx({ url: tributary.url, token: tributary.token('viewer'), project: 'nosuch' })
    clients.push(client)
    expect((await follow(client, '/a'))[0]).toBe('NOT_FOUND')
  })

  test('a token that was revoked while it followed', async () => {
    await store('/revoked', 1)
    const client = connect()
    const ended = follow(client, '/revoked')
    await eventually(() => !tributary.streams().idle)
    tributary.instance.control.sqlite.prepare('delete from tokens').run()
    await tributary.kill()
    await tributary.resume()
    expect(await ended).toEqual(['FORBIDDEN', 'credential'])
  })
})
