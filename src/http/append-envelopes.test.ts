import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Door, TestTributary } from '../server/testing.ts'

// POST of envelopes: everything an event can carry, over plain HTTP.

let tributary: TestTributary
let editor: Door
beforeAll(async () => {
  tributary = await TestTributary.start()
  editor = tributary.door('editor')
})
afterAll(() => tributary.stop())

const LINES = { 'content-type': 'application/vnd.tributary.event+x-ndjson' }

test('one envelope creates the stream and is answered with its receipt', async () => {
  const answer = await editor.append('/made', { type: 'order', payload: { n: 1 } })
  expect(answer.status).toBe(200)
  expect(answer.json).toEqual({
    receipts: [{ offset: 2, createdAt: expect.stringMatching(/^\d{4}-.*Z$/), duplicate: false }],
    maxOffset: 2,
  })
})

test('an array gets a receipt for each, in order, and every field reads back', async () => {
  const events = [
    {
      type: 'a',
      payload: { n: 1 },
      metadata: { by: 'me' },
      source: { processor: { slug: 's', version: '1' } },
      idempotencyKey: 'k1',
    },
    { type: 'b' },
    { type: 'c', payload: null },
  ]
  const answer = await editor.append('/fields', events)
  expect((answer.json as { receipts: { offset: number }[] }).receipts.map(({ offset }) => offset)).toEqual([2, 3, 4])
  const read = await editor.events('/fields')
  expect(read.slice(1).map(({ createdAt: _createdAt, ...rest }) => rest)).toEqual([
    { offset: 2, ...events[0] },
    { offset: 3, ...events[1] },
    { offset: 4, ...events[2] },
  ])
})

test('core events are taken from those whose role allows what they do', async () => {
  await editor.append('/core', { type: 'a' })
  const pause = { type: 'stream/paused', payload: { reason: 'enough' } }
  expect(await editor.append('/core', pause)).toMatchObject({ status: 403, json: { details: { reason: 'role' } } })
  expect((await tributary.door('operator').append('/core', pause)).status).toBe(200)
  expect(await editor.append('/core', { type: 'b' })).toMatchObject({
    status: 409,
    json: { details: { reason: 'paused', pauseReason: 'enough' } },
  })
})

test('NDJSON is one envelope a line: blank lines, CRLF and a missing last line break are fine', async () => {
  const body = '{"type":"a","payload":"\u2028"}\r\n\n  \n{"type":"b"}\n{"type":"c"}'
  const answer = await editor.send('POST', '/lines', body, LINES)
  expect([answer.status, (answer.json as { maxOffset: number }).maxOffset]).toEqual([200, 4])
  const lines = await editor.send('GET', '/lines?offset=0000000000000001_0000000000000000', undefined, {
    accept: 'application/vnd.tributary.event+x-ndjson',
  })
  expect(lines.headers['content-type']).toBe('application/vnd.tributary.event+x-ndjson')
  expect(lines.text.endsWith('\n')).toBe(true)
  expect(
    lines.text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type),
  ).toEqual(['a', 'b', 'c'])
})

test('a known key adds nothing and is answered with the first receipt', async () => {
  const event = { type: 'order', payload: 1, idempotencyKey: 'order-1' }
  const first = (await editor.append('/keys', event)).json as { receipts: object[] }
  const second = (await editor.append('/keys', [event, { type: 'next' }])).json as {
    receipts: object[]
    maxOffset: number
  }
  expect(second.receipts[0]).toEqual({ ...first.receipts[0], duplicate: true })
  expect(second.maxOffset).toBe(3)
})

test('a precondition that fails is 409 with what was expected and what is, and stores nothing of the batch', async () => {
  await editor.append('/pre', { type: 'a', offset: 2 })
  const conflict = await editor.append('/pre', [{ type: 'b' }, { type: 'c', offset: 9 }])
  expect(conflict.status).toBe(409)
  expect(conflict.json).toEqual({
    code: 'CONFLICT',
    message: expect.stringContaining('offset 9 was expected'),
    details: { reason: 'precondition', path: '/pre', expected: 9, actual: 4 },
  })
  expect(await editor.events('/pre')).toHaveLength(2)
})

describe('what is refused names its place and its field, and stores nothing', () => {
  test.each<[what: string, body: string, status: number, message: RegExp]>([
    ['an unknown field', '[{"type":"a"},{"type":"b","colour":1}]', 400, /event 2: .*colour/],
    ['a field of stored events', '{"type":"a","createdAt":"2020-01-01T00:00:00.000Z"}', 400, /createdAt/],
    ['the mark of a raw message', '{"type":"a","raw":true}', 400, /raw/],
    ['__proto__', '{"type":"a","__proto__":{"type":"b"}}', 400, /__proto__/],
    ['no type', '{"payload":1}', 400, /type/],
    ['an empty type', '{"type":""}', 400, /type/],
    ['a long type', `{"type":"${'x'.repeat(256)}"}`, 400, /256/],
    ['a control character in the type', String.raw`{"type":"a\nb"}`, 400, /control/],
    ['a lone surrogate in the key', String.raw`{"type":"a","idempotencyKey":"\ud800"}`, 400, /surrogate/],
    ['a blank key', '{"type":"a","idempotencyKey":"  "}', 400, /idempotencyKey/],
    ['metadata that is no object', '{"type":"a","metadata":[1]}', 400, /metadata/],
    ['an offset of 0', '{"type":"a","offset":0}', 400, /offset/],
    ['an offset that is text', '{"type":"a","offset":"1"}', 400, /offset/],
    ['a scalar', '7', 400, /object/],
    ['an empty array', '[]', 400, /no event/],
    ['not JSON', '{"type"', 400, /JSON/],
    ['a reserved type', '{"type":"stream/closed"}', 403, /engine/],
    ['a type reserved for later', '{"type":"stream/anything"}', 403, /engine/],
  ])('%s', async (_what, body, status, message) => {
    const answer = await editor.append('/strict', body)
    expect(answer.status).toBe(status)
    expect((answer.json as { message: string }).message).toMatch(message)
    expect((await editor.get('/strict')).status).toBe(404)
  })

  test('a bad line is named by its number, blank lines counted', async () => {
    const answer = await editor.send('POST', '/strict', '{"type":"a"}\n\n{"type":}\n', LINES)
    expect([answer.status, (answer.json as { message: string }).message]).toEqual([
      400,
      expect.stringMatching(/^line 3: /),
    ])
  })

  test('nothing but blank lines', async () => {
    expect((await editor.send('POST', '/strict', '\n \n', LINES)).status).toBe(400)
  })

  test('more events than a batch may have is 413 with the limit and the size', async () => {
    const answer = await editor.append(
      '/strict',
      Array.from({ length: 1001 }, () => ({ type: 'a' })),
    )
    expect(answer.status).toBe(413)
    expect(answer.json).toMatchObject({
      code: 'BAD_REQUEST',
      details: { reason: 'too-large', unit: 'events', size: 1001, limit: 1000 },
    })
  })
})

test('the payload keeps its digits and its keys', async () => {
  const payload = '{"constructor":1,"__proto__":{"x":1},"toJSON":2,"n":12345678901234567890,"z":0,"a":1}'
  await editor.append('/exact', `[{"payload":${payload},"type":"a"}]`)
  const read = await editor.send('GET', '/exact', undefined, { accept: 'application/vnd.tributary.event+json' })
  expect(read.text).toContain(`"payload":${payload}`)
})

test('a payload may be nested 256 levels deep, alone, in an array or on a line', async () => {
  const event = `{"type":"deep","payload":${'['.repeat(256)}${']'.repeat(256)}}`
  expect((await editor.append('/deep', event)).status).toBe(200)
  expect((await editor.append('/deep', `[${event}]`)).status).toBe(200)
  expect((await editor.send('POST', '/deep', event, LINES)).status).toBe(200)
  const deeper = `{"type":"deep","payload":${'['.repeat(257)}${']'.repeat(257)}}`
  expect((await editor.append('/deep', deeper)).status).toBe(400)
})
