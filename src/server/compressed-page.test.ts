import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { compressedPage } from './compressed-page.ts'
import { TestTributary } from './testing.ts'

// Pages hold much that is alike. What is lost or held back on the way to the browser would be a broken page.

const HTML = `<!doctype html><title>A page</title>${'<li>one of many rows</li>'.repeat(4000)}`
const asked = (acceptEncoding?: string) =>
  new Request('http://localhost/projects', {
    headers: acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding },
  })
const page = (body: BodyInit | null = HTML, headers: Record<string, string> = {}) =>
  new Response(body, { status: 404, headers: { 'content-type': 'text/html; charset=utf-8', ...headers } })

describe('a page', () => {
  test('comes compressed to who accepts it, whole, and says so', async () => {
    const answered = compressedPage(asked('gzip, deflate, br, zstd'), page())
    expect(answered.status).toBe(404)
    expect(answered.headers.get('content-encoding')).toBe('zstd')
    expect(answered.headers.get('vary')).toBe('accept-encoding')
    const bytes = Buffer.from(await answered.arrayBuffer())
    expect(bytes.byteLength).toBeLessThan(HTML.length / 10)
    expect(zstdDecompressSync(bytes).toString()).toBe(HTML)
  })

  test('comes as it is to who does not, and caches are told that it depends', async () => {
    const answered = compressedPage(asked(), page())
    expect(answered.headers.get('content-encoding')).toBeNull()
    expect(answered.headers.get('vary')).toBe('accept-encoding')
    expect(await answered.text()).toBe(HTML)
  })

  test('that is rendered piece by piece is whole, and its length is not claimed', async () => {
    const body = Readable.toWeb(
      Readable.from([HTML.slice(0, 10), HTML.slice(10, 70_000), HTML.slice(70_000)].map((piece) => Buffer.from(piece))),
    )
    const answered = compressedPage(
      asked('gzip'),
      page(body as ReadableStream, { 'content-length': String(HTML.length) }),
    )
    expect(answered.headers.get('content-length')).toBeNull()
    expect(gunzipSync(Buffer.from(await answered.arrayBuffer())).toString()).toBe(HTML)
  })

  test('that breaks off in its midst breaks off for the client as well', async () => {
    const broken = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(HTML)),
      pull: (controller) => controller.error(new Error('the renderer fell over')),
    })
    await expect(compressedPage(asked('gzip'), page(broken)).arrayBuffer()).rejects.toThrow('the renderer fell over')
  })

  test('that nobody waits for any more is not rendered on', async () => {
    const cancelled = Promise.withResolvers<unknown>()
    const endless = new ReadableStream({
      pull: async (controller) => {
        await setImmediate()
        controller.enqueue(new TextEncoder().encode(HTML))
      },
      cancel: cancelled.resolve,
    })
    await compressedPage(asked('gzip'), page(endless)).body?.cancel('gone')
    expect(await cancelled.promise).toBe('gone')
  })

  test.each([
    ['an answer without a body', page(null)],
    ['what is compressed already', page(HTML, { 'content-encoding': 'br' })],
  ])('%s stays as it is', (_, response) => {
    expect(compressedPage(asked('gzip'), response)).toBe(response)
  })

  test('a picture is not compressed again', () => {
    const picture = compressedPage(asked('gzip'), page('not text', { 'content-type': 'image/png' }))
    expect(picture.headers.get('content-encoding')).toBeNull()
  })
})

test('over HTTP a page comes as the browser asks for it', async () => {
  const tributary = await TestTributary.start()
  onTestFinished(() => tributary.stop())
  const get = (acceptEncoding: string) =>
    fetch(`http://127.0.0.1:${tributary.port}/projects`, { headers: { 'accept-encoding': acceptEncoding } })
  const [small, plain] = await Promise.all([get('gzip'), get('identity')])
  expect([small.headers.get('content-encoding'), plain.headers.get('content-encoding')]).toEqual(['gzip', null])
  expect([await small.text(), await plain.text()]).toEqual(['a page', 'a page'])
})
