import { WebSocket } from 'ws'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Dialled, TestTributary } from '../server/testing.ts'

// Threat: a page of another site, or a program without a credential, opens the socket and gets a handle.

const NOTHING_THERE = 'there is no method '

let tributary: TestTributary
let cookie: string
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start({
    TRIBUTARY_MAX_MESSAGE_BYTES: '40000',
    TRIBUTARY_MAX_BATCH_BYTES: '30000',
    TRIBUTARY_MAX_EVENT_BYTES: '20000',
  })
  cookie = await tributary.signIn(await tributary.user('ada@example.com', { demo: 'editor' }))
})
afterEach(() => {
  for (const each of dialled.splice(0)) each.socket.terminate()
})
afterAll(() => tributary.stop())

function dial(headers: Record<string, string>): Dialled {
  const socket = tributary.dial(headers)
  dialled.push(socket)
  return socket
}

describe('a browser', () => {
  test('of our own origin, signed in, gets the handle of its user', async () => {
    const socket = dial({ cookie, origin: tributary.origin })
    expect(await socket.opened).toBe('open')
    expect(await socket.root.whoami()).toMatchObject({ kind: 'user', email: 'ada@example.com', instanceAdmin: false })
    const receipts = await socket
      .streams()
      .get('/by-cookie')
      .append([{ type: 'a' }])
    expect(receipts).toHaveLength(1)
  })

  test('is ours by any of the names of this machine', async () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      expect(await dial({ cookie, origin: `http://${host}:${tributary.port}` }).opened).toBe('open')
    }
  })

  const origins: readonly (readonly [what: string, origin: (port: number) => string])[] = [
    ['another site', () => 'http://evil.example'],
    ['null', () => 'null'],
    ['nothing', () => ''],
    ['https instead of http', (port) => `https://localhost:${port}`],
    ['another port', (port) => `http://localhost:${port + 1}`],
    ['no port', () => 'http://localhost'],
    ['a name that begins with ours', (port) => `http://localhost:${port}.evil.example`],
    ['a host that begins with ours', (port) => `http://127.0.0.1.evil.example:${port}`],
    ['a name that ends with ours', (port) => `http://evil-localhost:${port}`],
    ['ours as user', (port) => `http://localhost:${port}@evil.example`],
    ['ours with a slash', (port) => `http://localhost:${port}/`],
    ['ours in capitals', (port) => `HTTP://LOCALHOST:${port}`],
    ['ours twice', (port) => `http://localhost:${port}, http://localhost:${port}`],
    ['ours and another', (port) => `http://localhost:${port} http://evil.example`],
    ['another machine of the same port', (port) => `http://localhost.:${port}`],
    ['a file', () => 'file://'],
    ['an extension', () => 'chrome-extension://abc'],
  ]
  test.each(origins)('that says it comes from %s is refused before the upgrade', async (_what, origin) => {
    const token = tributary.token('admin')
    const credentials: Record<string, string>[] = [
      { cookie },
      {},
      { authorization: `Bearer ${token}` },
      { authorization: 'Bearer bad' },
    ]
    for (const headers of credentials) {
      expect(await dial({ ...headers, origin: origin(tributary.port) }).opened).toEqual({ status: 403 })
    }
  })

  test.each([
    ['no cookie', {}],
    ['a forged cookie', { cookie: 'tributary.session_token=abc.def' }],
    ['a cookie that cannot be decoded', { cookie: 'tributary.session_token=%E0%A4%A' }],
    ['a cookie of something else', { cookie: 'a=b' }],
  ])('of our own origin with %s is accepted and closed with 4401', async (_what, headers) => {
    const socket = dial({ ...headers, origin: tributary.origin })
    expect(await socket.ended).toEqual({ code: 4401, reason: 'signed out' })
    expect(socket.received).toEqual([])
  })

  test('whose session has ended is closed with 4401', async () => {
    const mine = await tributary.signIn(await tributary.user('gone@example.com', { demo: 'editor' }))
    await tributary.raw('/api/auth/sign-out', {
      method: 'POST',
      headers: { cookie: mine, origin: tributary.origin, 'content-type': 'application/json' },
      body: '{}',
    })
    expect(await dial({ cookie: mine, origin: tributary.origin }).ended).toMatchObject({ code: 4401 })
  })
})

describe('a program', () => {
  test('with a token gets the handle of its project', async () => {
    const { root } = dial({ authorization: `Bearer ${tributary.token('viewer')}` })
    expect(await root.whoami()).toMatchObject({ kind: 'token', projectId: tributary.projectId('demo'), role: 'viewer' })
    expect((await root.projects.list()).projects.map(({ slug }) => slug)).toEqual(['demo'])
  })

  test.each(['Bearer', 'Bearer nonsense', `Bearer trb_${'x'.repeat(43)}`, 'Basic dXNlcjpwYXNz', 'trb_abc'])(
    'with the credential %j is refused',
    async (authorization) => {
      expect(await dial({ authorization }).opened).toEqual({ status: 401 })
      // A session that would be good does not make up for it.
      expect(await dial({ authorization, cookie, origin: tributary.origin }).opened).toEqual({ status: 401 })
    },
  )

  test('with a cookie and no Origin is refused: no browser of ours, and no program needs one', async () => {
    expect(await dial({ cookie }).opened).toEqual({ status: 403 })
    expect(await dial({ cookie: 'a=b' }).opened).toEqual({ status: 403 })
  })

  test('without a credential can ping, and nothing else', async () => {
    const { root } = dial({})
    expect(await root.ping()).toBe('pong')
    await expect(root.whoami()).rejects.toThrow(NOTHING_THERE)
    await expect(root.projects.list()).rejects.toThrow(NOTHING_THERE)
    await expect(root.projects.get('demo').describe()).rejects.toThrow(NOTHING_THERE)
  })

  test('without a credential can bring one', async () => {
    const { root } = dial({})
    const mine = root.authenticate(tributary.token('editor'))
    expect(await mine.whoami()).toMatchObject({ kind: 'token', role: 'editor' })
    expect(await mine.projects.get('demo').project()).toMatchObject({ slug: 'demo' })
  })

  test.each([
    ['a wrong token', `trb_${'x'.repeat(43)}`],
    ['nothing', ''],
    ['two words', 'a b'],
    ['a number', 7],
    ['an object', { a: 1 }],
  ])('that brings %s is told so, and stays without a handle', async (_what, token) => {
    const socket = dial({})
    await expect(socket.root.authenticate(token as string).whoami()).rejects.toMatchObject({
      code: 'FORBIDDEN',
      details: { reason: 'credential' },
    })
    await expect(socket.root.whoami()).rejects.toThrow(NOTHING_THERE)
    expect(await socket.root.ping()).toBe('pong')
  })
})

test('a program that brings no credential in time is shown the door, and one that did is not', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const [idle, known] = [dial({}), dial({})]
    await Promise.all([idle.root.ping(), known.root.authenticate(tributary.token('viewer')).whoami()])
    vi.advanceTimersByTime(10_000)
    expect(await idle.ended).toEqual({ code: 4401, reason: 'not authenticated in time' })
    expect(await known.root.ping()).toBe('pong')
  } finally {
    vi.useRealTimers()
  }
})

describe('messages', () => {
  test('over the limit end their own session and no other', async () => {
    const authorization = `Bearer ${tributary.token('editor')}`
    const [greedy, modest] = [dial({ authorization }), dial({ authorization })]
    await modest.root.ping()
    const doomed = greedy
      .streams()
      .get('/large')
      .append([{ type: 'a', payload: JSON.stringify('x'.repeat(50_000)) as never }])
    await expect(doomed).rejects.toThrow('WebSocket')
    expect(await greedy.ended).toMatchObject({ code: 1009 })
    expect(await modest.streams().get('/large').state()).toMatchObject({ exists: false })
    expect(
      (
        await modest
          .streams()
          .get('/large')
          .append([{ type: 'a' }])
      )[0],
    ).toMatchObject({ offset: 2 })
  })

  test('under it, but over the size of an event, are refused with the limit and the size', async () => {
    const { root } = dial({ authorization: `Bearer ${tributary.token('editor')}` })
    const append = root.projects
      .get('demo')
      .streams.get('/size')
      .append([{ type: 'a', payload: JSON.stringify('x'.repeat(25_000)) as never }])
    await expect(append).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      details: { reason: 'too-large', size: 25_002, limit: 20_000 },
    })
  })

  test.each([
    'nonsense',
    '{}',
    '[]',
    '["push"]',
    '["push",["import",99,[]]]',
    '["pull",-1]',
    '["release",0,1000]',
    '["resolve",1,2]',
    '[["a"]]',
    '["abort",1]',
    '["stream"]',
  ])('that make no sense (%s) end their own session at most', async (message) => {
    const authorization = `Bearer ${tributary.token('editor')}`
    const [hostile, modest] = [dial({ authorization }), dial({ authorization })]
    await modest.root.ping()
    await hostile.opened
    for (let i = 0; i < 5; i++) hostile.socket.send(message)
    hostile.socket.close()
    await hostile.ended
    expect(await modest.root.ping()).toBe('pong')
  })

  test('that are binary end their own session at most', async () => {
    const authorization = `Bearer ${tributary.token('editor')}`
    const modest = dial({ authorization })
    const hostile = new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, { headers: { authorization } })
    await new Promise((resolve) => hostile.once('open', resolve))
    hostile.send(Buffer.from([0, 1, 2, 255]))
    hostile.terminate()
    expect(await modest.root.ping()).toBe('pong')
  })
})

test('a server that ends says so to every socket', async () => {
  const socket = dial({ authorization: `Bearer ${tributary.token('editor')}` })
  await socket.root.ping()
  await tributary.pause()
  expect(await socket.ended).toMatchObject({ code: 1001 })
  await tributary.resume()
  expect(await dial({ authorization: `Bearer ${tributary.token('editor')}` }).root.ping()).toBe('pong')
})
