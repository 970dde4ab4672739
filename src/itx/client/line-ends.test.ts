import { type AddressInfo, createServer as createPlainServer } from 'node:net'
import { RpcSession, RpcTarget } from 'capnweb'
import { WebSocket, WebSocketServer } from 'ws'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import { Connection } from './connection.ts'
import { FrameTransport } from './frame-transport.ts'

// How a connection takes every end a socket can have. The server here does what each test tells it to, down to saying
// nothing at all; the sockets are real, and the clock is the test's.

class Root extends RpcTarget {
  async ping() {
    return 'pong'
  }

  whoami() {
    // Never answered.
    return new Promise(() => {})
  }
}

let server: WebSocketServer
let accepted: WebSocket[]
/** False: what comes is not even looked at. */
let answers: boolean
let received: string[]
let connection: Connection
let dialled: number
let states: string[]
beforeEach(async () => {
  ;[accepted, answers, received, dialled, states] = [[], true, [], 0, []]
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  server.on('connection', (socket) => {
    accepted.push(socket)
    socket.on('message', (data) => received.push(String(data)))
    const watch = { sent: () => {}, heard: () => {} }
    if (answers) void new RpcSession(new FrameTransport(socket as unknown as globalThis.WebSocket, watch), new Root())
  })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
  connection = make()
})
afterEach(async () => {
  connection.close()
  vi.useRealTimers()
  for (const socket of server.clients) socket.terminate()
  await new Promise((resolve) => server.close(resolve))
})

function make(quietMs?: number): Connection {
  const { port } = server.address() as AddressInfo
  const made = new Connection(
    () => {
      dialled++
      return new WebSocket(`ws://127.0.0.1:${port}`) as unknown as globalThis.WebSocket
    },
    quietMs === undefined ? {} : { quietMs },
  )
  made.subscribe(() => states.push(made.status.state))
  return made
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
/** Waits for a condition while the timers stand still. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}
const outcome = async (call: Promise<unknown>) => {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return [itxErrorCode(error), itxErrorDetails(error)?.['reason']]
}
const pings = () => received.filter((frame) => frame.includes('"ping"')).length
const connected = async () => {
  await (await connection.root()).ping()
  received = []
}
/** A call that is on its way and never answered. */
async function hanging(): Promise<Promise<unknown[]>[]> {
  const root = await connection.root()
  const call = outcome(root.whoami())
  await until(() => received.some((frame) => frame.includes('whoami')))
  return [call]
}

describe('a server that says nothing any more', () => {
  test('is found out by a call that waits: 5 s, a ping, 5 s, and the line is dropped and dialled anew', async () => {
    await connected()
    const [call] = await hanging()
    const [first] = accepted
    first?.pause()
    vi.advanceTimersByTime(5000)
    expect(connection.status.state).toBe('connected')
    vi.advanceTimersByTime(4999)
    expect(connection.status.state).toBe('connected')
    vi.advanceTimersByTime(1)
    expect(connection.status.state).toBe('reconnecting')
    expect(await call).toEqual(['UNAVAILABLE', 'connection-lost'])
    vi.advanceTimersByTime(500)
    await until(() => accepted.length === 2)
    await until(() => connection.status.state === 'connected')
  })

  test('is found out when the tab or the network comes back', async () => {
    await connected()
    accepted[0]?.pause()
    connection.wake()
    vi.advanceTimersByTime(5000)
    expect(connection.status.state).toBe('reconnecting')
  })

  test('is found out by silence alone where a program follows it', async () => {
    connection.close()
    connection = make(30_000)
    await connected()
    vi.advanceTimersByTime(30_000)
    accepted.at(-1)?.pause()
    vi.advanceTimersByTime(30_000)
    expect(connection.status.state).toBe('connected')
    vi.advanceTimersByTime(5000)
    expect(connection.status.state).toBe('reconnecting')
  })

  test('gets twice the time after it was given up once, and the old one when it answers', async () => {
    await connected()
    for (const patience of [5000, 10_000, 20_000, 40_000, 40_000]) {
      accepted.at(-1)?.pause()
      connection.wake()
      vi.advanceTimersByTime(patience - 1)
      expect([patience, connection.status.state]).toEqual([patience, 'connected'])
      vi.advanceTimersByTime(1)
      expect([patience, connection.status.state]).toEqual([patience, 'reconnecting'])
      const before = accepted.length
      connection.wake()
      await until(() => accepted.length > before)
      await until(() => connection.status.state === 'connected')
    }
    received = []
    connection.wake()
    await until(() => pings() === 1)
    await (await connection.root()).ping()
    accepted.at(-1)?.pause()
    connection.wake()
    vi.advanceTimersByTime(5000)
    expect(connection.status.state).toBe('reconnecting')
  })

  test('not even hello: a dial is given up after 15 s', async () => {
    connection.close()
    // It takes the connection, and never answers the upgrade.
    const mute = createPlainServer(() => {})
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    const { port } = mute.address() as AddressInfo
    connection = new Connection(() => new WebSocket(`ws://127.0.0.1:${port}`) as unknown as globalThis.WebSocket)
    const call = outcome(connection.root())
    vi.advanceTimersByTime(10_000)
    expect(await call).toEqual(['UNAVAILABLE', 'offline'])
    expect(connection.status.state).toBe('connecting')
    vi.advanceTimersByTime(5000)
    expect(connection.status.retryAt).toBeDefined()
    connection.close()
    await new Promise((resolve) => mute.close(resolve))
  })
})

describe('waking', () => {
  test('while connected pings, and an answer is all that was wanted', async () => {
    await connected()
    connection.wake()
    connection.wake()
    await until(() => pings() === 1)
    await (await connection.root()).ping()
    vi.advanceTimersByTime(60_000)
    expect([connection.status.state, dialled]).toEqual(['connected', 1])
  })

  test('while waiting dials at once; while dialling it does nothing', async () => {
    await connected()
    accepted[0]?.terminate()
    await until(() => connection.status.retryAt !== undefined)
    connection.wake()
    connection.wake()
    expect(dialled).toBe(2)
    await until(() => connection.status.state === 'connected')
  })

  test('while idle asks nobody', () => {
    connection.wake()
    expect([connection.status, dialled]).toEqual([{ state: 'idle' }, 0])
  })
})

describe('a server that closes', () => {
  test('with 1012 is dialled at once', async () => {
    await connected()
    accepted[0]?.close(1012, 'reloading')
    await until(() => dialled === 2)
    // No timer has moved.
    await until(() => connection.status.state === 'connected')
    expect(states).toEqual(['connecting', 'connected', 'reconnecting', 'connected'])
  })

  test('with 1012 again before it has said anything is waited for', async () => {
    await connected()
    accepted[0]?.close(1012)
    await until(() => accepted.length === 2)
    await until(() => connection.status.state === 'connected')
    accepted[1]?.close(1012)
    await until(() => connection.status.retryAt !== undefined)
    expect(dialled).toBe(2)
    vi.advanceTimersByTime(500)
    await until(() => connection.status.state === 'connected')
    await connected()
    accepted[2]?.close(1012)
    await until(() => dialled === 4)
  })

  test('with 1001 is waited for', async () => {
    await connected()
    accepted[0]?.close(1001, 'shutting down')
    await until(() => connection.status.retryAt !== undefined)
    expect(connection.status.retryAt! - Date.now()).toBeLessThanOrEqual(500)
    expect(dialled).toBe(1)
  })

  test.each([
    ['signed out', 'signed out'],
    ['access changed', 'access changed'],
    ['not authenticated in time', 'signed out'],
    ['', 'signed out'],
  ] as const)('with 4401 and %j is not dialled again, and a page can tell why', async (said, reason) => {
    await connected()
    const [call] = await hanging()
    accepted[0]?.close(4401, said)
    await until(() => connection.status.state === 'signed-out')
    expect(connection.status).toEqual({ state: 'signed-out', reason })
    expect(await call).toEqual(['FORBIDDEN', 'signed-out'])
    expect(await outcome(connection.root())).toEqual(['FORBIDDEN', 'signed-out'])
    connection.wake()
    vi.advanceTimersByTime(60_000)
    expect(dialled).toBe(1)
  })
})

describe('calls that wait get a code, whatever ends the socket', () => {
  test.each([
    ['a reset', (socket: WebSocket) => socket.terminate()],
    ['a close without a code', (socket: WebSocket) => socket.close()],
    ['1001', (socket: WebSocket) => socket.close(1001)],
    ['1012', (socket: WebSocket) => socket.close(1012)],
    ['a message that is no message', (socket: WebSocket) => socket.send('{"a":1}')],
    ['bytes', (socket: WebSocket) => socket.send(Buffer.from([1, 2, 3]))],
  ])('%s', async (_name, end) => {
    await connected()
    const [call] = await hanging()
    const handle = await connection.root()
    end(accepted[0]!)
    const [code, reason] = (await call)!
    expect(code).toBe('UNAVAILABLE')
    expect(['connection-lost', 'frame']).toContain(reason)
    // And so does a handle of the socket that is gone.
    expect((await outcome(handle.ping()))[0]).toBe('UNAVAILABLE')
  })

  test('our own close', async () => {
    await connected()
    const [call] = await hanging()
    connection.close()
    expect(await call).toEqual(['UNAVAILABLE', 'closed'])
  })

  test("the server's own word about the session", async () => {
    await connected()
    const [call] = await hanging()
    const error = ['error', 'Error', 'too many calls', null, { code: 'RATE_LIMITED', details: { limit: 1 } }]
    accepted[0]?.send(JSON.stringify(['abort', error]))
    expect((await call)![0]).toBe('RATE_LIMITED')
    await until(() => connection.status.retryAt !== undefined)
  })
})
