import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AUDIT_PATH, SYSTEM_PROJECT_ID } from '../control-plane/audit.ts'
import { PASSWORD, TestTributary, eventually, runCli, temporaryDirectory } from '../server/testing.ts'
import { parsePath } from '../streams/path.ts'

// The command line itself, and the commands that work on the data directory.

describe('a command line that makes no sense is answered with the usage and status 2', () => {
  const env = { TRIBUTARY_URL: 'http://127.0.0.1:9', TRIBUTARY_TOKEN: 'trb_x', TRIBUTARY_PROJECT: 'demo' }
  test.each([
    [['nonsense']],
    [['constructor']],
    [['toString']],
    [['__proto__']],
    [['append']],
    [['append', '/a', '/b']],
    [['read', '/a', '--colour', 'red']],
    [['read', '/a', '--limit']],
    [['read', '/a', '--limit', '0']],
    [['read', '/a', '--limit', '-1']],
    [['read', '/a', '--limit', '1.5']],
    [['read', '/a', '--limit', 'many']],
    [['read', '/a', '--after', 'x']],
    [['read', '/a', '--after', '99999999999999999999']],
    [['tail', '/a', '--after', 'soon']],
    [['tail', '/a', '--after', '99999999999999999999']],
    [['attach', '/a']],
    [['restart', '/a', 'event-counter', '--from', 'somewhere']],
    [['state', '/a', 'event-counter', '--offset', '-1']],
    [['state']],
    [['token']],
    [['token', 'revoke', '--project', 'demo']],
    [['token', 'revoke', 'tok_a', 'tok_b', '--project', 'demo']],
    [['token', 'revoke', `trb_${'x'.repeat(43)}`, '--project', 'demo']],
    [['token', 'list', 'extra', '--project', 'demo']],
    [['token', 'forget', 'tok_a', '--project', 'demo']],
    [['token', 'create', '--project', 'demo']],
    [['token', 'create', '--project', 'demo', '--role', 'owner']],
    [['token', 'create', 'extra', '--project', 'demo', '--role', 'editor']],
    [['project']],
    [['project', 'create']],
    [['project', 'create', 'invoices']],
    [['project', 'create', '--owner', 'a@example.com']],
    [['project', 'create', 'invoices', 'extra', '--owner', 'a@example.com']],
    [['project', 'list', 'extra']],
    [['project', 'forget', 'invoices']],
    [['user', 'create', '--project', 'demo', '--role', 'viewer']],
    [['user', 'create', 'a@example.com', '--project', 'demo']],
    [['user', 'create', 'a@example.com', 'extra', '--project', 'demo', '--role', 'viewer']],
  ])('%j', async (args) => {
    const done = await runCli(args, { env: { ...env, TRIBUTARY_DATA_DIR: '/dev/null/nowhere' } })
    expect([done.code, done.stdout]).toEqual([2, ''])
    expect(done.stderr).toContain('tributary <command>')
  })

  test.each([
    ['token', { TRIBUTARY_PROJECT: 'demo' }],
    ['project', { TRIBUTARY_TOKEN: 'x' }],
  ])('no %s', async (what, given) => {
    const done = await runCli(['read', '/a'], { env: given as unknown as Record<string, string> })
    expect([done.code, done.stderr]).toEqual([2, expect.stringContaining(`a ${what} is needed`)])
  })
})

test.each([[[]], [['help']], [['--help']], [['read', '--help']]])('%j prints the usage', async (args) => {
  const done = await runCli(args)
  expect([done.code, done.stderr]).toEqual([0, ''])
  expect(done.stdout).toContain('tributary <command>')
})

test.each(['ftp://x', 'localhost:3000', 'nonsense'])('the url %s is refused by name', async (url) => {
  const done = await runCli(['read', '/a', '--url', url], { env: { TRIBUTARY_TOKEN: 'x', TRIBUTARY_PROJECT: 'demo' } })
  expect([done.code, done.stderr]).toEqual([1, expect.stringMatching(/^BAD_REQUEST: .*http/m)])
})

describe('on a fresh data directory', () => {
  let dataDir: string
  beforeAll(() => (dataDir = join(temporaryDirectory(), 'data')))
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }))
  const local = (args: readonly string[], stdin = '') => runCli(args, { stdin, env: { TRIBUTARY_DATA_DIR: dataDir } })

  test('two that come first at once both succeed', async () => {
    const args = ['token', 'create', '--project', 'demo', '--role', 'editor']
    const both = await Promise.all([local(args), local(args), local(args)])
    expect(both.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(new Set(both.map(({ stdout }) => stdout)).size).toBe(3)
  })

  test('token create prints the token and nothing else', async () => {
    const done = await local(['token', 'create', '--project', 'demo', '--role', 'viewer', '--name', 'mine'])
    expect(done.code).toBe(0)
    expect(done.stdout).toMatch(/^trb_[A-Za-z0-9_-]{43}\n$/)
    expect(done.stderr).not.toContain(done.stdout.trim())
  })

  test('nobody else can read the databases', () => {
    expect(existsSync(join(dataDir, 'control.db'))).toBe(true)
    expect(statSync(join(dataDir, 'control.db')).mode & 0o077).toBe(0)
  })

  test.each([
    [['token', 'create', '--project', 'nosuch', '--role', 'editor'], '', /^NOT_FOUND: .*nosuch/m],
    [['user', 'create', 'a@example.com', '--project', 'nosuch', '--role', 'viewer'], PASSWORD, /^NOT_FOUND: .*nosuch/m],
    [['user', 'create', 'nonsense', '--project', 'demo', '--role', 'viewer'], PASSWORD, /^BAD_REQUEST: .*email/m],
    [
      ['user', 'create', 'a@example.com', '--project', 'demo', '--role', 'viewer'],
      'short',
      /^BAD_REQUEST: .*5 characters/m,
    ],
    [['user', 'create', 'a@example.com', '--project', 'demo', '--role', 'viewer'], '', /^BAD_REQUEST: .*password/m],
  ])('%j fails clearly', async (args, stdin, message) => {
    const done = await local(args, stdin)
    expect([done.code, done.stdout, done.stderr]).toEqual([1, '', expect.stringMatching(message)])
  })

  test('a user of a project that is not there is not made by half', async () => {
    const done = await local(['user', 'create', 'a@example.com', '--project', 'demo', '--role', 'viewer'], PASSWORD)
    expect(done.code).toBe(0)
    const again = await local(['user', 'create', 'A@example.com', '--project', 'demo', '--role', 'viewer'], PASSWORD)
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('CONFLICT')])
  })

  test('a setting that is wrong is named', async () => {
    const done = await runCli(['token', 'create', '--project', 'demo', '--role', 'editor'], {
      env: { TRIBUTARY_DATA_DIR: dataDir, PORT: 'x' },
    })
    expect([done.code, done.stderr]).toEqual([1, expect.stringContaining('PORT is "x"')])
  })

  test('a data directory that cannot be made is named', async () => {
    const done = await runCli(['token', 'create', '--project', 'demo', '--role', 'editor'], {
      env: { TRIBUTARY_DATA_DIR: '/dev/null/nowhere' },
    })
    expect([done.code, done.stdout, done.stderr]).toEqual([1, '', expect.stringContaining('/dev/null/nowhere')])
  })
})

describe('beside a running server', () => {
  let tributary: TestTributary
  beforeAll(async () => {
    tributary = await TestTributary.start()
  })
  afterAll(() => tributary.stop())
  const local = (args: readonly string[], stdin = '') =>
    runCli(args, { stdin, env: { TRIBUTARY_DATA_DIR: tributary.dataDir } })

  test('a token that was just made works at once', async () => {
    const token = (await local(['token', 'create', '--project', 'demo', '--role', 'editor'])).stdout.trim()
    const answer = await tributary.raw('/api/streams/demo/new', {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
    })
    expect(answer.status).toBe(201)
  })

  test('tokens are listed without their secrets, and one that was revoked is refused within 5 seconds', async () => {
    tributary.project('listed')
    const create = async (name: string) =>
      (await local(['token', 'create', '--project', 'listed', '--role', 'editor', '--name', name])).stdout.trim()
    const [kept, revoked] = [await create('kept'), await create('revoked')]
    const use = async (token: string) =>
      (await tributary.raw('/api/streams/listed', { headers: { authorization: `Bearer ${token}` } })).status
    expect([await use(kept), await use(revoked)]).toEqual([200, 200])

    const listed = await local(['token', 'list', '--project', 'listed'])
    const found = listed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    const fields = { id: expect.stringMatching(/^tok_/), role: 'editor', createdBy: null, createdAt: time }
    expect([listed.code, found]).toEqual([
      0,
      [
        { ...fields, name: 'revoked', expiresAt: null, lastUsedAt: null },
        { ...fields, name: 'kept', expiresAt: null, lastUsedAt: null },
      ],
    ])
    for (const token of [kept, revoked]) expect(listed.stdout).not.toContain(token.slice(4, 20))

    const id = String(found[0]?.['id'])
    // Of another project it is not there.
    const foreign = await local(['token', 'revoke', id, '--project', 'demo'])
    expect([foreign.code, foreign.stderr]).toEqual([1, expect.stringMatching(/^NOT_FOUND: project demo has no token/m)])
    const done = await local(['token', 'revoke', id, '--project', 'listed'])
    expect([done.code, done.stdout]).toEqual([0, ''])
    await eventually(async () => (await use(revoked)) === 401)
    expect(await use(kept)).toBe(200)
    expect((await local(['token', 'revoke', id, '--project', 'listed'])).code).toBe(1)

    // Both acts are on the record, as the operator's.
    const audit = async () => {
      const { events } = await tributary.instance.engine
        .project(SYSTEM_PROJECT_ID)
        .read(parsePath(AUDIT_PATH), { after: 0, limit: 1000 })
      return events.filter(({ payload }) => payload?.includes(id)).map(({ type, payload }) => [type, payload])
    }
    await eventually(async () => (await audit()).length === 2)
    expect(await audit()).toEqual([
      ['token/created', expect.stringContaining('"by":{"kind":"operator"}')],
      ['token/revoked', expect.stringContaining('"by":{"kind":"operator"}')],
    ])
  })

  test.each(['', '\n', '\r\n'])(
    'a user that was just made can sign in (password ended by %j), with the role given',
    async (end) => {
      const email = `user-${end.length}@example.com`
      const made = await local(['user', 'create', email, '--project', 'demo', '--role', 'viewer'], PASSWORD + end)
      expect([made.code, JSON.parse(made.stdout)]).toEqual([
        0,
        { id: expect.any(String), email, project: 'demo', role: 'viewer' },
      ])
      expect(made.stderr).not.toContain(PASSWORD)
      const cookie = await tributary.signIn({ id: '', email, password: PASSWORD })
      const { root, socket } = tributary.dial({ cookie, origin: tributary.origin })
      expect(await root.projects.get('demo').project()).toMatchObject({ role: 'viewer' })
      socket.close()
    },
  )

  test('a password keeps its blanks', async () => {
    const password = ' spaces at both ends '
    await local(['user', 'create', 'blanks@example.com', '--project', 'demo', '--role', 'viewer'], `${password}\n`)
    expect(await tributary.signIn({ id: '', email: 'blanks@example.com', password })).toContain('session_token')
  })
})
