import { WebSocket } from 'ws'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { TestTributary, eventually, failureOf } from '../../server/testing.ts'
import { ItxError, itxErrorCode } from '../../streams/errors.ts'
import type { EventInput, Receipt } from '../../streams/event.ts'
import type { AppendSettings } from './append-queue.ts'
import { Connection } from './connection.ts'
import { ItxClient } from './itx-client.ts'

// Appends of many callers over one socket: in order, together, each with its own answer, through broken sockets.

const MIB = 2 ** 20

let tributary: TestTributary
const clients: ItxClient[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => {
  vi.useRealTimers()
  for (const client of clients.splice(0)) client.close()
})
afterAll(() => tributary.stop())

interface Observed {
  readonly client: ItxClient
  readonly sockets: WebSocket[]
  /** How many events each append that was sent had. */
  readonly batches: number[]
  /** Called when an append is about to be sent; false: it gets lost, and the socket with it. */
  deliver: () => boolean
}

function connect(settings: Partial<AppendSettings> = {}): Observed {
  const headers = { authorization: `Bearer ${tributary.token('editor')}` }
  const connection = new Connection(() => {
    const socket = new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, { headers })
    observed.sockets.push(socket)
    const send = socket.send.bind(socket) as (data: unknown) => void
    socket.send = (data: unknown) => {
      const [kind, call] = JSON.parse(String(data)) as [string, [string, number, string[], unknown[][]]]
      if (kind === 'push' && call[2].includes('append')) {
        if (!observed.deliver()) return socket.terminate()
        // The events, an array in an array as Cap'n Web writes one.
        observed.batches.push((call[3][0] as unknown[][])[0]!.length)
      }
      send(data)
    }
    return socket as unknown as globalThis.WebSocket
  })
  const client = new ItxClient(connection, 'demo', settings)
  const observed: Observed = { client, sockets: [], batches: [], deliver: () => true }
  clients.push(client)
  return observed
}

const stored = async (path: string) => {
  const { events } = await tributary.streams().read(path as never, { limit: 1000 })
  return events.filter(({ type }) => !type.startsWith('stream/')).map(({ type }) => type)
}
const types = (count: number, name = 'e') => Array.from({ length: count }, (_, i) => `${name}${i}`)
/** Appends one event per call, all in one turn. */
const each = ({ client }: Observed, path: string, inputs: readonly EventInput[]) =>
  inputs.map((input) => client.append(path, [input]))

describe('what is appended while an append is on its way', () => {
  test('goes as one batch, in order, and each call gets its own receipts', async () => {
    const observed = connect()
    const first = observed.client.append('/together', [{ type: 'e0' }])
    await eventually(() => observed.batches.length === 1)
    const rest = [
      observed.client.append('/together', [{ type: 'e1' }]),
      observed.client.append('/together', [{ type: 'e2' }, { type: 'e3' }]),
      ...each(observed, '/together', [{ type: 'e4' }, { type: 'e5' }]),
    ]
    const receipts = (await Promise.all([first, ...rest])).map((ofCall) => ofCall.map(({ offset }) => offset))
    expect(receipts).toEqual([[2], [3], [4, 5], [6], [7]])
    expect(observed.batches).toEqual([1, 5])
    expect(await stored('/together')).toEqual(types(6))
  })

  test('of other paths does not wait', async () => {
    const observed = connect()
    await Promise.all(['/x/a', '/x/b', '/x/c'].map((path) => observed.client.append(path, [{ type: 'a' }])))
    expect(observed.batches).toEqual([1, 1, 1])
  })

  test('is never more than a batch may have', async () => {
    const observed = connect({ batchEvents: 10 })
    await Promise.all(types(25).map((type) => observed.client.append('/tens', [{ type }])))
    expect(observed.batches).toEqual([10, 10, 5])
    expect(await stored('/tens')).toEqual(types(25))
  })

  test('is never larger than a batch may be, unless one call is', async () => {
    const observed = connect({ batchBytes: 1000 })
    const sizes = [300, 300, 300, 300, 2000, 300]
    await Promise.all(sizes.map((size) => observed.client.append('/bytes', [{ type: 'a', payload: 'x'.repeat(size) }])))
    expect(observed.batches).toEqual([3, 1, 1, 1])
  })

  test('of one call is never parted', async () => {
    const observed = connect({ batchEvents: 10 })
    const calls = [4, 4, 4, 12].map((count) =>
      observed.client.append(
        '/whole',
        types(count).map((type) => ({ type })),
      ),
    )
    expect((await Promise.all(calls)).map((receipts) => receipts.length)).toEqual([4, 4, 4, 12])
    expect(observed.batches).toEqual([8, 4, 12])
  })
})

test('events with a precondition travel alone: it holds for what was sent, not for who came along', async () => {
  const observed = connect()
  const calls = each(observed, '/alone', [{ type: 'e0' }, { type: 'e1', offset: 3 }, { type: 'e2' }, { type: 'e3' }])
  await Promise.all(calls)
  expect(observed.batches).toEqual([1, 1, 2])
  const wrong = each(observed, '/alone', [{ type: 'e4' }, { type: 'no', offset: 3 }, { type: 'e5' }])
  expect(await failureOf(wrong[1]!)).toEqual(['CONFLICT', 'precondition'])
  await Promise.all([wrong[0], wrong[2]])
  expect(await stored('/alone')).toEqual(types(6))
})

describe('a batch that is refused for what one call brought', () => {
  test('is stored for all others, in their order, and that call alone is told why', async () => {
    const observed = connect()
    const inputs = types(20).map((type): EventInput => ({ type }))
    inputs[7] = { type: 'stream/forged' }
    inputs[13] = { type: 'e13', payload: 'x'.repeat(17 * 1024 * 1024) }
    const calls = await Promise.allSettled(each(observed, '/one-bad', inputs))
    const codes = calls.flatMap((call, i) => (call.status === 'rejected' ? [[i, itxErrorCode(call.reason)]] : []))
    expect(codes).toEqual([
      [7, 'FORBIDDEN'],
      [13, 'BAD_REQUEST'],
    ])
    expect(await stored('/one-bad')).toEqual(types(20).filter((_, i) => i !== 7 && i !== 13))
  })

  test('gives everybody their own answer where some are known already', async () => {
    const observed = connect()
    const key = (n: number): EventInput => ({ type: `k${n}`, idempotencyKey: `key-${n}` })
    const first = (await observed.client.append('/paused', [key(1), key(2)])) as Receipt[]
    await tributary.streams().pause('/paused' as never)
    const calls = await Promise.allSettled(each(observed, '/paused', [key(1), { type: 'new' }, key(2), key(3)]))
    expect(calls[0]).toMatchObject({ value: [{ ...first[0], duplicate: true }] })
    expect(calls[2]).toMatchObject({ value: [{ ...first[1], duplicate: true }] })
    for (const i of [1, 3])
      expect(calls[i]).toMatchObject({ reason: { code: 'CONFLICT', details: { reason: 'paused' } } })
    expect(await stored('/paused')).toEqual(['k1', 'k2'])
  })
})

test('an event that is none is refused before anything is sent, and holds up nobody', async () => {
  const observed = connect()
  const calls = await Promise.allSettled(each(observed, '/local', [{ type: 'a' }, { type: '' }, { type: 'b' }]))
  expect(calls.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(observed.batches).toEqual([2])
})

describe('when the socket breaks', () => {
  /** Loses the next so many appends: sent, and never arrived. */
  const losing = (observed: Observed, count: number) => {
    let left = count
    observed.deliver = () => left-- <= 0
  }

  test('what has keys is sent again by itself, and what came later stays behind it', async () => {
    const observed = connect()
    losing(observed, 2)
    const calls = each(
      observed,
      '/again',
      types(5).map((type) => ({ type, idempotencyKey: type })),
    )
    await eventually(() => observed.sockets.length > 0)
    const later = observed.client.append('/again', [{ type: 'later' }])
    await Promise.all([...calls, later])
    expect(await stored('/again')).toEqual([...types(5), 'later'])
    expect(observed.sockets.length).toBe(3)
  })

  test('what was stored before the answer got lost is answered with its receipts', async () => {
    const observed = connect()
    await observed.client.state('/')
    // The answer of the server is not heard: the socket dies with it.
    const [socket] = observed.sockets
    const calls = each(
      observed,
      '/answered',
      types(3).map((type) => ({ type, idempotencyKey: type })),
    )
    const heard = socket!.listeners('message')
    socket!.removeAllListeners('message')
    await eventually(async () => (await stored('/answered')).length === 3)
    for (const listener of heard) socket!.on('message', listener as never)
    socket!.terminate()
    const receipts = await Promise.all(calls)
    expect(receipts.flat().map(({ offset, duplicate }) => [offset, duplicate])).toEqual([
      [2, true],
      [3, true],
      [4, true],
    ])
    expect(await stored('/answered')).toEqual(types(3))
  })

  test('what has none is not sent again: it may be stored, and the caller is told so', async () => {
    const observed = connect()
    losing(observed, 1)
    const calls = each(observed, '/unknown', [{ type: 'bare' }, { type: 'keyed', idempotencyKey: 'k' }])
    const later = observed.client.append('/unknown', [{ type: 'later' }])
    expect(await failureOf(calls[0]!)).toEqual(['UNAVAILABLE', 'unknown-outcome'])
    await Promise.all([calls[1], failureOf(later)])
    expect(await stored('/unknown')).toEqual(['keyed'])
  })

  test('before anything was sent, nothing is unknown: bare events wait as well', async () => {
    const observed = connect()
    await observed.client.state('/')
    await tributary.kill()
    await eventually(() => observed.client.connection.status.retryAt !== undefined)
    const call = observed.client.append('/waits', [{ type: 'bare' }])
    await tributary.resume()
    expect(await call).toHaveLength(1)
    expect(await stored('/waits')).toEqual(['bare'])
  })

  test('and stays broken, everybody is told at their deadline, those who waited behind as well', async () => {
    const observed = connect({ deadlineMs: 300 })
    await observed.client.state('/')
    await tributary.kill()
    const from = Date.now()
    const calls = [
      observed.client.append('/late', [{ type: 'a', idempotencyKey: 'a' }]),
      observed.client.append('/late', [{ type: 'b', offset: 1 }]),
      observed.client.append('/late', [{ type: 'c' }]),
    ]
    for (const call of calls) expect((await failureOf(call))[0]).toBe('UNAVAILABLE')
    expect(Date.now() - from).toBeLessThan(5000)
    await tributary.resume()
    expect(await stored('/late')).toEqual([])
  })

  test('for good, what was sent may be stored, and what was not is not', async () => {
    const observed = connect()
    await observed.client.state('/')
    let waiting: Promise<unknown> | undefined
    observed.deliver = () => {
      waiting = observed.client.append('/closed', [{ type: 'b', idempotencyKey: 'b' }])
      queueMicrotask(() => observed.client.close())
      return true
    }
    const sent = observed.client.append('/closed', [{ type: 'a', idempotencyKey: 'a' }])
    expect(await failureOf(sent)).toEqual(['UNAVAILABLE', 'unknown-outcome'])
    expect(await failureOf(waiting!)).toEqual(['UNAVAILABLE', 'closed'])
  })
})

describe('a server that says no for now', () => {
  const busy = (code: 'UNAVAILABLE' | 'RATE_LIMITED') => {
    const real = tributary.streams().append.bind(tributary.streams())
    let left = 2
    return vi.spyOn(tributary.streams(), 'append').mockImplementation((...args) => {
      if (left-- > 0) return Promise.reject(new ItxError(code, 'not now', { reason: 'busy' }))
      return real(...args)
    })
  }

  test('is asked again for events with keys', async () => {
    const observed = connect()
    await observed.client.state('/')
    busy('UNAVAILABLE')
    const first = observed.client.append('/busy', [{ type: 'a', idempotencyKey: 'a' }])
    await eventually(() => observed.batches.length === 1)
    // What comes meanwhile stays behind it.
    await Promise.all([first, observed.client.append('/busy', [{ type: 'b' }])])
    expect(observed.batches).toEqual([1, 1, 1, 1])
    expect(await stored('/busy')).toEqual(['a', 'b'])
  })

  test('is believed for events without', async () => {
    const observed = connect()
    await observed.client.state('/')
    busy('UNAVAILABLE')
    expect(await failureOf(observed.client.append('/busy-bare', [{ type: 'a' }]))).toEqual(['UNAVAILABLE', 'busy'])
  })

  test('because of a limit is asked again for all: nothing is stored', async () => {
    const observed = connect()
    await observed.client.state('/')
    busy('RATE_LIMITED')
    expect(await observed.client.append('/limited', [{ type: 'a' }])).toHaveLength(1)
  })
})

test('what is larger than the server takes breaks the line twice, and is told so; those beside it are stored', async () => {
  const { client, sockets } = connect({ batchBytes: 200 * MIB })
  const huge = { type: 'huge', payload: 'x'.repeat(49 * MIB), idempotencyKey: 'huge' }
  const calls = [
    client.append('/huge', [{ type: 'before', idempotencyKey: 'before' }]),
    client.append('/huge', [huge]),
    client.append('/huge', [{ type: 'after', idempotencyKey: 'after' }]),
    client.append('/beside', [{ type: 'beside', idempotencyKey: 'beside' }]),
  ]
  expect(await failureOf(calls[1]!)).toEqual(['BAD_REQUEST', 'too-large'])
  await Promise.all([calls[0], calls[2], calls[3]])
  expect([await stored('/huge'), await stored('/beside')]).toEqual([['before', 'after'], ['beside']])
  expect(sockets.length).toBeLessThan(6)
})

test('queues of paths that are not appended to any more are forgotten', async () => {
  const observed = connect()
  await Promise.all(Array.from({ length: 50 }, (_, i) => observed.client.append(`/many/${i}`, [{ type: 'a' }])))
  // Nothing waits for an answer, and the table of the session holds the project's handle alone.
  await eventually(() => observed.client.connection.stats!.imports <= 2)
  expect(observed.client.connection.stats).toEqual({ imports: 2, exports: 1 })
})
