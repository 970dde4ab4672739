import Database from 'better-sqlite3'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { waitingAudit } from '../control-plane/audit-outbox.ts'
import { parsePath } from '../streams/path.ts'
import { type RawResponse, PASSWORD, TestTributary, eventually } from './testing.ts'

// What a browser can be made to do by another site, and what a client can claim about itself: through the real server.

let tributary: TestTributary
afterEach(() => tributary.stop())

const ANN = 'ann@example.test'

function signIn(
  headers: Record<string, string> = {},
  { password = PASSWORD, origin = tributary.origin } = {},
): Promise<RawResponse> {
  return tributary.raw('/api/auth/sign-in/email', {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin, ...headers },
    body: JSON.stringify({ email: ANN, password }),
  })
}

const attributesOf = (cookie = '') => cookie.split('; ').slice(1).toSorted()

describe('the session cookie', () => {
  test('over plain HTTP it is HttpOnly and SameSite=Lax, and has a name that a browser takes', async () => {
    tributary = await TestTributary.start()
    await tributary.user(ANN)
    const [cookie = '', ...more] = (await signIn()).headers['set-cookie'] ?? []
    expect(more).toEqual([])
    expect(cookie).toMatch(/^tributary\.session_token=[^;]{20,}; /)
    expect(attributesOf(cookie)).toEqual(['HttpOnly', 'Max-Age=604800', 'Path=/', 'SameSite=Lax'])
  })

  test('behind a proxy with TLS it is __Host-, Secure and bound to this host', async () => {
    tributary = await TestTributary.start({ TRIBUTARY_BASE_URL: 'https://streams.example.com' })
    await tributary.user(ANN)
    const forwarded = { host: 'streams.example.com', 'x-forwarded-proto': 'https', 'x-forwarded-for': '198.51.100.7' }
    const [cookie = ''] = (await signIn(forwarded)).headers['set-cookie'] ?? []
    expect(cookie).toMatch(/^__Host-tributary\.session_token=[^;]{20,}; /)
    // No Domain: a browser refuses the name with one.
    expect(attributesOf(cookie)).toEqual(['HttpOnly', 'Max-Age=604800', 'Path=/', 'SameSite=Lax', 'Secure'])
    const session = { ...forwarded, cookie: cookie.split(';', 1)[0] ?? '' }
    const known = await tributary.raw('/api/auth/get-session', { headers: session })
    expect(known.json).toMatchObject({ user: { email: ANN } })
  })

  test('no header of a client makes a plain server believe in TLS, or the other way round', async () => {
    tributary = await TestTributary.start()
    await tributary.user(ANN)
    const claimed = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example', forwarded: 'proto=https' }
    const [cookie = ''] = (await signIn(claimed)).headers['set-cookie'] ?? []
    expect(cookie).toMatch(/^tributary\.session_token=/)
    expect(cookie).not.toContain('Secure')
  })
})

describe('signing in', () => {
  test('is tried five times a minute, unless the operator says otherwise; then it is 429 with Retry-After', async () => {
    // As an operator who has set nothing: an empty value counts as none.
    tributary = await TestTributary.start({ TRIBUTARY_LOGINS_PER_MINUTE: '' })
    await tributary.user(ANN)
    for (let i = 0; i < 5; i++) expect((await signIn({}, { password: 'a wrong password' })).status).toBe(401)
    // The right password comes too late as well: nobody learns which it is.
    const refused = await signIn()
    expect([refused.status, refused.headers['set-cookie']]).toEqual([429, undefined])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50)
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60)
    // Whoever is signed in is not bothered: it is sign-in that is limited.
    expect((await tributary.raw('/api/auth/get-session')).status).toBe(200)
  })
})

describe('the address that sign-in is limited by', () => {
  const wrong = (forwardedFor?: string) =>
    signIn(forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }, { password: 'a wrong password' })
  const statuses = async (...headers: (string | undefined)[]) => {
    const found: number[] = []
    for (const header of headers) found.push((await wrong(header)).status)
    return found
  }

  test('is that of the connection, whatever a client says', async () => {
    tributary = await TestTributary.start({ TRIBUTARY_LOGINS_PER_MINUTE: '2' })
    expect(await statuses('198.51.100.1', '198.51.100.2', '198.51.100.3', undefined)).toEqual([401, 401, 429, 429])
    const ours = { 'x-tributary-client-address': '198.51.100.4', 'x-real-ip': '198.51.100.4' }
    expect((await signIn(ours, { password: 'a wrong password' })).status).toBe(429)
  })

  test('behind a named proxy is the one the proxy tells, not the ones before it', async () => {
    tributary = await TestTributary.start({
      TRIBUTARY_LOGINS_PER_MINUTE: '2',
      TRIBUTARY_TRUSTED_PROXIES: '127.0.0.0/8, 10.0.0.0/8',
    })
    expect(await statuses('198.51.100.1', '198.51.100.1', '198.51.100.1')).toEqual([401, 401, 429])
    // What a client put there itself stands further left, through one proxy or two.
    expect(await statuses('192.0.2.1, 198.51.100.1', '192.0.2.2, 198.51.100.1, 10.0.0.7')).toEqual([429, 429])
    expect(await statuses('198.51.100.2', '::ffff:198.51.100.2', '198.51.100.2:4711')).toEqual([401, 401, 429])
    expect(await statuses('2001:db8::1')).toEqual([401])
  })

  test('is nobody else when the header comes from another address than the named one', async () => {
    tributary = await TestTributary.start({ TRIBUTARY_LOGINS_PER_MINUTE: '1', TRIBUTARY_TRUSTED_PROXIES: '10.0.0.1' })
    expect(await statuses('198.51.100.1', '198.51.100.2')).toEqual([401, 429])
  })
})

describe('the policy of a page', () => {
  const connections = async (host: string) => {
    const { headers } = await tributary.raw('/', { headers: { host } })
    const policy = String(headers['content-security-policy'])
    expect(policy).toMatch(/^default-src 'self'; script-src 'self' 'nonce-[\w+/]{22}=='; style-src 'self' 'nonce-/)
    expect([headers['referrer-policy'], headers['x-content-type-options']]).toEqual(['same-origin', 'nosniff'])
    return /connect-src ([^;]*)/.exec(policy)?.[1]
  }

  test('names the socket of the address that the page was opened at', async () => {
    tributary = await TestTributary.start()
    const { port } = tributary
    expect(await connections(`localhost:${port}`)).toBe(`'self' ws://localhost:${port}`)
    expect(await connections(`127.0.0.1:${port}`)).toBe(`'self' ws://127.0.0.1:${port}`)
    // It cannot be written in a policy: 'self' must do.
    expect(await connections(`[::1]:${port}`)).toBe("'self'")
    // What is no address of ours is not repeated.
    for (const host of ['evil.example', 'a;script-src', 'a%3bscript-src', `localhost:${port + 1}`]) {
      expect(await connections(host)).toBe(`'self' ws://localhost:${port}`)
    }
  })

  test('behind a proxy with TLS it is the public one, whatever the proxy calls us', async () => {
    tributary = await TestTributary.start({ TRIBUTARY_BASE_URL: 'https://streams.example.com' })
    for (const host of ['streams.example.com', `127.0.0.1:${tributary.port}`]) {
      expect(await connections(host)).toBe("'self' wss://streams.example.com")
    }
  })
})

/** Everything at `/api/auth`, as the sign-in library itself lists it, with its methods. */
function authPaths(): { path: string; methods: readonly string[] }[] {
  const endpoints = Object.values(tributary.instance.auth.api) as {
    path?: string
    options?: { method?: string | readonly string[] }
  }[]
  return endpoints.flatMap(({ path, options }) =>
    path === undefined ? [] : [{ path: path.replaceAll(/:\w+/g, 'x'), methods: [options?.method ?? []].flat() }],
  )
}

/** Tells whether anything changes from now on: accounts and projects, or streams. The audit may grow. */
async function watchData(): Promise<() => string> {
  await tributary.door('editor').put('/a', '[1]')
  const { control } = tributary.instance
  // What was done so far is on its way into the audit, and out of the control database.
  await eventually(() => waitingAudit(control, 1).length === 0)
  const files = ['control.db', join('projects', `${tributary.projectId('demo')}.db`)]
  const watchers = files.map((file) => new Database(join(tributary.dataDir, file), { readonly: true }))
  onTestFinished(() => watchers.forEach((watcher) => watcher.close()))
  return () => watchers.map((watcher) => watcher.pragma('data_version', { simple: true })).join(' ')
}

test('nothing changes by GET: not a row, not a stream, not the session', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  tributary = await TestTributary.start()
  const ann = await tributary.user(ANN, { demo: 'admin' })
  const cookie = await tributary.signIn(ann)
  const bearer = { authorization: `Bearer ${tributary.token('admin')}` }
  const seen = await watchData()
  const before = seen()
  const paths = authPaths()
  expect(paths.length).toBeGreaterThan(30)
  const setup = tributary.instance.setup.path().replace('/setup/', '')
  const targets = [
    ...paths.map(({ path }) => `/api/auth${path}`),
    '/api/auth/sign-in/email?email=ann@example.test&password=correct+horse+battery',
    '/api/auth/sign-out?_method=POST',
    `/api/setup?token=${setup}&name=a&email=b@example.test&password=${encodeURIComponent(PASSWORD)}`,
    '/api/streams/demo',
    '/api/streams/demo/a',
    '/api/streams/demo/absent',
    '/api/streams/demo/absent?offset=now',
    '/api/itx',
    '/api/read-tokens?project=demo&path=/',
    '/healthz',
    '/readyz',
    '/sign-out',
    '/',
  ]
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    for (const target of targets) {
      for (const headers of [{ cookie }, bearer, { cookie, 'x-http-method-override': 'POST' }]) {
        const { status, headers: sent } = await tributary.raw(target, { method, headers })
        expect(status, `${method} ${target}`).not.toBe(500)
        expect(sent['set-cookie'], `${method} ${target}`).toBeUndefined()
      }
    }
  }
  expect(seen()).toBe(before)
  const known = await tributary.raw('/api/auth/get-session', { headers: { cookie } })
  expect(known.json).toMatchObject({ user: { email: ANN } })
  // Both are seen to change when they do.
  await tributary.streams().append(parsePath('/a'), [{ type: 'x' }])
  const afterAppend = seen()
  tributary.token('viewer')
  expect(new Set([before, afterAppend, seen()]).size).toBe(3)
})

test('a body is JSON and says so, at every address that takes one', async () => {
  tributary = await TestTributary.start()
  const ann = await tributary.user(ANN, { demo: 'admin' })
  const cookie = await tributary.signIn(ann)
  const seen = await watchData()
  const before = seen()
  const paths = authPaths().filter(({ methods }) => methods.includes('POST'))
  expect(paths.map(({ path }) => path)).toEqual(expect.arrayContaining(['/sign-in/email', '/sign-out']))
  const body = JSON.stringify({ email: ANN, password: PASSWORD, name: 'x', slug: 'x', token: 'x' })
  // What a page of another site can send without asking, with or without a body.
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', undefined]
  const ours = ['/api/setup', '/api/itx', '/api/read-tokens']
  // Bodies that would be taken if they said what they are.
  const good: Record<string, string> = {
    '/api/itx': '["push",["pipeline",0,["ping"],[]]]',
    '/api/read-tokens': JSON.stringify({ project: 'demo', path: '/' }),
  }
  for (const target of [...paths.map(({ path }) => `/api/auth${path}`), ...ours]) {
    for (const type of [...types, 'text/plain; application/json', 'application/jsonp', 'application/json5']) {
      const headers = { origin: tributary.origin, cookie, ...(type === undefined ? {} : { 'content-type': type }) }
      const sending = { method: 'POST', headers, body: good[target] ?? body }
      const { status, headers: sent } = await tributary.raw(target, sending)
      expect([400, 415], `${target} as ${type}: ${status}`).toContain(status)
      expect(sent['set-cookie']).toBeUndefined()
    }
  }
  const { origin } = tributary
  const door = await tributary.raw('/api/streams/demo/a', { method: 'POST', headers: { origin, cookie }, body: '[1]' })
  expect(door.status).toBe(400)
  expect(seen()).toBe(before)
  expect((await signIn({ 'content-type': 'Application/JSON; charset=utf-8' })).status).toBe(200)
})
