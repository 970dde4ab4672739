import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AUDIT_PATH, OPERATOR, SYSTEM_PROJECT_ID } from '../control-plane/audit.ts'
import { waitingAudit } from '../control-plane/audit-outbox.ts'
import { deleteProject } from '../control-plane/project-deletion.ts'
import { addProjectMember, createProject, renameProject } from '../control-plane/projects.ts'
import { auditOutbox } from '../control-plane/schema.ts'
import { createToken, revokeToken } from '../control-plane/tokens.ts'
import { ItxError } from '../streams/errors.ts'
import { type StreamEvent, decodeEvent } from '../streams/event.ts'
import { parsePath } from '../streams/path.ts'
import { PASSWORD, TestTributary, eventually, runCli } from './testing.ts'

// What was done, and what was refused, is in the audit stream: once, whoever did it, whatever broke in between, and
// without anything in it that would help a reader to do it again.

let tributary: TestTributary
beforeEach(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => tributary.stop())

/** All that the audit stream holds, read as the server reads any stream. */
async function audit(): Promise<StreamEvent[]> {
  const system = tributary.instance.engine.project(SYSTEM_PROJECT_ID)
  const found: StreamEvent[] = []
  for (let after = 0; ;) {
    const { events } = await system.read(parsePath(AUDIT_PATH), { after, limit: 1000 })
    if (events.length === 0) return found.filter(({ type }) => !type.startsWith('stream/'))
    found.push(...events.map(decodeEvent))
    after = events.at(-1)?.offset ?? after
  }
}

const payloads = async (type: string) =>
  (await audit()).filter((event) => event.type === type).map((event) => event.payload as Record<string, unknown>)

/** The payloads of a type, once there are as many. */
const told = (type: string, count = 1) =>
  eventually(async () => {
    const found = await payloads(type)
    return found.length >= count ? found : undefined
  })

const at = expect.any(Number)
const address = '127.0.0.1'

function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const sent = { 'content-type': 'application/json', origin: tributary.origin, ...headers }
  return tributary.raw(`/api/auth${path}`, { method: 'POST', headers: sent, body: JSON.stringify(body) })
}

describe('what happens at sign-in', () => {
  test('signing in, failing to, changing something and signing out are told with whom and where from', async () => {
    const ann = await tributary.user('ann@example.test')
    await post('/sign-in/email', { email: 'Ann@Example.test', password: 'a wrong password' })
    await post('/sign-in/email', { email: 'nobody@example.test', password: 'a wrong password' })
    await post('/sign-in/email', { email: 'x'.repeat(5000), password: 'a wrong password' })
    await post('/sign-in/email', { email: 7 })
    const cookie = await tributary.signIn(ann)
    expect((await post('/update-user', { name: 'Ann B' }, { cookie })).status).toBe(200)
    expect((await post('/organization/create', { name: 'Mine', slug: 'mine' }, { cookie })).status).toBe(403)
    expect((await post('/sign-out', {}, { cookie })).status).toBe(200)
    // Signed out already: nothing happens a second time.
    await post('/sign-out', {}, { cookie })

    expect(await told('auth/sign-in-failed', 4)).toEqual([
      { at, email: 'Ann@Example.test', address },
      { at, email: 'nobody@example.test', address },
      { at, email: 'x'.repeat(254), address },
      { at, email: null, address },
    ])
    expect(await told('auth/signed-in')).toEqual([{ at, userId: ann.id, email: ann.email, address }])
    expect(await told('auth/changed')).toEqual([{ at, userId: ann.id, path: '/update-user', address }])
    const by = { kind: 'user', id: ann.id }
    expect(await told('access/denied')).toEqual([
      { at, reason: 'role', by, door: 'auth', address, operation: '/organization/create' },
    ])
    expect(await told('auth/signed-out')).toEqual([{ at, userId: ann.id, address }])
  })

  test('too many attempts, and a page of another site, which the sign-in library refuses before it looks', async () => {
    await tributary.stop()
    tributary = await TestTributary.start({ TRIBUTARY_LOGINS_PER_MINUTE: '1' })
    const attempt = (headers = {}) => post('/sign-in/email', { email: 'a@example.test', password: PASSWORD }, headers)
    expect((await attempt({ origin: 'https://evil.example' })).status).toBe(403)
    expect((await attempt()).status).toBe(429)
    expect(await told('auth/rate-limited')).toEqual([{ at, path: '/api/auth/sign-in/email', address }])
    expect(await told('access/denied')).toEqual([
      { at, reason: 'origin', by: null, door: 'auth', address, origin: 'https://evil.example' },
    ])
    expect(await payloads('auth/sign-in-failed')).toEqual([])
  })

  test('nothing in it is a secret: no password, no cookie, no token', async () => {
    const ann = await tributary.user('ann@example.test', { demo: 'admin' })
    const cookie = await tributary.signIn(ann)
    const token = tributary.token('editor')
    await post('/sign-in/email', { email: ann.email, password: 'a wrong password' })
    const bad = `trb_${'y'.repeat(43)}`
    await tributary.raw('/api/streams/demo', { headers: { authorization: `Bearer ${bad}` } })
    await post('/change-password', { currentPassword: PASSWORD, newPassword: 'another password 9' }, { cookie })
    await post('/sign-out', {}, { cookie })
    await told('auth/changed')
    await told('auth/sign-in-failed')
    await told('access/denied')
    await told('token/created')
    const everything = JSON.stringify(await audit())
    const [, session = 'no session'] = /=([^.]+)/.exec(decodeURIComponent(cookie)) ?? []
    for (const secret of [PASSWORD, 'a wrong password', 'another password 9', token, bad, session]) {
      expect(everything).not.toContain(secret)
    }
    for (const part of [token.slice(4, 30), bad.slice(4, 30)]) expect(everything).not.toContain(part)
  })
})

describe('administrative acts', () => {
  test('each is told once, with who did it, in the order in which they were committed', async () => {
    const { control } = tributary.instance
    const ann = await tributary.user('ann@example.test')
    const by = { kind: 'user', id: ann.id } as const
    const [demo] = await told('project/created')
    const organizationId = String(demo?.['organizationId'])
    const made = { slug: 'app', name: 'App', organizationId, createdBy: ann.id }
    const { id: projectId } = createProject(control, made)
    renameProject(control, { projectId, slug: 'app-2', by })
    renameProject(control, { projectId, slug: 'app-2', name: 'App', by })
    addProjectMember(control, { projectId, userId: ann.id, role: 'viewer', by })
    const { id: tokenId } = createToken(control, { projectId, role: 'editor', name: 'ci', createdBy: ann.id })
    revokeToken(control, { projectId, tokenId, by })
    revokeToken(control, { projectId, tokenId, by })
    deleteProject(control, { projectId, by })

    await told('project/deleted')
    const about = (await audit()).filter(({ payload }) => (payload as { projectId?: string }).projectId === projectId)
    const token = { projectId, tokenId, name: 'ci', role: 'editor', by }
    expect(about.map(({ type, payload }) => [type, payload])).toEqual([
      ['project/created', { at, projectId, slug: 'app', name: 'App', organizationId, by }],
      ['project/member-added', { at, projectId, userId: ann.id, role: 'admin', by }],
      [
        'project/renamed',
        { at, projectId, from: { slug: 'app', name: 'App' }, to: { slug: 'app-2', name: 'App' }, by },
      ],
      ['project/member-added', { at, projectId, userId: ann.id, role: 'viewer', by }],
      ['token/created', { at, ...token, expiresAt: null }],
      ['token/revoked', { at, ...token }],
      ['project/deleted', { at, projectId, slug: 'app-2', name: 'App', by }],
    ])
    expect(waitingAudit(control, 1)).toEqual([])
  })

  test('an act that fails leaves nothing', async () => {
    const { control } = tributary.instance
    const other = tributary.project('other')
    await told('project/created', 2)
    expect(() => renameProject(control, { projectId: other, slug: 'demo', by: OPERATOR })).toThrow(/exists/)
    expect(waitingAudit(control, 1)).toEqual([])
  })

  test('setup through the link is told, with the admin it made', async () => {
    const token = tributary.instance.setup.path().replace('/setup/', '')
    const body = JSON.stringify({ token, name: 'Root', email: 'root@example.test', password: PASSWORD })
    const headers = { 'content-type': 'application/json' }
    expect((await tributary.raw('/api/setup', { method: 'POST', headers, body })).status).toBe(201)
    const [done] = await told('setup/completed')
    const [made] = await payloads('user/created')
    expect(done).toEqual({ at, userId: made?.['userId'], email: 'root@example.test', by: OPERATOR })
    expect(made).toMatchObject({ email: 'root@example.test', instanceAdmin: true, by: OPERATOR })
    // The link is spent: the next try is refused, and told.
    expect((await tributary.raw('/api/setup', { method: 'POST', headers, body })).status).toBe(403)
    expect(await told('access/denied')).toEqual([{ at, reason: 'setup', by: null, door: 'setup', address }])
    expect(JSON.stringify(await audit())).not.toContain(token)
  })

  test('what the command line does beside a running server is in the stream a moment later', async () => {
    const env = { TRIBUTARY_DATA_DIR: tributary.dataDir }
    const { code } = await runCli(['token', 'create', '--project', 'demo', '--role', 'viewer', '--name', 'ci'], { env })
    expect(code).toBe(0)
    expect(await told('token/created')).toEqual([expect.objectContaining({ name: 'ci', by: OPERATOR })])
    await eventually(() => waitingAudit(tributary.instance.control, 1).length === 0)
  })

  test('what was done while no server ran is told at the next start, with the time it was done', async () => {
    await told('project/created')
    const env = { TRIBUTARY_DATA_DIR: tributary.dataDir }
    await tributary.pause()
    const before = Date.now()
    await runCli(['token', 'create', '--project', 'demo', '--role', 'viewer'], { env })
    const after = Date.now()
    await tributary.resume()
    const [made] = await told('token/created')
    expect(made?.['at']).toBeGreaterThanOrEqual(before)
    expect(made?.['at']).toBeLessThanOrEqual(after)
  })

  test('a crash between writing and forgetting tells nothing twice', async () => {
    const { control } = tributary.instance
    createToken(control, { projectId: tributary.projectId('demo'), role: 'viewer' })
    const rows = control.db.select().from(auditOutbox).all()
    expect(rows.map(({ type }) => type)).toContain('token/created')
    await told('token/created')
    await eventually(() => waitingAudit(control, 1).length === 0)
    await tributary.pause()
    // As a crash would have left it: in the stream, and still in the outbox.
    await tributary.resume()
    tributary.instance.control.db.insert(auditOutbox).values(rows).run()
    await eventually(() => waitingAudit(tributary.instance.control, 1).length === 0)
    expect(await payloads('token/created')).toHaveLength(1)
  })
})

describe('what nobody waits for', () => {
  test('a flood of bad tokens leaves a bounded number of events, and the number of those left out', async () => {
    const flood = 10_000
    const url = `${tributary.url}/api/streams/demo`
    const headers = { authorization: `Bearer trb_${'x'.repeat(43)}` }
    for (let sent = 0; sent < flood; sent += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => fetch(url, { headers })))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
      await Promise.all(answers.map((answer) => answer.arrayBuffer()))
    }
    await tributary.pause()
    await tributary.resume()
    const denied = await payloads('access/denied')
    const left = await payloads('audit/suppressed')
    const suppressed = left.reduce((sum, { count }) => sum + Number(count), 0)
    expect(denied.length + suppressed).toBe(flood)
    // A minute may pass in between, on a slow machine two.
    expect(denied.length).toBeLessThanOrEqual(90)
    expect(left.length).toBeLessThanOrEqual(3)
    expect(left[0]).toMatchObject({ type: 'access/denied', most: [{ source: address }] })
  })

  test('what was recorded just before the end is written', async () => {
    const { audit: port } = tributary.instance
    for (let n = 0; n < 500; n++) {
      port.record({ type: 'auth/signed-in', payload: { userId: `usr_${n}`, email: 'e', address: null } })
    }
    await tributary.pause()
    await tributary.resume()
    expect((await payloads('auth/signed-in')).map(({ userId }) => userId)).toEqual(
      Array.from({ length: 500 }, (_, n) => `usr_${n}`),
    )
  })

  test('while the disk takes nothing the server goes on; afterwards it is all there, once', async () => {
    await told('project/created')
    const { engine, audit: port } = tributary.instance
    const real = engine.project.bind(engine)
    const full = vi.spyOn(engine, 'project').mockImplementation((id) => {
      if (id === SYSTEM_PROJECT_ID) throw new ItxError('UNAVAILABLE', 'the disk is full', { reason: 'disk-full' })
      return real(id)
    })
    const ann = await tributary.user('ann@example.test')
    await tributary.signIn(ann)
    for (let n = 0; n < 3000; n++) {
      port.record({ type: 'admin/project-opened', payload: { projectId: `prj_${n}`, by: OPERATOR } })
    }
    expect((await tributary.door('editor').put('/a', '[1]')).status).toBe(201)
    await eventually(() => tributary.logged.length > 0)
    full.mockRestore()
    expect(await told('auth/signed-in')).toHaveLength(1)
    expect(await told('user/created')).toHaveLength(1)
    await tributary.pause()
    await tributary.resume()
    // A thousand wait in memory; of the others the number is told.
    const kept = (await payloads('admin/project-opened')).length
    const [left] = await payloads('audit/suppressed')
    expect([kept + Number(left?.['count']), left?.['type']]).toEqual([3000, 'admin/project-opened'])
    expect(kept).toBeGreaterThan(900)
    // Said once, not every second.
    expect(JSON.stringify(tributary.logged).split('the audit cannot be written').length - 1).toBe(1)
  })

  test('text of strangers is cut, and an event that cannot be written is lost without a word to its caller', async () => {
    const { audit: port } = tributary.instance
    const by = null
    port.record({ type: 'access/denied', payload: { reason: 'project', by, project: 'x'.repeat(100_000) } })
    port.record({ type: 'access/denied', payload: { reason: 'project', by, project: 10n as never } })
    expect(await told('access/denied')).toEqual([{ at, reason: 'project', by, project: 'x'.repeat(500) }])
    expect(tributary.logged).toHaveLength(1)
  })
})

test('small limits of the operator do not stop it: what fits is told, what does not is lost with a word in the log', async () => {
  await tributary.stop()
  tributary = await TestTributary.start({
    TRIBUTARY_MAX_BATCH_EVENTS: '3',
    TRIBUTARY_MAX_EVENT_BYTES: '1024',
    TRIBUTARY_MAX_BATCH_BYTES: '1024',
  })
  const { audit: port } = tributary.instance
  const email = '語'.repeat(500)
  for (let n = 0; n < 50; n++) {
    const userId = `usr_${n}`
    port.record({ type: 'auth/signed-in', payload: { userId, email: n === 20 ? email : 'e', address } })
  }
  const found = await told('auth/signed-in', 49)
  const expected = Array.from({ length: 50 }, (_, n) => `usr_${n}`).filter((id) => id !== 'usr_20')
  expect(found.map(({ userId }) => userId)).toEqual(expected)
  expect(await told('project/created')).toHaveLength(1)
  expect(tributary.logged).toEqual([['an audit event of the type auth/signed-in was lost', expect.anything()]])
})

test('no name leads to the system project, for anybody, at any door', async () => {
  await told('project/created')
  const root = await tributary.user('root@example.test', { demo: 'admin' })
  const cookie = await tributary.signIn(root)
  const token = tributary.token('admin')
  for (const name of [SYSTEM_PROJECT_ID, 'system', '../prj_system', 'prj_system/']) {
    for (const headers of [{ cookie }, { authorization: `Bearer ${token}` }] as Record<string, string>[]) {
      for (const path of ['', '/audit', '/']) {
        const { status, text } = await tributary.raw(`/api/streams/${name}${path}`, { headers })
        expect([400, 404], `${name}${path}: ${text}`).toContain(status)
        expect(text).not.toContain('project/created')
      }
    }
  }
})
