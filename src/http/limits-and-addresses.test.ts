import { createConnection } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Door, type RawResponse, TestTributary, eventually } from '../server/testing.ts'

// What the HTTP door makes of odd targets, odd methods and bodies that are too large.

let tributary: TestTributary
let editor: Door
let viewer: Door
let otherEditor: Door
beforeAll(async () => {
  tributary = await TestTributary.start({
    TRIBUTARY_MAX_EVENT_BYTES: '2048',
    TRIBUTARY_MAX_BATCH_BYTES: '4096',
    TRIBUTARY_MAX_MESSAGE_BYTES: '8192',
  })
  tributary.project('other')
  editor = tributary.door('editor')
  viewer = tributary.door('viewer')
  otherEditor = tributary.door('editor', 'other')
  await editor.put('/a/b', '["demo"]')
  await otherEditor.put('/a/b', '["other"]')
})
afterAll(() => tributary.stop())

const code = (answer: RawResponse) => (answer.json as { code?: string } | undefined)?.code

describe('paths', () => {
  test.each([
    '/a/b',
    '/a/b/',
    '/a/./b',
    '/x/../a/b',
    '/a/b/.',
    '/a/b/c/..',
    '/a/%62',
    '/%61/b',
    '/x/%2e%2e/a/b',
    '/x/%2E./a/b',
    '/%2e/a/b',
  ])('%s is the stream /a/b', async (path) => expect((await viewer.get(path)).text).toBe('["demo"]'))

  test.each([
    '/../other/a/b',
    '/../../streams/other/a/b',
    '/%2e%2e/other/a/b',
    '/a/../../other/a/b',
    '/..%2fother/a/b',
    '/..%2Fother%2Fa%2Fb',
    '/a%2Fb',
    '/a%2fb',
    '/a%5cb',
    '/a\\b',
    '/%252e%252e/other/a/b',
    '//a/b',
    '/a//b',
    '/a/b//',
    '/a/b%00',
    '/a/b%0d%0aSet-Cookie:x',
    '/a/b%3foffset=now',
    '/a/b%23x',
    '/%zz',
    '/%',
    '/%c3%28',
    '/ä'.replace('ä', '%C3%A4'),
    `/${'x'.repeat(513)}`,
    '/x'.repeat(33),
  ])('%s is refused and never leads to another project', async (path) => {
    for (const method of ['GET', 'PUT']) {
      const answer = await editor.send(method, path)
      expect([answer.status, code(answer)]).toEqual([400, 'BAD_REQUEST'])
      expect(answer.text).not.toContain('"other"]')
    }
  })

  test.each([
    '/api/streams/../streams/other/a/b',
    '/api/streams/./other/a/b',
    '/api/streams/%2e%2e/other/a/b',
    '/api/streams/demo%2f..%2fother/a/b',
  ])('dots in place of a project (%s) name no project', async (target) => {
    const answer = await tributary.raw(target, { headers: { authorization: `Bearer ${tributary.token('admin')}` } })
    expect([400, 404]).toContain(answer.status)
    expect(answer.text).not.toContain('"other"]')
  })

  test.each([
    '/api/x/../streams/demo/a/b',
    '/x/../api/streams/demo/a/b',
    '/api//streams/demo/a/b',
    '/api/%73treams/demo/a/b',
    '/API/streams/demo/a/b',
  ])('%s is not the door', async (target) => {
    const answer = await tributary.raw(target, { headers: { authorization: `Bearer ${tributary.token('admin')}` } })
    expect(answer.text).not.toContain('demo"]')
  })

  test('an escaped letter in the project is that letter', async () => {
    const answer = await tributary.raw('/api/streams/%64emo/a/b', {
      headers: { authorization: `Bearer ${tributary.token('viewer')}` },
    })
    expect(answer.text).toBe('["demo"]')
  })

  test('without a slash after the project it is the listing; with one it is the root stream', async () => {
    const listing = await viewer.get('')
    expect((listing.json as { streams: { path: string }[] }).streams.map(({ path }) => path)).toEqual([
      '/',
      '/a',
      '/a/b',
    ])
    const root = await viewer.get('/')
    expect([root.status, root.text]).toEqual([200, '[]'])
    expect((await viewer.events('/')).map(({ type }) => type)).toContain('stream/child-created')
  })

  test('a listing by prefix, after and limit goes on where the last page ended', async () => {
    for (const name of ['/list/c', '/list/a', '/list/b', '/listing']) await editor.put(name)
    const first = (await viewer.get('?prefix=/list&limit=2')).json as { streams: { path: string }[]; nextAfter: string }
    expect([first.streams.map(({ path }) => path), first.nextAfter]).toEqual([['/list', '/list/a'], '/list/a'])
    const second = (await viewer.get(`?prefix=/list&limit=2&after=${first.nextAfter}`)).json as typeof first
    expect([second.streams.map(({ path }) => path), second.nextAfter]).toEqual([['/list/b', '/list/c'], null])
  })

  test.each([
    '?limit=0',
    '?limit=1001',
    '?limit=-1',
    '?limit=1.5',
    '?limit=',
    '?prefix=list',
    '?after=x',
    `?match=${'x'.repeat(300)}`,
  ])('the listing %s is 400', async (query) => expect((await viewer.get(query)).status).toBe(400))
})

describe('methods', () => {
  test.each(['PATCH'])('%s is 405 and says what is answered', async (method) => {
    const answer = await editor.send(method, '/a/b')
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD, PUT, POST, DELETE'])
  })

  test('the listing answers GET alone', async () => {
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const answer = await editor.send(method, '')
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET'])
    }
  })
})

describe('headers of the protocol that say nothing sensible are 400, and nothing is stored', () => {
  test.each([
    ['Stream-TTL', '-1', '01', '1.5', '1e3', '+1', 'soon', '99999999999999'],
    ['Stream-Expires-At', 'tomorrow', '2026-13-01T00:00:00Z', '1'],
    ['Stream-Fork-Offset', '0'],
    ['Stream-Fork-Sub-Offset', '0'],
    ['Stream-Forked-From', 'https://', 'a', '/%zz'],
  ])('PUT with %s', async (header, ...values) => {
    for (const value of values) {
      const answer = await editor.send('PUT', '/never', undefined, {
        'content-type': 'application/json',
        [header]: value,
      })
      expect([value, answer.status, answer.json]).toMatchObject([value, 400, { code: 'BAD_REQUEST' }])
    }
    expect((await viewer.get('/never')).status).toBe(404)
  })

  const producer = { 'Producer-Id': 'p', 'Producer-Epoch': '0', 'Producer-Seq': '0' }
  test.each<[what: string, headers: Record<string, string>]>([
    ['a producer without a number', { 'Producer-Id': 'p', 'Producer-Epoch': '0' }],
    ['a producer without an epoch', { 'Producer-Id': 'p', 'Producer-Seq': '0' }],
    ['a number without a producer', { 'Producer-Epoch': '0', 'Producer-Seq': '0' }],
    ['a producer without a name', { ...producer, 'Producer-Id': '' }],
    ['a producer with a long name', { ...producer, 'Producer-Id': 'p'.repeat(1025) }],
    ['a number that is none', { ...producer, 'Producer-Seq': '1.5' }],
    ['a number beyond all', { ...producer, 'Producer-Seq': '9007199254740992' }],
    ['a negative epoch', { ...producer, 'Producer-Epoch': '-1' }],
    ['an empty Stream-Seq', { 'Stream-Seq': '' }],
    ['a long Stream-Seq', { 'Stream-Seq': 's'.repeat(1025) }],
  ])('POST with %s', async (_what, headers) => {
    const answer = await editor.send('POST', '/a/b', '["never"]', { 'content-type': 'application/json', ...headers })
    expect([answer.status, answer.json]).toMatchObject([400, { code: 'BAD_REQUEST' }])
    expect((await viewer.get('/a/b')).text).toBe('["demo"]')
  })

  test('envelopes have keys of their own, and no producer beside them', async () => {
    const type = { 'content-type': 'application/vnd.tributary.event+json' }
    const answer = await editor.send('POST', '/a/b', '{"type":"never"}', { ...type, ...producer })
    expect([answer.status, answer.json]).toMatchObject([400, { details: { field: 'content-type' } }])
  })

  test.each(['?live=long-poll', '?live=sse', '?offset=-1&live=true', '?offset=-1&live=', '?offset=&live=sse'])(
    'GET %s',
    async (query) => {
      expect((await viewer.get(`/a/b${query}`)).status).toBe(400)
    },
  )
})

describe('bodies that are too large are 413 with the limit and the size', () => {
  test('with a length: before it is read', async () => {
    const answer = await editor.send('POST', '/a/b', JSON.stringify('x'.repeat(9000)), {
      'content-type': 'application/json',
    })
    expect(answer.status).toBe(413)
    expect(answer.json).toMatchObject({
      code: 'BAD_REQUEST',
      details: { reason: 'too-large', unit: 'bytes', size: 9002, limit: 8192 },
    })
  })

  test('a length alone is enough: the body need not come', async () => {
    const socket = createConnection(tributary.port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
    const authorization = `Bearer ${tributary.token('editor')}`
    socket.write(
      `POST /api/streams/demo/a/b HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n[`,
    )
    await eventually(() => answer.includes('too-large'))
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    socket.destroy()
  })

  test('without a length: as soon as it is over', async () => {
    const pieces = ['"', ...Array.from({ length: 20 }, () => 'x'.repeat(1000)), '"']
    const answer = await editor.send('POST', '/a/b', pieces, { 'content-type': 'application/json' })
    expect(answer.status).toBe(413)
    expect(answer.json).toMatchObject({ details: { reason: 'too-large', limit: 8192 } })
  })

  test('one that goes on for ever is answered all the same', async () => {
    const socket = createConnection(tributary.port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
    socket.on('error', () => {})
    const authorization = `Bearer ${tributary.token('editor')}`
    socket.write(
      `POST /api/streams/demo/a/b HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    await eventually(() => {
      if (!socket.destroyed) socket.write(`400\r\n${'x'.repeat(1024)}\r\n`)
      return answer.includes('too-large')
    })
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    socket.destroy()
  })

  test('a message over the size of an event, and messages over the size of a batch', async () => {
    const event = await editor.post('/a/b', JSON.stringify('x'.repeat(2100)))
    expect([event.status, event.json]).toMatchObject([
      413,
      { details: { reason: 'too-large', size: 2102, limit: 2048 } },
    ])
    const batch = await editor.post('/a/b', JSON.stringify(Array.from({ length: 4 }, () => 'x'.repeat(1500))))
    expect([batch.status, batch.json]).toMatchObject([
      413,
      { details: { reason: 'too-large', size: 6008, limit: 4096 } },
    ])
    const created = await editor.put('/too-large', JSON.stringify('x'.repeat(2100)))
    expect(created.status).toBe(413)
    expect((await viewer.get('/too-large')).status).toBe(404)
  })

  test('the limit counts bytes, not characters', async () => {
    expect((await editor.post('/a/b', JSON.stringify('€'.repeat(700)))).status).toBe(413)
    expect((await editor.post('/a/b', JSON.stringify('€'.repeat(600)))).status).toBe(204)
  })

  test('a sign-in is held to a limit of its own', async () => {
    const answer = await tributary.raw('/api/auth/sign-in/email', {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: tributary.origin },
      body: JSON.stringify({ email: 'a@example.com', password: 'x'.repeat(1_000_000) }),
    })
    expect(answer.status).toBe(413)
  })
})

describe('every answer forbids sniffing', () => {
  test.each([
    ['GET', '/api/streams/demo/a/b'],
    ['HEAD', '/api/streams/demo/a/b'],
    ['PUT', '/api/streams/demo/a/b'],
    ['POST', '/api/streams/demo/a/b'],
    ['DELETE', '/api/streams/demo/nothing'],
    ['GET', '/api/streams/demo/absent'],
    ['GET', '/api/streams/demo'],
    ['GET', '/api/streams/nosuch/x'],
    ['GET', '/api/streams/demo/%zz'],
    ['GET', '/api/nothing'],
    ['GET', '/healthz'],
    ['GET', '/readyz'],
    ['GET', '/api/auth/get-session'],
    ['POST', '/api/auth/sign-in/email'],
    ['POST', '/api/setup'],
    ['GET', '/'],
  ])('%s %s', async (method, target) => {
    for (const headers of [{}, { authorization: `Bearer ${tributary.token('admin')}` }]) {
      const answer = await tributary.raw(target, { method, headers })
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
    }
  })

  test('a request with no sensible Host is answered', async () => {
    for (const host of ['[', 'a b', '', 'x:99999999']) {
      const answer = await tributary.raw('/api/streams/demo/a/b', {
        headers: { host, authorization: `Bearer ${tributary.token('viewer')}` },
      })
      expect(answer.status).toBeLessThan(500)
    }
  })
})

describe('what comes to the wrong address as an upgrade never ends the process', () => {
  const upgrade = (target: string) =>
    new Promise<string>((resolve) => {
      const socket = createConnection(tributary.port, '127.0.0.1')
      let answer = ''
      socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
      socket.on('error', () => {})
      socket.on('close', () => resolve(answer))
      socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
    })
  test.each(['//', '///', '//[', '/api/other', '/api/itx/', '/api/itx/../itx', '/', '*', 'http://['])(
    '%s',
    async (target) => {
      expect(await upgrade(target)).toMatch(/^HTTP\/1\.1 4\d\d /)
      expect((await viewer.get('/a/b')).status).toBe(200)
    },
  )

  test('one that is reset at once', async () => {
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) => {
        const socket = createConnection(tributary.port, '127.0.0.1', () => {
          socket.write('GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', () =>
            socket.resetAndDestroy(),
          )
        })
        socket.on('error', () => {})
        socket.on('close', () => resolve())
      })
    }
    expect((await viewer.get('/a/b')).status).toBe(200)
  })
})
