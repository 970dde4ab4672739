import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Door, TestTributary } from '../server/testing.ts'

// PUT of the HTTP door: create a stream or make sure that it is there.

let tributary: TestTributary
let editor: Door
beforeAll(async () => {
  tributary = await TestTributary.start()
  editor = tributary.door('editor')
})
afterAll(() => tributary.stop())

test('a new stream is 201 with its absolute address and the zero offset', async () => {
  const created = await editor.put('/orders')
  expect(created.status).toBe(201)
  expect(created.headers.location).toBe(`${tributary.url}/api/streams/demo/orders`)
  expect(created.headers['content-type']).toBe('application/json')
  expect(created.headers['stream-next-offset']).toBe('0000000000000000_0000000000000000')
  expect(created.text).toBe('')
})

test('an existing stream is 200, without an address, and keeps what it has', async () => {
  await editor.put('/again', '["first"]')
  const again = await editor.put('/again', '["second"]')
  expect(again.status).toBe(200)
  expect(again.headers.location).toBeUndefined()
  expect(again.headers['stream-next-offset']).toBe('0000000000000002_0000000000000000')
  expect((await editor.get('/again')).text).toBe('["first"]')
})

test('a parameter of the content type makes no difference, and comes back as it was sent', async () => {
  const header = { 'content-type': 'application/json; charset=utf-8' }
  const created = await editor.send('PUT', '/charset', undefined, header)
  expect(created.headers['content-type']).toBe('application/json; charset=utf-8')
  expect((await editor.send('PUT', '/charset', undefined, { 'content-type': 'APPLICATION/JSON' })).status).toBe(200)
  expect((await editor.get('/charset')).headers['content-type']).toBe('application/json; charset=utf-8')
})

test.each([
  ['no content type', undefined],
  ['one that is none', 'nonsense'],
])('with %s it is a stream of bytes', async (what, type) => {
  const path = `/bytes-${what.length}`
  const created = await editor.send('PUT', path, undefined, type === undefined ? {} : { 'content-type': type })
  expect([created.status, created.headers['content-type']]).toEqual([201, 'application/octet-stream'])
})

test('the way to append envelopes is no type of a stream', async () => {
  const refused = await editor.send('PUT', '/envelopes', undefined, {
    'content-type': 'application/vnd.tributary.event+json',
  })
  expect([refused.status, (refused.json as { code: string }).code]).toEqual([400, 'BAD_REQUEST'])
  expect((await editor.get('/envelopes')).status).toBe(404)
})

test('an existing stream of another content type is 409', async () => {
  const { engine } = tributary.instance
  const path = '/other-type' as Parameters<ReturnType<typeof engine.project>['create']>[0]
  await engine.project(tributary.projectId('demo')).create(path, { contentType: 'text/plain' })
  const conflict = await editor.put('/other-type')
  expect(conflict.status).toBe(409)
  expect(conflict.json).toMatchObject({
    code: 'CONFLICT',
    details: { reason: 'content-type', contentType: 'text/plain' },
  })
})

test('the body holds the first messages, flattened by one level', async () => {
  const created = await editor.put('/with-body', '[{"a":1},[2],"three"]')
  expect([created.status, created.headers['stream-next-offset']]).toEqual([201, '0000000000000004_0000000000000000'])
  expect((await editor.get('/with-body')).text).toBe('[{"a":1},[2],"three"]')
})

test('an empty array as body means an empty stream', async () => {
  expect((await editor.put('/empty-array', '[]')).status).toBe(201)
  expect((await editor.get('/empty-array')).text).toBe('[]')
})

test('a body that is not JSON is 400, and nothing is created', async () => {
  expect((await editor.put('/bad-body', '[1,')).status).toBe(400)
  expect((await editor.get('/bad-body')).status).toBe(404)
})

test('of many that create at once one is told that it did', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => editor.put('/race', `[${i}]`)))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array.from({ length: 19 }, () => 200), 201])
  expect(JSON.parse((await editor.get('/race')).text)).toHaveLength(1)
})

test('the address of a new stream is that of the configured base URL, whatever Host says', async () => {
  const config = tributary.instance.config as { baseUrl: string | undefined }
  config.baseUrl = 'https://streams.example.com'
  try {
    const created = await editor.send('PUT', '/based', undefined, { host: 'evil.example' })
    expect(created.headers.location).toBe('https://streams.example.com/api/streams/demo/based')
  } finally {
    config.baseUrl = undefined
  }
})

test('ancestors are created with it', async () => {
  await editor.put('/x/y/z')
  expect((await editor.send('HEAD', '/x/y')).status).toBe(200)
})
