import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createToken, revokeToken } from '../control-plane/tokens.ts'
import { OPERATOR } from '../control-plane/audit.ts'
import { type Door, TestTributary, eventually } from '../server/testing.ts'
import { parsePath } from '../streams/path.ts'
import { messagesOf } from './stream-messages.ts'
import { SseClient, isPaired } from './testing.ts'

// What an event stream says through the real server, and what ends it.

const SITE = 'https://app.example.com'
const MIB = 1024 * 1024

let tributary: TestTributary
let editor: Door
const clients: SseClient[] = []
beforeAll(async () => {
  tributary = await TestTributary.start({
    TRIBUTARY_LONG_POLL_MS: '300',
    TRIBUTARY_CORS_ORIGINS: SITE,
  })
  editor = tributary.door('editor')
})
afterEach(() => {
  for (const each of clients.splice(0)) each.vanish()
})
afterAll(() => tributary.stop())

/** Follows a stream; `query` is what comes after `live=sse`. */
function follow(
  path: string,
  query = '&offset=-1',
  { token = tributary.token('viewer'), headers = {}, paused = false } = {},
): SseClient {
  const target = `/api/streams/demo${path}?live=sse${query}`
  const client = new SseClient(tributary.port, target, { authorization: `Bearer ${token}`, ...headers }, { paused })
  clients.push(client)
  return client
}

const put = (path: string, type: string, body?: string | Buffer) =>
  editor.send('PUT', path, body, { 'content-type': type })
const offsetOf = async (path: string) => (await editor.send('HEAD', path)).headers['stream-next-offset']
const upToDate = (client: SseClient) => eventually(() => client.controls.at(-1)?.upToDate)

describe('an event stream', () => {
  test('says at once where it is, where nothing has happened yet', async () => {
    await put('/empty', 'application/json')
    const client = follow('/empty')
    await upToDate(client)
    expect(client.status).toBe(200)
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    })
    expect(client.headers['content-length']).toBeUndefined()
    expect(client.headers['stream-sse-data-encoding']).toBeUndefined()
    expect(client.events.map(({ name }) => name)).toEqual(['control'])
    expect(client.controls[0]).toEqual({
      streamNextOffset: (await editor.get('/empty')).headers['stream-next-offset'],
      streamCursor: expect.stringMatching(/^\d+$/),
      upToDate: true,
    })
  })

  test('brings what is there, then what comes, each with the offset after it', async () => {
    await put('/live', 'application/json', '[1,2]')
    const client = follow('/live')
    await upToDate(client)
    await editor.post('/live', '[3,{"type":"four"}]')
    await eventually(() => client.messages.length === 4)
    await editor.append('/live', [{ type: 'five', payload: 5 }])
    await eventually(() => client.messages.length === 5)
    expect(client.messages).toMatchObject([1, 2, 3, { type: 'four' }, { type: 'five', payload: 5 }])
    expect(isPaired(client.events)).toBe(true)
    expect(client.controls.at(-1)).toMatchObject({ streamNextOffset: await offsetOf('/live'), upToDate: true })
  })

  test('goes on after any offset that it named', async () => {
    await put('/resume', 'application/json', '[1]')
    const first = follow('/resume')
    await upToDate(first)
    await editor.post('/resume', '[2]')
    await eventually(() => first.messages.length === 2)
    const [begin] = first.controls
    const second = follow('/resume', `&offset=${begin?.streamNextOffset}`)
    await upToDate(second)
    expect(second.messages).toEqual([2])
    const third = follow('/resume', '&offset=now')
    await upToDate(third)
    await editor.post('/resume', '[3]')
    await eventually(() => third.messages.length > 0)
    expect(third.messages).toEqual([3])
  })

  test('of text is text; of bytes it is base64, and says so', async () => {
    await put('/text', 'text/plain; charset=utf-8', ' one\r\ntwo')
    const text = follow('/text')
    await upToDate(text)
    expect(text.headers['stream-sse-data-encoding']).toBeUndefined()
    expect(text.events[0]).toEqual({ name: 'data', data: ' one\ntwo' })
    const sent = Buffer.from([0, 1, 254, 255])
    await put('/bytes', 'application/octet-stream', sent)
    const bytes = follow('/bytes')
    await upToDate(bytes)
    expect(bytes.headers['stream-sse-data-encoding']).toBe('base64')
    expect(Buffer.from(bytes.events[0]?.data ?? '', 'base64')).toEqual(sent)
  })

  test('says the same bytes to all who stand at the tail', async () => {
    await put('/many', 'application/json')
    const all = Array.from({ length: 20 }, () => follow('/many', '&offset=now'))
    for (const each of all) await upToDate(each)
    for (let i = 0; i < 10; i++) await editor.post('/many', `[${i}]`)
    for (const each of all) await eventually(() => each.messages.length === 10)
    const said = (client: SseClient) =>
      client.text.slice(client.text.indexOf('event: data'), client.text.lastIndexOf('[9]'))
    expect(new Set(all.map(said)).size).toBe(1)
  })

  test('brings an event of 2 MB, and what comes after it, to all', async () => {
    await put('/large', 'application/json')
    const all = [follow('/large', '&offset=now'), follow('/large', '&offset=now')]
    for (const each of all) await upToDate(each)
    await editor.post('/large', JSON.stringify(['x'.repeat(2_000_000)]))
    await editor.post('/large', '["after"]')
    all.push(follow('/large'))
    for (const each of all) {
      await eventually(() => each.text.endsWith('\n\n') && each.text.includes('"after"'))
      expect(each.messages.map((message) => String(message).length)).toEqual([2_000_000, 5])
    }
  })

  test('repeats where it is while nothing happens', async () => {
    await put('/quiet', 'application/json', '[1]')
    const client = follow('/quiet')
    await eventually(() => client.controls.length >= 3)
    const [first, ...rest] = client.controls
    for (const each of rest) expect(each).toEqual({ ...first, streamCursor: expect.any(String) })
    expect(client.messages).toEqual([1])
  })

  test('gives a client that has its cursor already a greater one, with its messages', async () => {
    await put('/cursor', 'application/json')
    const first = follow('/cursor')
    await upToDate(first)
    const cursor = Number(first.controls[0]?.streamCursor)
    const second = follow('/cursor', `&offset=-1&cursor=${cursor}`)
    await upToDate(second)
    await editor.post('/cursor', '[1]')
    await eventually(() => first.messages.length + second.messages.length === 2)
    expect(isPaired(second.events)).toBe(true)
    for (const control of second.controls) expect(Number(control.streamCursor)).toBeGreaterThan(cursor)
    expect(Number(first.controls.at(-1)?.streamCursor)).toBeLessThanOrEqual(cursor + 1)
  })

  test('may be read by a page of a site that the operator has named', async () => {
    await put('/cors', 'application/json')
    const named = follow('/cors', '&offset=-1', { headers: { origin: SITE } })
    await upToDate(named)
    expect(named.headers).toMatchObject({
      'access-control-allow-origin': SITE,
      'access-control-expose-headers': expect.stringContaining('stream-sse-data-encoding'),
      'cross-origin-resource-policy': 'cross-origin',
      vary: 'origin',
    })
  })

  test.each([
    ['/absent', '&offset=-1', 404],
    ['/empty', '', 400],
    ['/empty', '&offset=bad', 400],
  ])('of %s with %j is refused with %i', async (path, query, status) => {
    const client = follow(path, query)
    await client.ended
    expect(client.status).toBe(status)
  })
})

describe('other ways to ask', () => {
  const ask = (path: string, version: string) =>
    `GET /api/streams/demo${path} HTTP/${version}\r\nhost: x\r\nauthorization: Bearer ${tributary.token('viewer')}\r\n\r\n`

  test('HTTP/1.0 knows no chunks: the same events without them, until the connection ends', async () => {
    await put('/old', 'application/json', '[1]')
    const socket = connect(tributary.port, '127.0.0.1')
    let text = ''
    socket.setEncoding('utf8').on('data', (more: string) => (text += more))
    socket.write(ask('/old?live=sse&offset=-1', '1.0'))
    await eventually(() => text.includes('upToDate'))
    await editor.post('/old', '[2]')
    await eventually(() => text.includes('data:[2]'))
    const [head = '', body = ''] = text.split('\r\n\r\n')
    expect(head).not.toMatch(/transfer-encoding/i)
    expect(body).toMatch(/^event: data\ndata:\[1\]\n\nevent: control\ndata:\{/)
    expect(body).not.toContain('\r')
    socket.destroy()
  })

  test('asked for in one go after another request, it comes after that one’s answer', async () => {
    await put('/piped', 'application/json', '[1]')
    const socket = connect(tributary.port, '127.0.0.1')
    let text = ''
    socket.setEncoding('utf8').on('data', (more: string) => (text += more))
    socket.write(ask('/piped?offset=-1', '1.1') + ask('/piped?live=sse&offset=-1', '1.1'))
    await eventually(() => text.includes('upToDate'))
    await editor.post('/piped', '[2]')
    await eventually(() => text.includes('data:[2]'))
    const [answer = '', stream = ''] = text.split(/(?=HTTP\/1\.1 )/)
    expect(answer).toContain('[1]')
    expect(stream).toMatch(/text\/event-stream[^]*event: data\ndata:\[1\]\n\nevent: control/)
    socket.destroy()
  })
})

describe('it ends', () => {
  test('when the stream is closed, with the last messages before the word of it', async () => {
    await put('/closing', 'application/json')
    const client = follow('/closing', '&offset=now')
    await upToDate(client)
    const headers = { 'content-type': 'application/json', 'stream-closed': 'true' }
    expect(await tributary.door('admin').send('POST', '/closing', '["last"]', headers)).toMatchObject({ status: 204 })
    expect(await client.ended).toBe('end')
    expect(client.messages).toEqual(['last'])
    expect(isPaired(client.events)).toBe(true)
    expect(client.controls.at(-1)).toEqual({
      streamNextOffset: await offsetOf('/closing'),
      upToDate: true,
      streamClosed: true,
    })
    const late = follow('/closing')
    expect(await late.ended).toBe('end')
    expect(late.messages).toEqual(['last'])
    expect(late.controls).toEqual([client.controls.at(-1)])
  })

  test('when the stream is closed and nothing more was said', async () => {
    await put('/closing-quietly', 'application/json', '[1]')
    const client = follow('/closing-quietly')
    await upToDate(client)
    await tributary.streams().close(parsePath('/closing-quietly'))
    expect(await client.ended).toBe('end')
    expect(client.messages).toEqual([1])
    expect(client.controls.at(-1)).toMatchObject({ streamClosed: true })
  })

  test.each(['deleted', 'reset'] as const)('when the stream is %s: what comes next is another’s', async (how) => {
    const path = parsePath(`/${how}`)
    await put(path, 'application/json', '[1]')
    const client = follow(path)
    await upToDate(client)
    if (how === 'deleted') await tributary.streams().delete(path)
    else await tributary.streams().reset(path)
    await put(path, 'application/json')
    await editor.post(path, '["of the next life"]')
    expect(await client.ended).toBe('end')
    expect(client.messages).toEqual([1])
    expect(client.controls.at(-1)?.streamClosed).toBeUndefined()
  })

  test('when the project is deleted', async () => {
    const id = tributary.project('doomed')
    await tributary.door('editor', 'doomed').put('/s', '[1]')
    const token = tributary.token('viewer', 'doomed')
    const client = new SseClient(tributary.port, '/api/streams/doomed/s?live=sse&offset=-1', {
      authorization: `Bearer ${token}`,
    })
    await upToDate(client)
    await tributary.instance.engine.deleteProject(id)
    expect(await client.ended).toBe('end')
  })

  test('within 5 s of revoking the token that it came with, and no other with it', async () => {
    await put('/revoked', 'application/json')
    const { control } = tributary.instance
    const { id, token } = createToken(control, { projectId: tributary.projectId('demo'), role: 'viewer' })
    const [theirs, other] = [follow('/revoked', '&offset=-1', { token }), follow('/revoked')]
    await upToDate(theirs)
    await upToDate(other)
    const begun = performance.now()
    revokeToken(control, { projectId: tributary.projectId('demo'), tokenId: id, by: OPERATOR })
    expect(await theirs.ended).toBe('end')
    expect(performance.now() - begun).toBeLessThan(5000)
    await editor.post('/revoked', '["secret"]')
    await eventually(() => other.messages.length === 1)
    expect(theirs.messages).toEqual([])
  })

  test('with the read token that it came with', async () => {
    await put('/expiring', 'application/json')
    const { json } = await tributary.raw('/api/read-tokens', {
      method: 'POST',
      headers: { authorization: `Bearer ${tributary.token('editor')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ project: 'demo', path: '/expiring', seconds: 2 }),
    })
    const client = follow('/expiring', '&offset=-1', { token: (json as { token: string }).token })
    await upToDate(client)
    const begun = performance.now()
    expect(await client.ended).toBe('end')
    expect(performance.now() - begun).toBeLessThan(7000)
  })

  test('with its client: nothing is kept for it', async () => {
    await put('/vanishing', 'application/json')
    const before = tributary.instance.readers.size
    const all = Array.from({ length: 5 }, () => follow('/vanishing'))
    for (const each of all) await upToDate(each)
    expect(tributary.instance.readers.size).toBe(before + 5)
    for (const each of all) each.vanish()
    await eventually(() => tributary.instance.readers.size === before)
  })
})

test('who does not read gets everything in the end, and holds up nobody', async () => {
  await put('/slow', 'application/json')
  const slow = follow('/slow', '&offset=now', { paused: true })
  const fast = follow('/slow', '&offset=now')
  await upToDate(fast)
  await eventually(() => slow.status === 200)
  // Far more than all buffers on the way hold.
  const messages = Array.from({ length: 160 }, (_, i) => i)
  for (const i of messages) {
    const filled = JSON.stringify([{ i, filler: 'x'.repeat(200_000) }])
    await tributary.streams().append(parsePath('/slow'), messagesOf(filled, 1))
  }
  const numbers = (client: SseClient) => client.messages.map((message) => (message as { i: number }).i)
  await eventually(() => fast.text.length > 32 * 1_000_000 && fast.text.includes('"i":159'))
  expect(numbers(fast)).toEqual(messages)
  expect(slow.text.length).toBeLessThan(MIB)
  slow.resume()
  await eventually(() => slow.text.endsWith('\n\n') && slow.text.includes('"i":159'))
  expect(numbers(slow)).toEqual(messages)
  expect(isPaired(slow.events)).toBe(true)
})
