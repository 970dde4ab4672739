import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PASSWORD, type RawResponse, TestTributary } from '../server/testing.ts'

// The one-time link that makes the first admin.

let tributary: TestTributary
beforeEach(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => tributary.stop())

const token = () => tributary.instance.setup.path().slice('/setup/'.length)
const admin = (over: object = {}) => ({
  token: token(),
  name: 'Root',
  email: 'root@example.com',
  password: PASSWORD,
  ...over,
})

function setUp(body: unknown, headers: Record<string, string> = {}): Promise<RawResponse> {
  return tributary.raw('/api/setup', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

test('makes an admin who can sign in and owns the demo project', async () => {
  const made = await setUp(admin({ email: 'Root@Example.com' }), { origin: tributary.origin })
  expect([made.status, made.json]).toEqual([201, { email: 'root@example.com' }])
  const cookie = await tributary.signIn({ id: '', email: 'root@example.com', password: PASSWORD })
  const { root, socket } = tributary.dial({ cookie, origin: tributary.origin })
  expect(await root.whoami()).toMatchObject({ instanceAdmin: true })
  expect(await root.projects.get('demo').project()).toMatchObject({ role: 'admin' })
  socket.close()
})

test('works once', async () => {
  const mine = admin()
  expect((await setUp(mine)).status).toBe(201)
  for (const again of [mine, { ...mine, email: 'other@example.com' }]) {
    const refused = await setUp(again)
    expect([refused.status, (refused.json as { code: string }).code]).toEqual([403, 'FORBIDDEN'])
  }
  expect(tributary.instance.setup.isOpen()).toBe(false)
})

test('of many that come at once one makes the admin', async () => {
  const answers = await Promise.all(
    Array.from({ length: 5 }, (_, i) => setUp(admin({ email: `root-${i}@example.com` }))),
  )
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 403, 403, 403, 403])
  const { users } = tributary.instance.control.sqlite.prepare('select count(*) as users from user').get() as {
    users: number
  }
  expect(users).toBe(1)
})

test('an old link is worthless after a restart', async () => {
  const old = admin()
  await tributary.pause()
  await tributary.resume()
  expect((await setUp(old)).status).toBe(403)
  expect((await setUp(admin())).status).toBe(201)
})

describe('what is refused leaves the link good', () => {
  test.each<[what: string, body: () => unknown, status: number]>([
    ['a wrong token', () => admin({ token: 'x'.repeat(43) }), 403],
    ['no token', () => admin({ token: '' }), 403],
    ['a token that is not text', () => admin({ token: { length: 43 } }), 400],
    ['a short password', () => admin({ password: 'short' }), 400],
    ['a long password', () => admin({ password: 'x'.repeat(129) }), 400],
    ['no address', () => admin({ email: 'nobody' }), 400],
    ['no name', () => admin({ name: ' ' }), 400],
    ['an unknown field', () => admin({ instanceAdmin: false }), 400],
    ['a list', () => [admin()], 400],
    ['null', () => 'null', 400],
    ['no JSON', () => '{', 400],
    ['too much', () => admin({ name: 'x'.repeat(20_000) }), 413],
  ])('%s', async (_what, body, status) => {
    const refused = await setUp(body())
    expect(refused.status).toBe(status)
    expect(refused.text).not.toContain(PASSWORD)
    expect((await setUp(admin())).status).toBe(201)
  })

  test.each([
    ['a form of another site', { 'content-type': 'application/x-www-form-urlencoded' }, 400],
    ['plain text', { 'content-type': 'text/plain' }, 400],
    ['a page of another site', { origin: 'http://evil.example' }, 403],
    ['a page from nowhere', { origin: 'null' }, 403],
  ])('%s', async (_what, headers, status) => {
    expect((await setUp(admin(), headers)).status).toBe(status)
    expect((await setUp(admin())).status).toBe(201)
  })

  test.each(['GET', 'PUT', 'DELETE'])('%s', async (method) => {
    const answer = await tributary.raw('/api/setup', { method })
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST'])
  })
})
