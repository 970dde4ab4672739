import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Door, TestTributary } from '../server/testing.ts'

// GET and HEAD of the HTTP door: catching up by offsets.

let tributary: TestTributary
let editor: Door
let viewer: Door
beforeAll(async () => {
  tributary = await TestTributary.start()
  editor = tributary.door('editor')
  viewer = tributary.door('viewer')
})
afterAll(() => tributary.stop())

const at = (offset: number) => `${String(offset).padStart(16, '0')}_0000000000000000`

test('an absent stream is 404', async () => {
  expect((await viewer.get('/absent')).status).toBe(404)
  expect((await viewer.send('HEAD', '/absent')).status).toBe(404)
})

test('an empty stream is an empty array at the zero offset, up to date', async () => {
  await editor.put('/empty')
  const read = await viewer.get('/empty')
  expect([read.status, read.text]).toEqual([200, '[]'])
  expect(read.headers['stream-next-offset']).toBe(at(0))
  expect(read.headers['stream-up-to-date']).toBe('true')
})

test('absent and -1 are the start, now is the tail', async () => {
  await editor.put('/start', '["a","b"]')
  expect((await viewer.get('/start')).text).toBe('["a","b"]')
  expect((await viewer.get('/start?offset=-1')).text).toBe('["a","b"]')
  expect((await viewer.get(`/start?offset=${at(0)}`)).text).toBe('["a","b"]')
  const now = await viewer.get('/start?offset=now')
  expect([now.text, now.headers['stream-next-offset'], now.headers['stream-up-to-date']]).toEqual(['[]', at(3), 'true'])
})

test.each([
  '',
  '0',
  '5',
  '-2',
  'NOW',
  '0000000000000001',
  '0000000000000001_',
  '000000000000001_0000000000000000',
  '0000000000000001_00000000000000000',
  '9999999999999999_0000000000000000',
  '1e15000000000000_0000000000000000',
  '%200000000000000001_0000000000000000',
  '0000000000000001_0000000000000000%0A',
  'a,b',
  '../x',
])('the offset %j is 400', async (offset) => {
  const answer = await viewer.get(`/empty?offset=${offset}`)
  expect([answer.status, (answer.json as { details: object }).details]).toEqual([400, { field: 'offset' }])
})

test('a repeated offset is 400', async () => {
  expect((await viewer.get(`/empty?offset=-1&offset=-1`)).status).toBe(400)
})

test('an offset beyond the tail never makes a reader skip what comes next', async () => {
  await editor.put('/beyond', '["a"]')
  const read = await viewer.get(`/beyond?offset=${at(1000)}`)
  expect([read.status, read.text]).toEqual([200, '[]'])
  expect(read.headers['stream-next-offset']).toBe(at(2))
  await editor.post('/beyond', '"b"')
  expect((await viewer.get(`/beyond?offset=${String(read.headers['stream-next-offset'])}`)).text).toBe('["b"]')
})

test('unknown parameters are ignored', async () => {
  expect((await viewer.get('/empty?colour=red')).status).toBe(200)
})

describe('what a reader sees of whom', () => {
  beforeAll(async () => {
    await editor.put('/mixed', '["raw"]')
    await editor.append('/mixed', { type: 'order', payload: { n: 1 } })
    // A child is announced to its ancestors by a core event.
    await editor.put('/mixed/child')
    await editor.post('/mixed', '"raw again"')
    await editor.put('/mixed/other')
  })

  test('raw messages come back as sent, envelopes as envelopes, core events not at all', async () => {
    const read = await viewer.get('/mixed')
    expect(read.json).toEqual([
      'raw',
      { offset: 3, type: 'order', createdAt: expect.any(String), payload: { n: 1 } },
      'raw again',
    ])
    expect([read.headers['stream-next-offset'], read.headers['stream-up-to-date']]).toEqual([at(5), 'true'])
  })

  test('as envelopes the core events are there too, gapless', async () => {
    const events = await viewer.events('/mixed')
    expect(events.map(({ offset, type }) => [offset, type])).toEqual([
      [1, 'stream/created'],
      [2, 'message'],
      [3, 'order'],
      [4, 'stream/child-created'],
      [5, 'message'],
      [6, 'stream/child-created'],
    ])
    expect(events[1]).toEqual({ offset: 2, type: 'message', createdAt: expect.any(String), payload: 'raw' })
  })

  test('a raw page of nothing but core events is empty and up to date', async () => {
    const read = await viewer.get(`/mixed?offset=${at(5)}`)
    expect([read.text, read.headers['stream-up-to-date']]).toEqual(['[]', 'true'])
  })

  test('an envelope page tells its own next offset and is up to date only at the very end', async () => {
    const accept = { accept: 'application/vnd.tributary.event+json' }
    const read = await viewer.send('GET', `/mixed?offset=${at(5)}`, undefined, accept)
    expect([read.headers['stream-next-offset'], read.headers['stream-up-to-date']]).toEqual([at(6), 'true'])
    const now = await viewer.send('GET', '/mixed?offset=now', undefined, accept)
    expect([now.text, now.headers['stream-next-offset']]).toEqual(['[]', at(6)])
  })
})

test('HEAD says what GET would, without a body', async () => {
  await editor.put('/head', '["a","b"]')
  const head = await viewer.send('HEAD', '/head')
  expect([head.status, head.text]).toEqual([200, ''])
  expect(head.headers['content-type']).toBe('application/json')
  expect(head.headers['stream-next-offset']).toBe(at(3))
  expect(head.headers['cache-control']).toBe('no-store')
})

test('a stream that was stored before a restart reads the same after it', async () => {
  await editor.put('/kept', '[12345678901234567890,{"b":1,"a":2}]')
  const before = await viewer.get('/kept')
  await tributary.pause()
  await tributary.resume()
  const after = await viewer.get('/kept')
  expect(after.text).toBe(before.text)
  expect(after.headers['stream-next-offset']).toBe(before.headers['stream-next-offset'])
})
