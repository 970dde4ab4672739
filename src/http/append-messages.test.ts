import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Door, TestTributary } from '../server/testing.ts'

// POST of raw messages to a JSON stream.

let tributary: TestTributary
let editor: Door
beforeAll(async () => {
  tributary = await TestTributary.start()
  editor = tributary.door('editor')
})
afterAll(() => tributary.stop())

test('an absent stream is 404 and is not created', async () => {
  const answer = await editor.post('/absent', '{"a":1}')
  expect([answer.status, (answer.json as { code: string }).code]).toEqual([404, 'NOT_FOUND'])
  expect((await editor.get('/absent')).status).toBe(404)
})

test('a message is 204 with the offset after it, and can be read at once', async () => {
  await editor.put('/one')
  const answer = await editor.post('/one', '{"a":1}')
  expect([answer.status, answer.text]).toEqual([204, ''])
  expect(answer.headers['stream-next-offset']).toBe('0000000000000002_0000000000000000')
  expect((await editor.get('/one')).text).toBe('[{"a":1}]')
})

test('an array is flattened by one level', async () => {
  await editor.put('/flat')
  await editor.post('/flat', ' [ 1 , [2, [3]] , {"b": [4]} , [] ] ')
  expect(JSON.parse((await editor.get('/flat')).text)).toEqual([1, [2, [3]], { b: [4] }, []])
})

test.each(['null', 'true', '0', '-1.5e3', '"text"', '""', '{}'])('the JSON value %s is a message', async (value) => {
  const path = `/scalar-${Buffer.from(value).toString('hex')}`
  await editor.put(path)
  expect((await editor.post(path, value)).status).toBe(204)
  expect((await editor.get(path)).text).toBe(`[${value}]`)
})

describe('what is refused, with nothing stored', () => {
  beforeAll(() => editor.put('/strict'))
  const json = { 'content-type': 'application/json' }
  test.each<[what: string, body: string | Buffer | undefined, headers: Record<string, string>]>([
    ['an empty array', '[]', json],
    ['an empty array with spaces', ' [ ] ', json],
    ['no body', undefined, json],
    ['an empty body', '', json],
    ['blanks', ' \n ', json],
    ['half a value', '{"a":', json],
    ['two values', '1 2', json],
    ['a trailing comma', '[1,]', json],
    ['NaN', 'NaN', json],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), json],
    ['half of a surrogate pair in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), json],
    ['no content type', '1', {}],
  ])('%s', async (_what, body, headers) => {
    const answer = await editor.send('POST', '/strict', body, headers)
    expect([answer.status, (answer.json as { code: string }).code]).toEqual([400, 'BAD_REQUEST'])
    expect((await editor.get('/strict')).text).toBe('[]')
  })
})

describe('what is of another type than the stream is refused with 409, and nothing is stored', () => {
  beforeAll(() => editor.put('/typed'))
  test.each([
    ['text', 'text/plain'],
    ['a form', 'application/x-www-form-urlencoded'],
    ['a type that only begins like ours', 'application/json5'],
  ])('%s', async (_what, type) => {
    const answer = await editor.send('POST', '/typed', '1', { 'content-type': type })
    expect([answer.status, answer.json]).toMatchObject([409, { code: 'CONFLICT', details: { reason: 'content-type' } }])
    expect((await editor.get('/typed')).text).toBe('[]')
  })
})

test('one bad message among good ones stores none of them', async () => {
  await editor.put('/atomic')
  expect((await editor.post('/atomic', '[1,2,tru]')).status).toBe(400)
  expect((await editor.get('/atomic')).text).toBe('[]')
})

test('large integers, key order, escapes and exotic keys come back as they were sent', async () => {
  await editor.put('/exact')
  const messages = [
    '{"z":1,"a":2,"10":3,"2":4}',
    '{"big":123456789012345678901234567890,"tiny":0.1000000000000000055511151231257827}',
    '{"constructor":1,"__proto__":{"x":1},"toJSON":"no","hasOwnProperty":[]}',
    '"\\u2028 \\ud83d\\ude00 \\u0000"',
    '{"a":1,"a":2}',
    '{"text":"\u2028\u2029 raw"}',
  ]
  expect((await editor.post('/exact', `[${messages.join(',')}]`)).status).toBe(204)
  expect((await editor.get('/exact')).text).toBe(`[${messages.join(',')}]`)
})

test('a message names the type of its event where it can, and never a reserved one', async () => {
  await editor.put('/types')
  await editor.post(
    '/types',
    '[{"type":"order"},{"type":"stream/closed"},{"type":7},{"type":""},{"type":"a\\u0000b"},[],"x"]',
  )
  const types = (await editor.events('/types')).slice(1).map(({ type }) => type)
  expect(types).toEqual(['order', 'message', 'message', 'message', 'message', 'message', 'message'])
  const state = await tributary.instance.engine.project(tributary.projectId('demo')).state('/types' as never)
  expect(state.closed).toBe(false)
})

test('more messages than a batch may have events fit into one request: they are limited by bytes alone', async () => {
  await editor.put('/many')
  expect((await editor.post('/many', JSON.stringify(Array.from({ length: 2500 }, (_, i) => i)))).status).toBe(204)
  expect((await editor.get('/many?offset=now')).headers['stream-next-offset']).toBe('0000000000002501_0000000000000000')
})

test('a message may be nested 256 levels deep, alone or in an array, and no deeper', async () => {
  await editor.put('/deep')
  const nested = (levels: number) => `{"a":`.repeat(levels - 1) + '{}' + '}'.repeat(levels - 1)
  expect((await editor.post('/deep', nested(256))).status).toBe(204)
  expect((await editor.post('/deep', `[${nested(256)}]`)).status).toBe(204)
  expect((await editor.post('/deep', nested(257))).status).toBe(400)
  expect((await editor.post('/deep', `[${nested(257)}]`)).status).toBe(400)
})

test('whatever JSON is appended reads back as the same text, in order, page after page', async () => {
  let round = 0
  const blank = fc.constantFrom('', ' ', '\t', '  ')
  const text = fc.tuple(blank, fc.json({ maxDepth: 6, stringUnit: 'binary' }), blank)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(text, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
      async (bodies) => {
        const path = `/property/${round++}`
        await editor.put(path)
        for (const body of bodies)
          expect((await editor.post(path, `[${body.map((parts) => parts.join('')).join(',')}]`)).status).toBe(204)
        const sent = bodies
          .flat()
          .map(([, json]) => (json.isWellFormed() ? json : JSON.stringify(JSON.parse(Buffer.from(json).toString()))))
        expect((await editor.get(path)).text).toBe(`[${sent.join(',')}]`)
      },
    ),
    { numRuns: 100 },
  )
})
