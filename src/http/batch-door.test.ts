import { newHttpBatchRpcSession } from 'capnweb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ItxApi } from '../itx/handle.ts'
import { TestTributary } from '../server/testing.ts'
import { itxErrorCode, itxErrorDetails } from '../streams/errors.ts'

let tributary: TestTributary
let token: string
beforeAll(async () => {
  tributary = await TestTributary.start({ TRIBUTARY_OPEN_HANDLES: '100' })
  token = tributary.token('editor')
})
afterAll(() => tributary.stop())

const json = { 'content-type': 'application/json' }

/** A batch as Cap'n Web's own client makes it: calls of one turn travel together, and it is over then. */
function batch(authorization = `Bearer ${token}`): ItxApi {
  const request = new Request(`${tributary.url}/api/itx`, { headers: { ...json, authorization } })
  return newHttpBatchRpcSession(request) as unknown as ItxApi
}

const post = (body: string, headers: Record<string, string> = { ...json, authorization: `Bearer ${token}` }) =>
  tributary.raw('/api/itx', { method: 'POST', headers, body })

const WHOAMI = '["push",["pipeline",0,["whoami"],[]]]\n["pull",1]'

describe('a batch', () => {
  test('of calls that build on one another is one request', async () => {
    const itx = batch()
    const stream = itx.projects.get('demo').streams.get('/by-batch')
    const [who, receipts, state] = await Promise.all([itx.whoami(), stream.append([{ type: 'a' }]), stream.state()])
    expect(who).toMatchObject({ kind: 'token', role: 'editor' })
    expect(receipts).toMatchObject([{ duplicate: false }])
    // Calls begin in their order; an answer of before the commit would be an answer of then.
    expect(state).toMatchObject({ path: '/by-batch' })
    expect(await batch().projects.get('demo').streams.get('/by-batch').state()).toMatchObject({ exists: true })
  })

  test('answers errors with the same code and details as the socket does', async () => {
    const failures = [
      () => batch().projects.get('nothing').project(),
      () => batch().projects.get('demo').streams.get('//'),
      () => batch().projects.get('demo').streams.get('/a').reset(),
      () => batch().projects.get('demo').streams.get('/a').append([]),
      () => (batch() as unknown as { nonsense(): Promise<void> }).nonsense(),
    ]
    const { root, socket } = tributary.dial({ authorization: `Bearer ${token}` })
    const overSocket = [
      () => root.projects.get('nothing').project(),
      () => root.projects.get('demo').streams.get('//'),
      () => root.projects.get('demo').streams.get('/a').reset(),
      () => root.projects.get('demo').streams.get('/a').append([]),
      () => (root as unknown as { nonsense(): Promise<void> }).nonsense(),
    ]
    const told = async (call: () => PromiseLike<unknown>) => {
      try {
        return await call()
      } catch (error) {
        return [itxErrorCode(error), (error as Error).message, itxErrorDetails(error)]
      }
    }
    for (const [i, call] of failures.entries()) {
      const answer = await told(call)
      expect(answer).toEqual(await told(overSocket[i] ?? call))
      expect(Array.isArray(answer)).toBe(true)
    }
    socket.terminate()
  })

  test('by session must come from this site', async () => {
    const cookie = await tributary.signIn(await tributary.user('ada@example.com', { demo: 'viewer' }))
    expect((await post(WHOAMI, { ...json, cookie, origin: tributary.origin })).text).toContain('ada@example.com')
    for (const origin of [{}, { origin: 'http://evil.example' }]) {
      const { status, json: body } = await post(WHOAMI, { ...json, cookie, ...origin })
      expect([status, body]).toMatchObject([403, { code: 'FORBIDDEN', details: { reason: 'origin' } }])
    }
  })

  test.each([
    ['without a credential', json],
    ['with a bad one', { ...json, authorization: 'Bearer nonsense' }],
  ])('%s is 401 before a frame is read', async (_what, headers) => {
    expect(await post('nonsense', headers)).toMatchObject({ status: 401, json: { code: 'UNAUTHENTICATED' } })
  })

  test('of another content type is refused, as is another method', async () => {
    const authorization = `Bearer ${token}`
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect(await post(WHOAMI, { authorization, 'content-type': type })).toMatchObject({
        status: 400,
        json: { code: 'BAD_REQUEST', details: { field: 'content-type' } },
      })
    }
    for (const method of ['GET', 'PUT', 'DELETE']) {
      expect((await tributary.raw('/api/itx', { method, headers: { authorization } })).status).toBe(405)
    }
  })

  test('cannot be called back', async () => {
    const { status, json: body } = await post(
      '["push",["pipeline",0,["projects","get"],["demo"]]]\n["push",["pipeline",1,["streams","get"],["/a"]]]\n' +
        '["push",["pipeline",2,["subscribe"],[{},["export",-1]]]]\n["pull",3]',
    )
    expect([status, body]).toMatchObject([400, { code: 'BAD_REQUEST', details: { reason: 'frame' } }])
  })

  test('that leaves too much open, or breaks the protocol, is answered with a code and a status', async () => {
    const many = Array.from({ length: 300 }, () => '["push",["pipeline",0,["ping"],[]]]').join('\n')
    expect(await post(many)).toMatchObject({ status: 429, json: { code: 'RATE_LIMITED', details: { reason: 'open' } } })
    for (const body of [
      'x',
      '{}',
      '["pull",9]',
      `${WHOAMI}\n["push",["promise",1]]`,
      '["abort",["error","Error","x"]]',
    ]) {
      expect((await post(body)).status).toBeGreaterThanOrEqual(400)
    }
    expect((await post('')).text).toBe('')
  })

  test('leaves nothing open behind it', async () => {
    const { engine } = tributary.instance
    await batch().projects.get('demo').streams.get('/by-batch').state()
    expect(engine.project(tributary.projectId('demo')).idle).toBe(true)
  })
})
