import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Door, TestTributary, eventually } from '../server/testing.ts'

// Forks, ends and closing as a client meets them, where the published conformance suite does not look: who is named as a
// source, what a restart leaves, what a path says that is taken. The threat: a fork that reads another project's stream.

let tributary: TestTributary
let admin: Door
beforeAll(async () => {
  tributary = await TestTributary.start()
  tributary.project('other')
  await tributary.door('admin', 'other').put('/secret', '["theirs"]')
  admin = tributary.door('admin')
})
afterAll(() => tributary.stop())

const JSON_TYPE = { 'content-type': 'application/json' }
const TEXT = { 'content-type': 'text/plain' }
const offset = (n: number) => `${String(n).padStart(16, '0')}_0000000000000000`
const fork = (path: string, source: string, headers: Record<string, string> = {}, door = admin) =>
  door.send('PUT', path, undefined, { 'stream-forked-from': source, ...headers })

describe('a source', () => {
  test('is named below the project, or by its whole address, by slug or id', async () => {
    await admin.put('/named', '["a"]')
    const id = tributary.projectId('demo')
    const sources = ['/named', '/api/streams/demo/named', `${tributary.url}/api/streams/demo/named`, '/x/../named']
    for (const [i, source] of sources.entries()) {
      expect([source, (await fork(`/named-${i}`, source)).status]).toEqual([source, 201])
      expect((await admin.get(`/named-${i}`)).json).toEqual(['a'])
    }
    const byId = await tributary.raw(`/api/streams/${id}/named-by-id`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${tributary.token('editor')}`,
        'stream-forked-from': `/api/streams/${id}/named`,
      },
    })
    expect(byId.status).toBe(201)
  })

  test('is never one of another project', async () => {
    await admin.put('/secret', '["ours"]')
    const sources = [
      '/api/streams/other/secret',
      `${tributary.url}/api/streams/other/secret`,
      '/../other/secret',
      '/api/streams/demo/../other/secret',
      '/api/streams/demo/%2e%2e/other/secret',
    ]
    for (const [i, source] of sources.entries()) {
      const answer = await fork(`/stolen-${i}`, source)
      expect([source, [400, 404].includes(answer.status)]).toEqual([source, true])
      expect((await admin.get(`/stolen-${i}`)).status).toBe(404)
    }
  })

  test('that was deleted is gone for everybody but its forks, and its path is free when the last of them is', async () => {
    await admin.put('/source', '["a","b"]')
    await fork('/kept', '/source', { 'stream-fork-offset': offset(2) })
    expect((await admin.send('DELETE', '/source')).status).toBe(204)
    for (const [method, body, status, code] of [
      ['GET', undefined, 410, 'NOT_FOUND'],
      ['POST', '"c"', 410, 'NOT_FOUND'],
      ['DELETE', undefined, 410, 'NOT_FOUND'],
      ['PUT', undefined, 409, 'CONFLICT'],
    ] as const) {
      const answer = await admin.send(method, '/source', body, JSON_TYPE)
      expect([method, answer.status, answer.json]).toMatchObject([
        method,
        status,
        { code, details: { reason: 'gone' } },
      ])
    }
    expect((await admin.send('HEAD', '/source')).status).toBe(410)
    expect((await fork('/late', '/source')).status).toBe(409)
    expect((await admin.get('/kept')).json).toEqual(['a'])
    await admin.send('DELETE', '/kept')
    await eventually(async () => (await admin.put('/source', '["new"]')).status === 201)
    expect((await admin.get('/source')).json).toEqual(['new'])
  })
})

describe('a fork', () => {
  test('begins some messages after an offset, over as many appends as it takes, or some bytes of the next append', async () => {
    await admin.put('/messages', '[1,2]')
    await admin.post('/messages', '[3,4]')
    const at = { 'stream-fork-offset': offset(2) }
    expect((await fork('/three', '/messages', { ...at, 'stream-fork-sub-offset': '2' })).status).toBe(201)
    expect((await admin.get('/three')).json).toEqual([1, 2, 3])
    expect((await fork('/far', '/messages', { ...at, 'stream-fork-sub-offset': '4' })).status).toBe(400)

    await admin.send('PUT', '/bytes', 'hello', TEXT)
    await admin.send('POST', '/bytes', 'world', TEXT)
    const sub = (n: number) => ({ 'stream-fork-offset': offset(0), 'stream-fork-sub-offset': String(n) })
    expect((await fork('/he', '/bytes', sub(2))).status).toBe(201)
    expect((await admin.get('/he')).text).toBe('he')
    expect((await fork('/hello', '/bytes', sub(5))).status).toBe(201)
    expect((await admin.get('/hello')).text).toBe('hello')
    expect((await fork('/too-far', '/bytes', sub(6))).status).toBe(400)
  })

  test('needs an offset that its source has, unlike a reader', async () => {
    await admin.put('/short', '[1]')
    expect((await fork('/beyond', '/short', { 'stream-fork-offset': offset(3) })).status).toBe(400)
    const read = await admin.get(`/short?offset=${offset(3)}`)
    expect([read.status, read.json, read.headers['stream-next-offset']]).toEqual([200, [], offset(2)])
  })

  test('has the type and the end of its source, and not that it was closed', async () => {
    await admin.send('PUT', '/ending', 'x', { ...TEXT, 'stream-ttl': '500', 'stream-closed': 'true' })
    await fork('/inherits', '/ending')
    await fork('/names', '/ending', { 'stream-expires-at': '2999-01-01T00:00:00Z' })
    const head = async (path: string) => {
      const { headers } = await admin.send('HEAD', path)
      const { 'content-type': type, 'stream-ttl': ttl, 'stream-expires-at': at, 'stream-closed': closed } = headers
      return { type, ttl, at, closed }
    }
    expect(await head('/inherits')).toEqual({ type: 'text/plain', ttl: '500', at: undefined, closed: undefined })
    expect(await head('/names')).toMatchObject({ ttl: undefined, at: '2999-01-01T00:00:00Z' })
    expect((await fork('/other-type', '/ending', JSON_TYPE)).status).toBe(409)
  })
})

test('a process that is killed leaves forks, ends, closing, producers and Stream-Seq as they were', async () => {
  const numbered = (seq: number) => ({
    ...TEXT,
    'producer-id': 'p',
    'producer-epoch': '3',
    'producer-seq': String(seq),
    'stream-seq': `n${seq}`,
  })
  await admin.send('PUT', '/all', undefined, { ...TEXT, 'stream-ttl': '5000' })
  for (const seq of [0, 1]) await admin.send('POST', '/all', `line ${seq};`, numbered(seq))
  await fork('/all-fork', '/all', { 'stream-fork-offset': offset(2) })
  await admin.send('POST', '/all-fork', 'own', TEXT)
  await admin.send('POST', '/all', undefined, { 'stream-closed': 'true' })
  const seen = async (path: string) => {
    const { headers, text } = await admin.get(path)
    const { headers: of } = await admin.send('HEAD', path)
    const { etag, 'stream-closed': closed } = headers
    return { text, etag, closed, ttl: of['stream-ttl'], tail: of['stream-next-offset'] }
  }
  const before = [await seen('/all'), await seen('/all-fork')]
  expect(before).toMatchObject([
    { text: 'line 0;line 1;', closed: 'true', ttl: '5000', tail: offset(3) },
    { text: 'line 0;own', closed: undefined, ttl: '5000' },
  ])

  await admin.send('PUT', '/open', undefined, TEXT)
  for (const seq of [0, 1]) await admin.send('POST', '/open', `line ${seq};`, numbered(seq))
  await tributary.kill()
  await tributary.resume()
  expect([await seen('/all'), await seen('/all-fork')]).toEqual(before)
  const again = await admin.send('POST', '/open', 'line 1;', numbered(1))
  expect([again.status, again.headers['producer-seq']]).toEqual([204, '1'])
  const { status } = await admin.send('POST', '/open', 'x', { ...TEXT, 'stream-seq': 'n1' })
  expect([status, (await admin.get('/open')).text]).toEqual([409, 'line 0;line 1;'])
})

test('a stream that is made anew under its path has other tags, though its offsets are the same', async () => {
  await admin.put('/anew', '[1]')
  const first = await admin.get('/anew')
  await admin.send('DELETE', '/anew')
  await admin.put('/anew', '[2]')
  const second = await admin.send('GET', '/anew', undefined, { 'if-none-match': String(first.headers.etag) })
  expect([second.status, second.json]).toEqual([200, [2]])
  expect(second.headers['stream-next-offset']).toBe(first.headers['stream-next-offset'])
})
