import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type JsonText, encodeJson } from '../streams/json-text.ts'
import { parsePath } from '../streams/path.ts'
import { createHttpServer } from './http-server.ts'
import { exchange } from './hostile-exchange.ts'
import { checkFailure } from './hostile-oracle.ts'
import { type Dialled, type Door, TestTributary } from './testing.ts'

// What hostile input has found so far, each by name.

let tributary: TestTributary
let editor: Door
let itx: Dialled
beforeAll(async () => {
  tributary = await TestTributary.start()
  editor = tributary.door('editor')
  itx = tributary.itx('admin')
})
afterAll(async () => {
  itx.close()
  await tributary.stop()
})

test.each([
  ['an object without words', '{"toString":1,"valueOf":1}', 'an object'],
  ['a hundred thousand levels', '['.repeat(100_000) + ']'.repeat(100_000), 'an array'],
  ['a long list', `[${'1,'.repeat(1_000_000)}1]`, 'an array'],
  ['a long text', JSON.stringify('x'.repeat(1_000_000)), `"${'x'.repeat(80)}…"`],
  ['a text that looks like a number', '"1"', '"1"'],
])('an offset that is %s is shown shortly, whatever it says of itself', async (_what, offset, shown) => {
  const answer = await editor.append('/offsets', `{"type":"a","offset":${offset}}`)
  expect([answer.status, answer.json]).toEqual([
    400,
    {
      code: 'BAD_REQUEST',
      message: `event 1: offset must be a whole number of at least 1, not ${shown}`,
      details: { field: 'offset', at: 'event 1' },
    },
  ])
})

test('what a value throws when it is written may be anything', () => {
  const toJSON = () => {
    throw Object.create(null)
  }
  expect(() => encodeJson({ toJSON }, 'payload')).toThrow('payload cannot be written as JSON: an object')
})

test('a lone surrogate in a payload changes nothing else of it', async () => {
  const payload = '{"n":12345678901234567890,"e":1e400,"a":1,"a":2,"s":"\ud800x","t":"\udc00\ud83d\ude00"}'
  const stream = itx.streams().get('/surrogates')
  await stream.append([{ type: 'a', payload: payload as JsonText }])
  const event = await stream.getEvent({ offset: 2 })
  expect(event?.payload).toBe(String.raw`{"n":12345678901234567890,"e":1e400,"a":1,"a":2,"s":"\ud800x","t":"\udc00😀"}`)
})

describe('an import that ends where whole numbers end', () => {
  const time = '2026-01-01T00:00:00.000Z'
  const chunk = (firstOffset: number) => {
    const counts = { eventCount: 0, firstOffset, maxOffset: firstOffset - 1, lastVisibleOffset: 0 }
    const flags = { paused: false, pauseReason: null, closed: false, config: {}, metadata: {} }
    const state = { contentType: 'application/json', createdAt: time, lastEventAt: time, ...counts, ...flags }
    return {
      head: { contentType: 'application/json', firstOffset, baseState: JSON.stringify(state) },
      events: [{ offset: firstOffset, type: 'a', createdAt: time }],
      last: true,
    }
  }
  test.each([Number.MAX_SAFE_INTEGER, 2 ** 52 + 1, 2 ** 53, 1e308])(
    '%d is refused: nobody could append after it',
    async (offset) => {
      expect(
        await itx
          .streams()
          .get('/end')
          .import(chunk(offset))
          .then(() => 'imported', checkFailure),
      ).toBe('BAD_REQUEST')
    },
  )
  test('the greatest that is taken leaves room, and leaves others alone', async () => {
    await itx
      .streams()
      .get('/end')
      .import(chunk(2 ** 52))
    const appends = ['/end', '/neighbour', '/end', '/neighbour'].map((path) =>
      itx
        .streams()
        .get(path)
        .append([{ type: 'a' }]),
    )
    const receipts = await Promise.all(appends)
    expect(receipts.map(([receipt]) => receipt?.offset)).toEqual([2 ** 52 + 1, 2, 2 ** 52 + 2, 3])
    const { events } = await itx.streams().get('/end').read()
    expect(events.map(({ offset }) => offset)).toEqual([2 ** 52, 2 ** 52 + 1, 2 ** 52 + 2])
  })
})

test('a processor whose name is no text is not there', async () => {
  const { processors } = tributary.streams()
  await tributary.streams().create(parsePath('/named'))
  for (const name of [{ toString: 1 }, Object.create(null) as object, ['a'.repeat(1000)]]) {
    for (const call of [
      processors.attach(parsePath('/named'), name as never),
      processors.detach(parsePath('/named'), name as never),
    ]) {
      expect(await call.then(() => 'done', checkFailure)).toBe('NOT_FOUND')
    }
  }
})

test.each(['TRACE', 'DELETE', 'PUT', 'QUERY', 'PROPFIND'])('sign-in does not answer %s', async (method) => {
  const answer = await tributary.raw('/api/auth/get-session', { method })
  expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, POST'])
})

test('a content type that is long is refused, and creates nothing', async () => {
  const type = (length: number) => 'application/json; a='.padEnd(length, 'x')
  const refused = await editor.send('PUT', '/typed', undefined, { 'content-type': type(256) })
  expect([refused.status, refused.json]).toMatchObject([400, { details: { size: 256, limit: 255 } }])
  expect((await editor.send('PUT', '/typed', undefined, { 'content-type': type(255) })).status).toBe(201)
})

test('a long name of a setting is not sent back', async () => {
  const setting = 'x'.repeat(1_000_000)
  const stream = itx.streams().get('/configured')
  await stream.create()
  expect(await stream.configure({ [setting]: 1 } as never).then(() => 'done', checkFailure)).toBe('BAD_REQUEST')
  expect(await stream.read({ [setting]: 1 } as never).then(() => 'done', checkFailure)).toBe('BAD_REQUEST')
})

test('whoever offers HTTP/2 is answered in HTTP/1.1', async () => {
  const bytes = 'GET /api/nothing HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n'
  const answer = await exchange(tributary.port, Buffer.from(bytes))
  expect([answer.status, answer.ours, answer.text]).toEqual([404, true, expect.stringContaining('NOT_FOUND')])
})

test('a head that is too long is 431, and another request is answered', async () => {
  for (const head of [
    `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x`,
    `GET / HTTP/1.1\r\nhost: x\r\na: ${'b'.repeat(20_000)}`,
  ]) {
    expect((await exchange(tributary.port, Buffer.from(`${head}\r\n\r\n`))).status).toBe(431)
  }
  expect((await editor.put('/after')).status).toBe(201)
})

test('a request that never ends is ended: in a minute its head, in five its body', () => {
  const { server } = createHttpServer({ handle: () => {}, handleUpgrade: async () => {} })
  expect([server.headersTimeout, server.requestTimeout]).toEqual([60_000, 300_000])
})

test('many bad calls at once are all answered, and good ones among them', async () => {
  const bad = Array.from({ length: 1000 }, () =>
    itx
      .streams()
      .get('/many')
      .append([{ type: '' }])
      .then(() => 'stored', checkFailure),
  )
  const good = itx
    .streams()
    .get('/many')
    .append([{ type: 'a' }])
  const requests = Array.from({ length: 200 }, () => editor.append('/many', '{"type":""}'))
  expect(new Set(await Promise.all(bad))).toEqual(new Set(['BAD_REQUEST']))
  expect(new Set((await Promise.all(requests)).map(({ status }) => status))).toEqual(new Set([400]))
  expect(await good).toHaveLength(1)
})
