import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ReadTokens } from '../control-plane/read-tokens.ts'
import type { Role } from '../control-plane/roles.ts'
import { TestTributary, failureOf } from '../server/testing.ts'

// The main use: showing an agent's stream to its user. An editor's program mints a token, the user's browser reads with
// it, from a page of another site.

const SITE = 'https://app.example.com'

let tributary: TestTributary
beforeAll(async () => {
  tributary = await TestTributary.start({ TRIBUTARY_CORS_ORIGINS: `${SITE}, https://other.example.com` })
  tributary.project('secret')
  const streams = tributary.itx('editor')
  for (const path of ['/agents/a1', '/agents/a1/runs/7', '/agents/a12', '/agents/a2']) {
    await streams
      .streams()
      .get(path)
      .append([{ type: 'step', payload: JSON.stringify({ path }) as never }])
  }
  streams.socket.terminate()
})
afterAll(() => tributary.stop())

const json = { 'content-type': 'application/json' }

function mint(body: unknown, role: Role = 'editor') {
  return tributary.raw('/api/read-tokens', {
    method: 'POST',
    headers: { ...json, authorization: `Bearer ${tributary.token(role)}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function readToken(path = '/agents/a1', seconds = 60): Promise<string> {
  const { status, json: minted } = await mint({ project: 'demo', path, seconds })
  expect(status).toBe(201)
  return (minted as { token: string }).token
}

const get = (token: string, path: string, headers: Record<string, string> = {}) =>
  tributary.raw(`/api/streams/demo${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } })

describe('a read token', () => {
  test('is minted over HTTP and by the handle, for ten minutes unless told otherwise', async () => {
    const { status, json: minted } = await mint({ project: 'demo', path: '/agents/a1/' })
    expect(status).toBe(201)
    expect(minted).toEqual({
      id: expect.stringMatching(/^rtk_/),
      token: expect.stringMatching(/^trr_/),
      path: '/agents/a1',
      expiresAt: expect.any(Number),
    })
    const left = (minted as { expiresAt: number }).expiresAt - Date.now()
    expect(left).toBeGreaterThan(590_000)
    expect(left).toBeLessThanOrEqual(600_000)
    const { root, socket } = tributary.itx('editor')
    expect(await root.projects.get('demo').createReadToken({ path: '/', seconds: 86_400 })).toMatchObject({ path: '/' })
    socket.terminate()
  })

  test.each<readonly [what: string, body: unknown, role: Role, status: number, details: object]>([
    ['by a viewer', { project: 'demo', path: '/' }, 'viewer', 403, { reason: 'role', needed: 'editor' }],
    ['for another project', { project: 'secret', path: '/' }, 'editor', 404, { project: 'secret' }],
    ['for a project that is not there', { project: 'nothing', path: '/' }, 'editor', 404, { project: 'nothing' }],
    ['for no project', { path: '/' }, 'editor', 400, { field: 'project' }],
    ['for a bad path', { project: 'demo', path: 'a' }, 'editor', 400, {}],
    ['for no path', { project: 'demo' }, 'editor', 400, { field: 'path' }],
    ['for more than a day', { project: 'demo', path: '/', seconds: 86_401 }, 'editor', 400, { field: 'seconds' }],
    ['for no time', { project: 'demo', path: '/', seconds: 0 }, 'editor', 400, { field: 'seconds' }],
    ['for half a second', { project: 'demo', path: '/', seconds: 0.5 }, 'editor', 400, { field: 'seconds' }],
    ['with more than that', { project: 'demo', path: '/', role: 'admin' }, 'editor', 400, {}],
    ['by no JSON', '{', 'editor', 400, { field: 'body' }],
    ['by an array', '[]', 'editor', 400, { field: 'body' }],
  ])('is not minted %s', async (_what, body, role, status, details) => {
    expect(await mint(body, role)).toMatchObject({ status, json: { details } })
  })

  test('reads its path and what is below it, and nothing else, whether it is there or not', async () => {
    const token = await readToken()
    expect(await get(token, '/agents/a1')).toMatchObject({ status: 200, json: [{ payload: { path: '/agents/a1' } }] })
    expect(await get(token, '/agents/a1/runs/7')).toMatchObject({ status: 200 })
    expect((await get(token, '/agents/a1/runs/8')).status).toBe(404)
    const refused = await Promise.all(
      ['/agents/a2', '/agents/a12', '/agents/nothing', '/agents', '/', '/agents/a1/../a2'].map((path) =>
        get(token, path),
      ),
    )
    for (const { status, json: body } of refused) {
      expect([status, body]).toMatchObject([
        403,
        { code: 'FORBIDDEN', details: { reason: 'path', scope: '/agents/a1' } },
      ])
    }
    const list = await get(token, '')
    expect((list.json as { streams: { path: string }[] }).streams.map(({ path }) => path)).toEqual([
      '/agents/a1',
      '/agents/a1/runs',
      '/agents/a1/runs/7',
    ])
    expect((await get(token, '?prefix=/agents')).status).toBe(403)
    expect(
      (await tributary.raw('/api/streams/secret/a', { headers: { authorization: `Bearer ${token}` } })).status,
    ).toBe(404)
  })

  test('writes nothing', async () => {
    const token = await readToken()
    for (const method of ['PUT', 'POST']) {
      const answer = await tributary.raw('/api/streams/demo/agents/a1', {
        method,
        headers: { ...json, authorization: `Bearer ${token}` },
        body: '[{"a":1}]',
      })
      expect(answer).toMatchObject({ status: 403, json: { code: 'FORBIDDEN', details: { reason: 'role' } } })
    }
    const another = await tributary.raw('/api/read-tokens', {
      method: 'POST',
      headers: { ...json, authorization: `Bearer ${token}` },
      body: JSON.stringify({ project: 'demo', path: '/agents/a1' }),
    })
    expect(another).toMatchObject({ status: 403 })
  })

  test('opens the socket of a program, with the same bounds, and closes it at its end', async () => {
    const { root, ended } = tributary.dial({ authorization: `Bearer ${await readToken('/agents/a1', 2)}` })
    expect(await root.whoami()).toMatchObject({ kind: 'token', role: 'viewer', path: '/agents/a1' })
    const project = root.projects.get('demo')
    expect((await project.streams.get('/agents/a1').read()).events.length).toBeGreaterThan(0)
    expect((await project.streams.list()).streams[0]?.path).toBe('/agents/a1')
    expect(await failureOf(project.streams.get('/agents/a2').state())).toEqual(['FORBIDDEN', 'path'])
    expect(await failureOf(project.streams.list({ prefix: '/' }))).toEqual(['FORBIDDEN', 'path'])
    expect(await failureOf(project.streams.activity({ paths: ['/agents'] }, () => {}))).toEqual(['FORBIDDEN', 'path'])
    expect(await failureOf(project.streams.get('/agents/a1').append([{ type: 'a' }]))).toEqual(['FORBIDDEN', 'role'])
    expect(await failureOf(root.projects.get('secret').project())).toEqual(['NOT_FOUND', undefined])
    expect(await ended).toEqual({ code: 4401, reason: 'signed out' })
  })

  test('that was changed, cut, forged with another secret, or has ended is no credential', async () => {
    const token = await readToken()
    const [head = '', signature = ''] = token.split('.')
    const body = Buffer.from(head.slice(4), 'base64url').toString()
    const wider = `trr_${Buffer.from(body.replace('/agents/a1', '/')).toString('base64url')}.${signature}`
    const foreign = new ReadTokens('0'.repeat(64)).mint({
      projectId: tributary.projectId('demo'),
      path: '/',
      seconds: 60,
    }).token
    let now = Date.now() - 120_000
    const old = new ReadTokens('1'.repeat(64), () => now)
    const ended = old.mint({ projectId: 'p', path: '/', seconds: 60 })
    expect(old.verify(ended.token)).toMatchObject({ path: '/' })
    now += 60_000
    expect(old.verify(ended.token)).toBe(null)
    const bad = [
      wider,
      foreign,
      head,
      `${head}.`,
      `${token}A`,
      token.slice(0, -1),
      `${token}.x`,
      `trr_.${signature}`,
      'trr_.',
    ]
    // The last character of a signature has two bits that say nothing: one token has one spelling.
    for (const last of 'ABCDEFGH') if (!token.endsWith(last)) bad.push(token.slice(0, -1) + last)
    const statuses = await Promise.all(bad.map(async (each) => [each, (await get(each, '/agents/a1')).status]))
    expect(statuses.filter(([, status]) => status !== 401)).toEqual([])
  })

  test('is verified without a look at the database', async () => {
    const tokens = new ReadTokens('2'.repeat(64))
    const { token } = tokens.mint({ projectId: 'prj_x', path: '/a', seconds: 60 })
    expect(tokens.verify(token)).toMatchObject({ projectId: 'prj_x', path: '/a' })
  })
})

describe('pages of other sites', () => {
  test('that the operator has named may read with a token, and see what they need', async () => {
    const { status, headers } = await get(await readToken(), '/agents/a1', { origin: SITE })
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'access-control-allow-origin': SITE,
      vary: expect.stringMatching(/(?:^|, )origin$/),
    })
    expect(headers['access-control-expose-headers']).toContain('stream-next-offset')
    // No cookie is ever sent along.
    expect(headers['access-control-allow-credentials']).toBeUndefined()
  })

  test('see refusals as well', async () => {
    const { status, headers } = await get('nonsense', '/agents/a1', { origin: SITE })
    expect([status, headers['access-control-allow-origin']]).toEqual([401, SITE])
  })

  test.each(['https://evil.example', 'null', `${SITE}.evil.example`, 'http://app.example.com'])(
    'such as %s that were not named are told nothing',
    async (origin) => {
      const { headers } = await get(await readToken(), '/agents/a1', { origin })
      expect(headers['access-control-allow-origin']).toBeUndefined()
      expect(headers.vary).toMatch(/(?:^|, )origin$/)
    },
  )

  test('may ask first, without a credential', async () => {
    const ask = (origin: string) =>
      tributary.raw('/api/streams/demo/agents/a1', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
      })
    const allowed = await ask(SITE)
    expect(allowed.status).toBe(204)
    expect(allowed.headers['access-control-allow-origin']).toBe(SITE)
    expect(allowed.headers['access-control-allow-headers']).toContain('authorization')
    expect((await ask('https://evil.example')).headers['access-control-allow-origin']).toBeUndefined()
  })
})
