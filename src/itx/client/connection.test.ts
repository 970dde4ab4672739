import { createServer } from 'node:http'
import { WebSocket } from 'ws'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { TestTributary, eventually } from '../../server/testing.ts'
import { itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import { connectItx } from './connect.ts'
import { Connection, type ConnectionStatus } from './connection.ts'

let tributary: TestTributary
const opened: Connection[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => {
  vi.useRealTimers()
  for (const connection of opened.splice(0)) connection.close()
})
afterAll(() => tributary.stop())

interface Observed {
  readonly connection: Connection
  readonly sockets: WebSocket[]
  readonly statuses: ConnectionStatus[]
  readonly sent: string[]
}

/** A connection that a test can look into: its sockets, its states, what it sends. */
function connect(
  headers = () => ({ authorization: `Bearer ${tributary.token('editor')}` }) as Record<string, string>,
  port = tributary.port,
): Observed {
  const observed = { sockets: [] as WebSocket[], statuses: [] as ConnectionStatus[], sent: [] as string[] }
  const connection = new Connection(() => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/itx`, { headers: headers() })
    observed.sockets.push(socket)
    const send = socket.send.bind(socket) as (data: unknown) => void
    socket.send = (data: unknown) => {
      observed.sent.push(String(data))
      send(data)
    }
    return socket as unknown as globalThis.WebSocket
  })
  connection.subscribe(() => observed.statuses.push(connection.status))
  opened.push(connection)
  return { connection, ...observed }
}

const states = ({ statuses }: Observed) => statuses.map(({ state }) => state)
const code = async (call: Promise<unknown>) => {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return [itxErrorCode(error), itxErrorDetails(error)?.['reason']]
}

describe('the state', () => {
  test('is idle until something is asked, and connected from then on', async () => {
    const observed = connect()
    expect([observed.connection.status, observed.sockets.length]).toEqual([{ state: 'idle' }, 0])
    using root = await observed.connection.root()
    expect(await root.ping()).toBe('pong')
    expect(states(observed)).toEqual(['connecting', 'connected'])
  })

  test('is reconnecting, with the time of the next attempt, when the server goes away, and connected when it is back', async () => {
    const observed = connect()
    await observed.connection.project('demo')
    await tributary.pause()
    await eventually(() => observed.connection.status.retryAt !== undefined)
    expect(observed.connection.status.state).toBe('reconnecting')
    await tributary.resume()
    await eventually(() => observed.connection.status.state === 'connected')
    using project = await observed.connection.project('demo')
    expect(await project.project()).toMatchObject({ slug: 'demo' })
  })

  test('one dial is enough for all who ask at once', async () => {
    const observed = connect()
    await Promise.all(Array.from({ length: 20 }, async () => (await observed.connection.root()).ping()))
    expect(observed.sockets).toHaveLength(1)
  })

  test('is signed-out when the session has ended: nothing is dialled any more, until it is reset', async () => {
    const cookie = await tributary.signIn(await tributary.user('ada@example.com', { demo: 'editor' }))
    let mine: Record<string, string> = { origin: tributary.origin }
    const observed = connect(() => mine)
    await observed.connection
      .root()
      .then((root) => root.ping())
      .catch(() => {})
    await eventually(() => observed.connection.status.state === 'signed-out')
    expect(await code(observed.connection.root())).toEqual(['FORBIDDEN', 'signed-out'])
    expect(await code(observed.connection.project('demo'))).toEqual(['FORBIDDEN', 'signed-out'])
    observed.connection.wake()
    expect(observed.sockets).toHaveLength(1)
    mine = { origin: tributary.origin, cookie }
    observed.connection.reset()
    expect(observed.connection.status).toEqual({ state: 'idle' })
    using root = await observed.connection.root()
    expect(await root.whoami()).toMatchObject({ email: 'ada@example.com' })
  })
})

describe('while nothing answers', () => {
  /** A port that nothing listens on. */
  async function deadPort(): Promise<number> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    return port
  }

  test('attempts come after 500 ms, doubling to 10 s, each shortened by up to half', async () => {
    const port = await deadPort()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const observed = connect(() => ({}), port)
    observed.connection.root().catch(() => {})
    const waits: number[] = []
    for (let attempt = 0; attempt < 8; attempt++) {
      while (observed.connection.status.retryAt === undefined) await new Promise((resolve) => setImmediate(resolve))
      waits.push(observed.connection.status.retryAt - Date.now())
      vi.advanceTimersByTime(10_000)
    }
    waits.forEach((wait, attempt) => {
      const full = Math.min(500 * 2 ** attempt, 10_000)
      expect(wait).toBeGreaterThanOrEqual(full / 2)
      expect(wait).toBeLessThanOrEqual(full)
    })
  })

  test('a call waits 10 s and then says so', async () => {
    const port = await deadPort()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const observed = connect(() => ({}), port)
    const call = code(observed.connection.root())
    await eventuallyReal(() => observed.connection.status.retryAt !== undefined)
    vi.advanceTimersByTime(10_000)
    expect(await call).toEqual(['UNAVAILABLE', 'offline'])
  })

  test('waking tries at once, and only once while an attempt is under way', async () => {
    const port = await deadPort()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const observed = connect(() => ({}), port)
    observed.connection.root().catch(() => {})
    await eventuallyReal(() => observed.connection.status.retryAt !== undefined)
    expect(observed.sockets).toHaveLength(1)
    // The network and the tab come back together.
    observed.connection.wake()
    observed.connection.wake()
    expect(observed.sockets).toHaveLength(2)
    expect(observed.connection.status).toEqual({ state: 'reconnecting' })
  })

  test('closing ends the waiting at once', async () => {
    const port = await deadPort()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const observed = connect(() => ({}), port)
    const call = code(observed.connection.root())
    await eventuallyReal(() => observed.connection.status.retryAt !== undefined)
    observed.connection.close()
    expect(await call).toEqual(['UNAVAILABLE', 'closed'])
    expect(await code(observed.connection.root())).toEqual(['UNAVAILABLE', 'closed'])
    expect(vi.getTimerCount()).toBe(0)
  })
})

/** `eventually`, when the timers are faked. */
async function eventuallyReal(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

test('the back-off begins anew after a connection', async () => {
  const observed = connect()
  await observed.connection.root()
  for (let round = 0; round < 3; round++) {
    observed.sockets.at(-1)?.terminate()
    await eventually(() => observed.connection.status.retryAt !== undefined)
    expect(observed.connection.status.retryAt! - Date.now()).toBeLessThanOrEqual(500)
    observed.connection.wake()
    await eventually(() => observed.connection.status.state === 'connected')
  }
})

describe('handles of projects', () => {
  const asked = ({ sent }: Observed) =>
    sent.filter((message) => message.startsWith('["push"') && message.includes('"get"')).length

  test('are asked for once, and disposing one leaves the others good', async () => {
    const observed = connect()
    const handles = await Promise.all([observed.connection.project('demo'), observed.connection.project('demo')])
    handles[0][Symbol.dispose]()
    expect(await handles[1].project()).toMatchObject({ slug: 'demo' })
    using third = await observed.connection.project('demo')
    expect(await third.project()).toMatchObject({ slug: 'demo' })
    expect(asked(observed)).toBe(1)
  })

  test('that were refused are asked for anew', async () => {
    const observed = connect()
    expect((await code(observed.connection.project('soon')))[0]).toBe('NOT_FOUND')
    tributary.project('soon')
    const token = tributary.token('viewer', 'soon')
    const theirs = connect(() => ({ authorization: `Bearer ${token}` }))
    expect(await (await theirs.connection.project('soon')).project()).toMatchObject({ slug: 'soon' })
    expect((await code(observed.connection.project('soon')))[0]).toBe('NOT_FOUND')
    expect(asked(observed)).toBe(2)
  })

  test('that were asked for on a broken socket do not take those of the next one with them', async () => {
    const observed = connect()
    await observed.connection.root()
    const lost = observed.connection.project('demo').catch(() => 'lost')
    observed.sockets[0]?.terminate()
    await eventually(() => observed.connection.status.retryAt !== undefined)
    observed.connection.wake()
    await observed.connection.project('demo')
    await lost
    const before = asked(observed)
    using again = await observed.connection.project('demo')
    expect(await again.project()).toMatchObject({ slug: 'demo' })
    expect(asked(observed)).toBe(before)
  })
})

describe('a program', () => {
  test('is told at once that nothing answers, where, and why', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    const client = connectItx({ url: `http://localhost:${port}`, token: 'trb_x', project: 'demo' })
    const error = (await client.state('/').then(undefined, (reason: unknown) => reason)) as Error
    expect(error.message).toBe(`nothing answers at http://localhost:${port} (ECONNREFUSED)`)
    expect([itxErrorCode(error), itxErrorDetails(error)]).toEqual([
      'UNAVAILABLE',
      { reason: 'unreachable', url: `http://localhost:${port}` },
    ])
    client.close()
  })

  test('whose token is refused is told so, every time it asks', async () => {
    const client = connectItx({ url: tributary.url, token: `trb_${'x'.repeat(43)}`, project: 'demo' })
    expect(await code(client.state('/'))).toEqual(['FORBIDDEN', 'credential'])
    expect(await code(client.append('/a', [{ type: 'a' }]))).toEqual(['FORBIDDEN', 'credential'])
    client.close()
  })

  test('that talks to something else is told what it answers', async () => {
    const server = createServer((_request, response) => response.end('hello'))
    server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    const client = connectItx({ url, token: 'trb_x', project: 'demo' })
    const error = (await client.state('/').then(undefined, (reason: unknown) => reason)) as Error
    expect([itxErrorCode(error), error.message]).toEqual([
      'UNAVAILABLE',
      `no Tributary answers at ${url} (HTTP status 404)`,
    ])
    client.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  test('that began before its server finds it when it asks again', async () => {
    const token = tributary.token('editor')
    const { url } = tributary
    await tributary.pause()
    const client = connectItx({ url, token, project: 'demo' })
    expect(await code(client.state('/'))).toEqual(['UNAVAILABLE', 'unreachable'])
    await tributary.resume()
    expect(await client.append('/early', [{ type: 'a' }])).toHaveLength(1)
    client.close()
  })

  test('comes back after a server that says it is shutting down', async () => {
    const client = connectItx({ url: tributary.url, token: tributary.token('editor'), project: 'demo' })
    await client.state('/')
    const { port } = tributary
    await tributary.pause()
    let refused = 0
    const ending = createServer()
    ending.on('upgrade', (_request, socket) => {
      refused++
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n')
    })
    await new Promise<void>((resolve) => ending.listen(port, '127.0.0.1', resolve))
    await eventually(() => refused >= 2)
    await new Promise((resolve) => ending.close(resolve))
    await tributary.resume()
    expect(await client.append('/after', [{ type: 'a' }])).toHaveLength(1)
    client.close()
  })

  test.each(['localhost:3000', '', 'nothing'])('that has %j for an address is told so', (url) => {
    expect(() => connectItx({ url, token: 'x', project: 'demo' }).close()).toThrow(/address|http/)
  })

  test('whose token cannot be sent is told so, and not left waiting', async () => {
    const client = connectItx({ url: tributary.url, token: 'trb_ä\n', project: 'demo' })
    await expect(client.state('/')).rejects.toThrow(/header/)
    await expect(client.state('/')).rejects.toThrow(/header/)
    client.close()
  })
})
