import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { SYSTEM_PROJECT_ID, AUDIT_PATH } from '../control-plane/audit.ts'
import { getServerItx } from '../itx/server-handle.ts'
import { decodeEvent } from '../streams/event.ts'
import { parsePath } from '../streams/path.ts'
import { type Dialled, TestTributary, eventually } from './testing.ts'

// Promise: every denial is in the audit, through whichever door it was, with who was refused as far as that is known.

const BAD = `trb_${'x'.repeat(43)}`
const EVIL = 'http://evil.example'
const at = expect.any(Number)
const address = '127.0.0.1'

let tributary: TestTributary
let cookie: string
let userId: string
let seen = 0
const dialled: Dialled[] = []

beforeAll(async () => {
  tributary = await TestTributary.start()
  tributary.project('secret')
  const ann = await tributary.user('ann@example.test', { demo: 'viewer' })
  userId = ann.id
  cookie = await tributary.signIn(ann)
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

/** The denials since the last time that this was asked, once there are as many as are meant to come. */
async function denials(count = 1): Promise<unknown[]> {
  const system = tributary.instance.engine.project(SYSTEM_PROJECT_ID)
  const found = await eventually(async () => {
    const { events } = await system.read(parsePath(AUDIT_PATH), { limit: 1000, types: ['access/denied'] })
    return events.length >= seen + count ? events.slice(seen) : undefined
  })
  seen += found.length
  return found.map((event) => decodeEvent(event).payload)
}

const refused = (call: PromiseLike<unknown>) =>
  Promise.resolve(call).then(
    () => 'answered',
    (error: { code?: string }) => error.code,
  )

describe('before anybody is known', () => {
  test('at the socket: a page of another site, a bad token, a cookie that no page sent, a bad token in-band', async () => {
    const token = tributary.token('admin')
    expect(await dial({ cookie, origin: EVIL }).opened).toEqual({ status: 403 })
    expect(await denials()).toEqual([{ at, reason: 'origin', by: null, door: 'socket', address, origin: EVIL }])
    expect(await dial({ authorization: `Bearer ${token}`, origin: 'null' }).opened).toEqual({ status: 403 })
    expect(await denials()).toEqual([{ at, reason: 'origin', by: null, door: 'socket', address, origin: 'null' }])
    expect(await dial({ authorization: `Bearer ${BAD}` }).opened).toEqual({ status: 401 })
    expect(await denials()).toEqual([{ at, reason: 'credential', by: null, door: 'socket', address }])
    expect(await dial({ cookie }).opened).toEqual({ status: 403 })
    expect(await denials()).toEqual([{ at, reason: 'origin', by: null, door: 'socket', address }])
    // A browser whose session has ended, or never was: it is let in to be told so.
    const forged = `${cookie.slice(0, cookie.indexOf('=') + 1)}forged.session`
    expect(await dial({ cookie: forged, origin: tributary.origin }).ended).toMatchObject({ code: 4401 })
    expect(await denials()).toEqual([{ at, reason: 'credential', by: null, door: 'socket', address }])
    expect(await refused(dial({}).root.authenticate(BAD).whoami())).toBe('FORBIDDEN')
    expect(await denials()).toEqual([{ at, reason: 'credential', by: null, door: 'socket', address }])
  })

  test.each([
    ['http', 'PUT', '/api/streams/demo/a'],
    ['batch', 'POST', '/api/itx'],
    ['http', 'POST', '/api/read-tokens'],
  ])('at the door %s: %s %s with a bad token, and with a session from another site or none', async (...asked) => {
    const [door, method, target] = asked
    const send = (headers: Record<string, string>) =>
      tributary.raw(target, { method, headers: { 'content-type': 'application/json', ...headers }, body: '{}' })
    expect((await send({ authorization: `Bearer ${BAD}` })).status).toBe(401)
    expect(await denials()).toEqual([{ at, reason: 'credential', by: null, door, address }])
    expect((await send({ cookie, origin: EVIL })).status).toBe(403)
    expect(await denials()).toEqual([{ at, reason: 'origin', by: null, door, address, origin: EVIL }])
    expect((await send({ cookie })).status).toBe(403)
    expect(await denials()).toEqual([{ at, reason: 'origin', by: null, door, address }])
  })
})

describe('of somebody who is known', () => {
  const doors: Record<string, (project: string) => Promise<unknown>> = {
    'the socket': (project) => refused(dial({ cookie, origin: tributary.origin }).root.projects.get(project).project()),
    HTTP: async (project) => (await tributary.raw(`/api/streams/${project}/a`, { headers: { cookie } })).status,
    'a render': (project) => refused(getServerItx(project, new Request(tributary.url, { headers: { cookie } }))),
  }
  test.each(Object.entries(doors))('a project that is not theirs, or not there, at %s', async (_door, ask) => {
    for (const project of ['secret', 'nosuch']) {
      expect(['NOT_FOUND', 404]).toContain(await ask(project))
      expect(await denials()).toEqual([{ at, reason: 'project', by: { kind: 'user', id: userId }, project }])
    }
  })

  test('a role that is too small, with the operation', async () => {
    const project = tributary.projectId('demo')
    const by = { kind: 'user', id: userId }
    const stream = dial({ cookie, origin: tributary.origin }).streams().get('/a')
    expect(await refused(stream.append([{ type: 'x' }]))).toBe('FORBIDDEN')
    expect(await denials()).toEqual([{ at, reason: 'role', by, project, operation: 'append' }])
    const put = { method: 'PUT', headers: { cookie, origin: tributary.origin } }
    expect((await tributary.raw('/api/streams/demo/a', put)).status).toBe(403)
    expect(await denials()).toEqual([{ at, reason: 'role', by, project, operation: 'create' }])
    const body = JSON.stringify({ project: 'demo', path: '/' })
    const headers = { ...put.headers, 'content-type': 'application/json' }
    expect((await tributary.raw('/api/read-tokens', { method: 'POST', headers, body })).status).toBe(403)
    expect(await denials()).toEqual([{ at, reason: 'role', by, project, operation: 'createReadToken' }])
  })

  test('a path that a read token does not reach', async () => {
    const { root } = dial({ authorization: `Bearer ${tributary.token('editor')}` })
    const { id, token } = await root.projects.get('demo').createReadToken({ path: '/shown' })
    const headers = { authorization: `Bearer ${token}` }
    expect((await tributary.raw('/api/streams/demo/hidden', { headers })).status).toBe(403)
    const project = tributary.projectId('demo')
    expect(await denials()).toMatchObject([{ at, reason: 'scope', by: { kind: 'token', id }, project }])
  })
})
