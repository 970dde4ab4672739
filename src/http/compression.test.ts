import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Door, TestTributary } from '../server/testing.ts'
import { acceptedEncoding, encodedBody } from './compression.ts'

// Guards that a client gets what it can read: as it accepts it, once, and nothing smaller made larger.

const TEXT = JSON.stringify(Array.from({ length: 500 }, (_, i) => ({ type: 'order', n: i, note: `number ${i}` })))

describe('what is accepted', () => {
  test.each([
    [null, null],
    ['', null],
    ['gzip', 'gzip'],
    ['gzip, deflate', 'gzip'],
    ['gzip, deflate, br', 'br'],
    ['gzip, deflate, br, zstd', 'zstd'],
    ['GZIP;Q=1', 'gzip'],
    ['gzip;q=1, br;q=0.5', 'gzip'],
    ['br;q=0, gzip;q=0.001', 'gzip'],
    ['gzip;q=0', null],
    ['deflate', null],
    ['identity', null],
    ['*', 'zstd'],
    ['*;q=0', null],
    ['zstd;q=0, *', 'br'],
    ['identity;q=1, gzip;q=0.5', null],
    ['gzip;q=nonsense', null],
    ['gzip;q=2', null],
  ] as const)('%j: %j', (header, encoding) => expect(acceptedEncoding(header)).toBe(encoding))
})

describe('a body', () => {
  test.each([
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
    ['zstd', zstdDecompressSync],
  ] as const)('comes back from %s as it was', async (encoding, decompress) => {
    for (const sent of [TEXT, Buffer.from(TEXT)]) {
      const { body, headers } = await encodedBody(encoding, 'application/json', sent)
      expect(headers).toEqual({ 'content-encoding': encoding })
      expect(body.length).toBeLessThan(TEXT.length / 3)
      expect(decompress(body as Buffer).toString()).toBe(TEXT)
    }
  })

  test.each([
    ['application/json; charset=utf-8', true],
    ['text/plain', true],
    ['application/vnd.tributary.event+json', true],
    ['application/vnd.tributary.event+x-ndjson', true],
    ['application/octet-stream', false],
    ['image/png', false],
    ['application/gzip', false],
  ])('of %s is compressed: %s', async (contentType, compressed) => {
    const { headers } = await encodedBody('gzip', contentType, TEXT)
    expect('content-encoding' in headers).toBe(compressed)
  })

  test('that is small, that would grow, or that nobody wants compressed, is left alone', async () => {
    for (const [accept, body] of [
      ['gzip', TEXT.slice(0, 4095)],
      ['deflate', TEXT],
      [null, TEXT],
    ] as const) {
      expect(await encodedBody(accept, 'application/json', body)).toEqual({ body, headers: {} })
    }
    const random = crypto.getRandomValues(Buffer.alloc(8192))
    expect(await encodedBody('gzip', 'text/plain', random)).toEqual({ body: random, headers: {} })
  })
})

describe('through the server', () => {
  let tributary: TestTributary
  let editor: Door
  beforeAll(async () => {
    tributary = await TestTributary.start()
    editor = tributary.door('editor')
    await editor.put('/s', TEXT)
    await editor.send('PUT', '/bytes', 'x'.repeat(10_000), { 'content-type': 'application/octet-stream' })
  })
  afterAll(() => tributary.stop())

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${tributary.url}/api/streams/demo${path}`, {
      headers: { authorization: `Bearer ${tributary.token('viewer')}`, ...headers },
    })

  test('a page of messages comes compressed and says so; without being asked it comes as it is', async () => {
    const compressed = await get('/s', { 'accept-encoding': 'gzip' })
    expect(compressed.headers.get('content-encoding')).toBe('gzip')
    expect(compressed.headers.get('vary')).toMatch(/accept-encoding/)
    expect(await compressed.text()).toBe(TEXT)
    const plain = await get('/s', { 'accept-encoding': 'identity' })
    expect(plain.headers.get('content-encoding')).toBeNull()
    expect(plain.headers.get('vary')).toMatch(/accept-encoding/)
    expect(await plain.text()).toBe(TEXT)
  })

  test('bytes, heads, pages that are known, and streams of events are left alone', async () => {
    const accept = { 'accept-encoding': 'gzip, br, zstd' }
    const answers = [await get('/bytes', accept), await get('/s?offset=now', accept)]
    const etag = (await get('/s', accept)).headers.get('etag') ?? ''
    answers.push(await get('/s', { ...accept, 'if-none-match': etag }))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 304])
    const live = await get('/s?live=sse&offset=-1', accept)
    answers.push(live)
    for (const { headers } of answers) expect(headers.get('content-encoding')).toBeNull()
    await live.body?.cancel()
  })
})
