import { inspect } from 'node:util'
import { expect, test, vi } from 'vitest'
import { type Auth, CLIENT_ADDRESS_HEADER, sessionCookieName } from './auth.ts'
import { ensureDefaults } from './bootstrap.ts'
import { organization } from './schema.ts'
import { testAuth } from './testing.ts'
import { createUser, findUserByEmail } from './users.ts'

const ANN = { email: 'ann@example.test', password: 'correct horse battery 9', name: 'Ann' }

interface Post {
  readonly headers?: Record<string, string>
  readonly origin?: string
}

function post(auth: Auth, path: string, body: unknown, { headers = {}, origin = 'http://localhost:3000' }: Post = {}) {
  const sent = { 'content-type': 'application/json', origin, [CLIENT_ADDRESS_HEADER]: '192.0.2.1', ...headers }
  const request = new Request(`${origin}/api/auth${path}`, {
    method: 'POST',
    headers: sent,
    body: JSON.stringify(body),
  })
  return auth.handler(request)
}

function signIn(auth: Auth, options: Post & { readonly password?: string } = {}) {
  return post(auth, '/sign-in/email', { email: ANN.email, password: options.password ?? ANN.password }, options)
}

/** The `name=value` that a browser would send back. */
function cookieOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')
}

test('a user signs in over the handler, and the cookie carries the session until sign-out', async () => {
  const { auth, database, config } = testAuth()
  const ann = await createUser(auth, database, { ...ANN, email: 'Ann@Example.test' })
  const response = await signIn(auth)
  expect(response.status).toBe(200)

  const [cookie = ''] = response.headers.getSetCookie()
  expect(cookie.startsWith(`${sessionCookieName(config)}=`)).toBe(true)
  expect(cookie.split('; ').slice(1).toSorted()).toEqual(['HttpOnly', 'Max-Age=604800', 'Path=/', 'SameSite=Lax'])

  const headers = { cookie: cookieOf(response) }
  const session = await auth.api.getSession({ headers: new Headers(headers) })
  expect(session?.user).toMatchObject({ id: ann.id, email: ANN.email, name: 'Ann', instanceAdmin: false })
  expect(session?.session).toMatchObject({ userId: ann.id, ipAddress: '192.0.2.1' })
  const lasts = (session?.session.expiresAt.getTime() ?? 0) - Date.now()
  expect(lasts).toBeGreaterThan(7 * 86_400_000 - 60_000)

  expect((await post(auth, '/sign-out', {}, { headers })).status).toBe(200)
  expect(await auth.api.getSession({ headers: new Headers(headers) })).toBeNull()
})

test('over HTTPS the cookie is Secure and named __Host-', async () => {
  const origin = 'https://streams.example.com'
  const { auth, database, config } = testAuth({ TRIBUTARY_BASE_URL: origin })
  await createUser(auth, database, ANN)
  const response = await signIn(auth, { origin })
  const [cookie = ''] = response.headers.getSetCookie()
  expect(sessionCookieName(config)).toBe('__Host-tributary.session_token')
  expect(cookie.startsWith('__Host-tributary.session_token=')).toBe(true)
  expect(cookie.split('; ').slice(1).toSorted()).toEqual([
    'HttpOnly',
    'Max-Age=604800',
    'Path=/',
    'SameSite=Lax',
    'Secure',
  ])
  expect(await auth.api.getSession({ headers: new Headers({ cookie: cookieOf(response) }) })).not.toBeNull()
})

test('over plain HTTP the cookie has no prefix that a browser would refuse', () => {
  expect(sessionCookieName(testAuth({ TRIBUTARY_BASE_URL: 'http://10.0.0.7:3000' }).config)).toBe(
    'tributary.session_token',
  )
})

test('anonymous sign-up is refused', async () => {
  const { auth, database } = testAuth()
  const response = await post(auth, '/sign-up/email', ANN)
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ code: 'EMAIL_PASSWORD_SIGN_UP_DISABLED' })
  expect(findUserByEmail(database, ANN.email)).toBeNull()
})

test('a wrong password and an unknown address are answered alike', async () => {
  const { auth, database } = testAuth()
  await createUser(auth, database, ANN)
  const wrong = await signIn(auth, { password: 'not the password' })
  const unknown = await post(auth, '/sign-in/email', { email: 'bob@example.test', password: 'not the password' })
  expect([wrong.status, unknown.status]).toEqual([401, 401])
  expect(await wrong.text()).toBe(await unknown.text())
})

test('a foreign origin and a body that is not JSON are refused', async () => {
  const { auth, database } = testAuth()
  await createUser(auth, database, ANN)
  const foreign = await signIn(auth, { headers: { origin: 'http://evil.example' } })
  expect(foreign.status).toBe(403)
  expect(foreign.headers.getSetCookie()).toEqual([])
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const form = await signIn(auth, { headers: { 'content-type': type } })
    expect([form.status, form.headers.getSetCookie()]).toEqual([415, []])
  }
})

test('a database that fails is a 500 that tells the client nothing, and the log no secret', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { auth, database } = testAuth()
  await createUser(auth, database, ANN)
  database.sqlite.exec('DROP TABLE session')
  const response = await signIn(auth)
  expect(response.status).toBe(500)
  expect(await response.text()).not.toContain('session')
  const lines = inspect(logged.mock.calls, { depth: 5 })
  expect(lines).toContain('no such table: session')
  expect(lines).not.toContain('params')
})

test('sign-in is limited per address and minute, with Retry-After', async () => {
  let now = 1_000_000
  const { auth, database } = testAuth({ TRIBUTARY_LOGINS_PER_MINUTE: '3' }, () => now)
  await createUser(auth, database, ANN)
  const attempt = async (address: string) => {
    const headers = { [CLIENT_ADDRESS_HEADER]: address, 'x-forwarded-for': `10.0.0.${now % 200}` }
    return signIn(auth, { headers, password: 'not the password' })
  }
  for (let i = 0; i < 3; i++) {
    expect((await attempt('192.0.2.1')).status).toBe(401)
    now += 10_000
  }
  const refused = await attempt('192.0.2.1')
  expect(refused.status).toBe(429)
  expect(refused.headers.get('retry-after')).toBe('30')
  expect((await attempt('192.0.2.2')).status).toBe(401)
  now += 30_000
  expect((await attempt('192.0.2.1')).status).toBe(401)
  expect((await attempt('192.0.2.1')).status).toBe(429)
})

test('a signed-in user cannot make themselves admin, found organisations or invite', async () => {
  const { auth, database } = testAuth()
  await createUser(auth, database, ANN)
  const headers = { cookie: cookieOf(await signIn(auth)) }
  const update = await post(auth, '/update-user', { name: 'Ann B', instanceAdmin: true }, { headers })
  expect(update.status).toBe(400)
  expect((await post(auth, '/update-user', { name: 'Ann B' }, { headers })).status).toBe(200)
  expect(findUserByEmail(database, ANN.email)).toMatchObject({ name: 'Ann B', instanceAdmin: false })
  const create = await post(auth, '/organization/create', { name: 'Mine', slug: 'mine' }, { headers })
  expect(create.status).toBe(403)
})

test('an instance admin founds an organisation, and can neither invite nor delete it', async () => {
  const { auth, database } = testAuth()
  ensureDefaults(database)
  await createUser(auth, database, { ...ANN, instanceAdmin: true })
  const headers = { cookie: cookieOf(await signIn(auth)) }
  const created = await post(auth, '/organization/create', { name: 'Mine', slug: 'mine' }, { headers })
  expect(created.status).toBe(200)
  const { id: organizationId } = (await created.json()) as { id: string }
  const invitation = { organizationId, email: 'bob@example.test', role: 'owner' }
  expect((await post(auth, '/organization/invite-member', invitation, { headers })).status).toBe(403)
  expect((await post(auth, '/organization/delete', { organizationId }, { headers })).ok).toBe(false)
  expect(database.db.select({ slug: organization.slug }).from(organization).all()).toEqual([
    { slug: 'demo' },
    { slug: 'mine' },
  ])
})
