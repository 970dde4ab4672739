import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CLIENT_ADDRESS_HEADER } from '../control-plane/auth.ts'
import { type Role, ROLES, roleAtLeast } from '../control-plane/roles.ts'
import { NEEDED_ROLE } from '../itx/permissions.ts'
import { type RawResponse, TestTributary } from '../server/testing.ts'

// Who may do what at the HTTP door, and what everybody else learns: nothing.

let tributary: TestTributary
let otherToken: string
beforeAll(async () => {
  tributary = await TestTributary.start()
  tributary.project('other')
  otherToken = tributary.token('admin', 'other')
  await tributary.door('editor').put('/orders', '["secret"]')
  await tributary.door('editor', 'other').put('/orders')
})
afterAll(() => tributary.stop())

/** Everything of an answer that a caller can tell apart, but for the time and the given name. */
function visible({ status, headers, text }: RawResponse, name: string): string {
  const { date: _date, ...rest } = headers
  return JSON.stringify({ status, headers: rest, text }).replaceAll(name, 'NAME')
}

const TARGETS = [
  '',
  '?limit=x',
  '/',
  '/orders',
  '/absent',
  '/orders?offset=bad',
  '/orders/../x',
  '/../x',
  '//',
  '/a%2Fb',
  '/%zz',
  '/orders?live=sse',
]
/** `OPTIONS` is not among them: what a browser asks before a request has no credential, and no answer but one. */
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH']

describe('without a good credential the answer is 401, to the byte the same for every name', () => {
  const credentials: Record<string, Record<string, string>> = {
    none: {},
    'an empty one': { authorization: '' },
    'a token nobody made': { authorization: `Bearer trb_${'x'.repeat(43)}` },
    'no token at all': { authorization: 'Bearer' },
    'another scheme': { authorization: 'Basic dXNlcjpwYXNz' },
    'a session cookie that is forged': { cookie: 'tributary.session_token=abc.def' },
    'a cookie that cannot be decoded': { cookie: 'tributary.session_token=%E0%A4%A' },
    'a cookie of something else': { cookie: 'a=b' },
  }
  test.each(Object.entries(credentials))('%s', async (_what, headers) => {
    const answers = new Set<string>()
    for (const method of METHODS.filter((each) => each !== 'HEAD')) {
      for (const name of ['demo', 'other', 'nosuch', tributary.projectId('demo'), '..', '%2e%2e', '%zz']) {
        for (const target of TARGETS) {
          const answer = await tributary.raw(`/api/streams/${name}${target}`, { method, headers })
          expect(answer.status).toBe(401)
          answers.add(visible(answer, '\u0000'))
        }
      }
    }
    expect([...answers]).toHaveLength(1)
  })

  test('a token that has expired, or was revoked', async () => {
    const token = tributary.token('editor', 'demo', { expiresAt: Date.now() + 60_000 })
    const { control } = tributary.instance
    control.sqlite.prepare('update tokens set expires_at = 1 where expires_at is not null').run()
    const answer = await tributary.raw('/api/streams/demo/orders', { headers: { authorization: `Bearer ${token}` } })
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toContain('Bearer')
  })

  test('a bad token is not made good by a good cookie', async () => {
    const cookie = await tributary.signIn(await tributary.user('both@example.com', { demo: 'admin' }))
    const headers = { authorization: 'Bearer nonsense', cookie }
    expect((await tributary.raw('/api/streams/demo/orders', { headers })).status).toBe(401)
  })
})

describe('a project of somebody else is as missing as one that is not there', () => {
  // Names of one length: the answer repeats the name, and says how long it is itself.
  test('to the byte, for every method and target', async () => {
    const headers = { authorization: `Bearer ${otherToken}`, 'content-type': 'application/json' }
    for (const method of METHODS) {
      for (const target of TARGETS) {
        const body = method === 'PUT' || method === 'POST' ? { body: '[1]' } : {}
        const forbidden = await tributary.raw(`/api/streams/demo${target}`, { method, headers, ...body })
        const missing = await tributary.raw(`/api/streams/nope${target}`, { method, headers, ...body })
        expect(forbidden.status).toBe(404)
        expect(visible(forbidden, 'demo')).toBe(visible(missing, 'nope'))
      }
    }
  })

  test('by its id too', async () => {
    const headers = { authorization: `Bearer ${otherToken}` }
    const id = tributary.projectId('demo')
    const made = `${id.slice(0, -1)}${id.endsWith('a') ? 'b' : 'a'}`
    const forbidden = await tributary.raw(`/api/streams/${id}/orders`, { headers })
    const missing = await tributary.raw(`/api/streams/${made}/orders`, { headers })
    expect([forbidden.status, visible(forbidden, id)]).toEqual([404, visible(missing, made)])
  })

  test('for a session as well', async () => {
    const cookie = await tributary.signIn(await tributary.user('stranger@example.com', { other: 'admin' }))
    for (const method of ['GET', 'POST']) {
      const headers = { cookie, origin: tributary.origin }
      const forbidden = await tributary.raw('/api/streams/demo/orders', { method, headers })
      const missing = await tributary.raw('/api/streams/nope/orders', { method, headers })
      expect([forbidden.status, visible(forbidden, 'demo')]).toEqual([404, visible(missing, 'nope')])
    }
  })
})

describe('roles', () => {
  const requests = [
    { operation: 'list', method: 'GET', path: '', headers: {} },
    { operation: 'read', method: 'GET', path: '/orders', headers: {} },
    { operation: 'state', method: 'HEAD', path: '/orders', headers: {} },
    { operation: 'append', method: 'POST', path: '/orders', headers: { 'content-type': 'application/json' } },
    {
      operation: 'append',
      method: 'POST',
      path: '/orders',
      headers: { 'content-type': 'application/vnd.tributary.event+json' },
    },
    { operation: 'create', method: 'PUT', path: '/orders', headers: { 'content-type': 'application/json' } },
    { operation: 'close', method: 'POST', path: '/ended', headers: { 'stream-closed': 'true' } },
    { operation: 'delete', method: 'DELETE', path: '/doomed', headers: {} },
  ] as const
  const cases = ROLES.flatMap((role) => requests.map((request) => ({ role, request })))
  test.each(cases)(
    '$role may $request.operation exactly when the table says so ($request.method)',
    async ({ role, request }) => {
      const { operation, method, path, headers } = request
      const needed: Role = NEEDED_ROLE[operation]
      const body = path === '/orders' && method === 'POST' ? '{"type":"x"}' : undefined
      await tributary.door('editor').put(path || '/orders')
      const answer = await tributary.door(role).send(method, path, body, headers)
      if (roleAtLeast(role, needed)) return expect(answer.status).toBeLessThan(300)
      expect(answer.status).toBe(403)
      expect(answer.json).toMatchObject({ code: 'FORBIDDEN', details: { reason: 'role', operation, role, needed } })
    },
  )

  test('a role too small is told so before its body is looked at', async () => {
    expect((await tributary.door('viewer').post('/orders', 'not json')).status).toBe(403)
  })
})

describe('a session cookie', () => {
  let cookie: string
  beforeAll(async () => {
    cookie = await tributary.signIn(await tributary.user('editor@example.com', { demo: 'editor' }))
  })
  const write = (headers: Record<string, string>) =>
    tributary.raw('/api/streams/demo/cookies', { method: 'PUT', headers: { cookie, ...headers } })

  test('reads', async () => {
    await tributary.door('editor').put('/read-me', '["mine"]')
    expect((await tributary.raw('/api/streams/demo/read-me', { headers: { cookie } })).text).toBe('["mine"]')
  })

  test('writes from our own pages', async () => {
    expect((await write({ origin: tributary.origin })).status).toBe(201)
  })

  test.each<[what: string, headers: { origin?: string }]>([
    ['no Origin', {}],
    ['another site', { origin: 'http://evil.example' }],
    ['null', { origin: 'null' }],
    ['a site whose name begins like ours', { origin: 'ORIGIN.evil.example' }],
    ['ours with a path', { origin: 'ORIGIN/' }],
    ['ours over https', { origin: 'HTTPS' }],
  ])('does not write from %s', async (_what, headers) => {
    const origin = headers.origin
      ?.replace('ORIGIN', tributary.origin)
      .replace('HTTPS', tributary.origin.replace('http:', 'https:'))
    const before = await tributary.raw('/api/streams/demo/cookies', { headers: { cookie } })
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const answer = await tributary.raw('/api/streams/demo/cookies', {
        method,
        headers: { cookie, 'content-type': 'application/json', ...(origin === undefined ? {} : { origin }) },
        ...(method === 'DELETE' ? {} : { body: '["forged"]' }),
      })
      expect([answer.status, (answer.json as { code: string }).code]).toEqual([403, 'FORBIDDEN'])
    }
    expect((await tributary.raw('/api/streams/demo/cookies', { headers: { cookie } })).text).toBe(before.text)
  })

  test('a token needs no Origin and minds none', async () => {
    const answer = await tributary.door('editor').send('PUT', '/by-token', undefined, { origin: 'http://evil.example' })
    expect(answer.status).toBe(201)
  })
})

test('a client cannot name the address that sign-in counts', async () => {
  await tributary.stop()
  tributary = await TestTributary.start({ TRIBUTARY_LOGINS_PER_MINUTE: '2' })
  const attempt = (address: string) =>
    tributary.raw('/api/auth/sign-in/email', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        origin: tributary.origin,
        'x-forwarded-for': address,
        [CLIENT_ADDRESS_HEADER]: address,
      },
      body: '{"email":"a@example.com","password":"wrong password"}',
    })
  const statuses = []
  for (let i = 0; i < 4; i++) statuses.push((await attempt(`10.0.0.${i}`)).status)
  expect(statuses).toEqual([401, 401, 429, 429])
})
