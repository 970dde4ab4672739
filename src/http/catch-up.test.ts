import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OPERATOR } from '../control-plane/audit.ts'
import { createToken, revokeToken } from '../control-plane/tokens.ts'
import { type Door, TestTributary, eventually } from '../server/testing.ts'
import { parsePath } from '../streams/path.ts'
import { SseClient } from './testing.ts'

// GET without `live`: one answer holds all there is, however long, in a page of memory; one that cannot be finished breaks
// off, and never looks like a shorter stream.

let tributary: TestTributary
let editor: Door
let authorization: string
beforeAll(async () => {
  tributary = await TestTributary.start()
  editor = tributary.door('editor')
  authorization = `Bearer ${tributary.token('viewer')}`
  await editor.put('/long')
  await editor.post('/long', JSON.stringify(NUMBERS))
  await editor.append('/long', { type: 'last' })
})
afterAll(() => tributary.stop())

const NUMBERS = Array.from({ length: 12_345 }, (_, i) => i)
const TAIL = '0000000000012347_0000000000000000'
const address = (path: string) => `${tributary.url}/api/streams/demo${path}`
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(address(path), { headers: { authorization, 'accept-encoding': 'identity', ...headers } })

describe('one answer holds what is there', () => {
  test.each(['identity', 'gzip', 'br', 'zstd'])('of several pages of messages, as %s', async (encoding) => {
    const answer = await get('/long', { 'accept-encoding': encoding })
    expect(answer.headers.get('content-encoding')).toBe(encoding === 'identity' ? null : encoding)
    expect(answer.headers.get('content-length')).toBe(null)
    expect(answer.headers.get('stream-next-offset')).toBe(TAIL)
    expect(answer.headers.get('stream-up-to-date')).toBe('true')
    const messages = (await answer.json()) as unknown[]
    expect(messages.pop()).toMatchObject({ type: 'last', offset: 12_347 })
    expect(messages).toEqual(NUMBERS)
  })

  test('from any offset', async () => {
    const answer = await get('/long?offset=0000000000000003_0000000000000000')
    expect(((await answer.json()) as unknown[]).slice(0, -1)).toEqual(NUMBERS.slice(2))
  })

  test('as envelopes, core events included', async () => {
    const answer = await get('/long', { accept: 'application/vnd.tributary.event+json' })
    const offsets = ((await answer.json()) as { offset: number }[]).map(({ offset }) => offset)
    expect(offsets).toEqual(Array.from({ length: 12_347 }, (_, i) => i + 1))
  })

  test('as envelopes, one per line', async () => {
    const answer = await get('/long', { accept: 'application/vnd.tributary.event+x-ndjson' })
    const lines = (await answer.text()).split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => (JSON.parse(line) as { offset: number }).offset)).toEqual(
      Array.from({ length: 12_347 }, (_, i) => i + 1),
    )
  })

  test('of bytes, to the last', async () => {
    const bytes = randomBytes(11 * 1024 * 1024 + 7)
    await editor.send('PUT', '/bytes', undefined, { 'content-type': 'image/png' })
    await editor.send('POST', '/bytes', bytes, { 'content-type': 'image/png' })
    const answer = await get('/bytes', { 'accept-encoding': 'gzip' })
    // What is no text is not compressed.
    expect(answer.headers.get('content-encoding')).toBe(null)
    expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), bytes)).toBe(0)
  })

  test('of a closed stream, and says that it is closed', async () => {
    await editor.put('/closed', JSON.stringify(NUMBERS))
    await tributary.door('operator').send('POST', '/closed', undefined, { 'stream-closed': 'true' })
    const answer = await get('/closed')
    expect(answer.headers.get('stream-closed')).toBe('true')
    expect(await answer.json()).toEqual(NUMBERS)
  })

  test('is known again by its tag, without a read', async () => {
    const first = await get('/long')
    await first.arrayBuffer()
    const again = await get('/long', { 'if-none-match': first.headers.get('etag') ?? '' })
    expect([again.status, again.headers.get('stream-next-offset'), await again.text()]).toEqual([304, TAIL, ''])
  })
})

/** Asks for far more than all buffers on the way hold, and takes nothing until it is told to. */
async function stalledAt(path: string, bearer = authorization): Promise<SseClient> {
  await editor.put(path)
  for (let i = 0; i < 40; i++) await editor.post(path, JSON.stringify(`${i} ${'x'.repeat(1_000_000)}`))
  const headers = { authorization: bearer, 'accept-encoding': 'identity' }
  const client = new SseClient(tributary.port, `/api/streams/demo${path}`, headers, { paused: true })
  await eventually(() => client.status === 200)
  return client
}

const numbersIn = ({ text }: SseClient) => (JSON.parse(text) as string[]).map((each) => Number.parseInt(each, 10))

describe('a client that takes its time', () => {
  test('gets what was there when it asked, whatever comes in between', async () => {
    const client = await stalledAt('/slow')
    await editor.post('/slow', JSON.stringify('999'))
    client.resume()
    expect(await client.ended).toBe('end')
    expect(numbersIn(client)).toEqual(Array.from({ length: 40 }, (_, i) => i))
    await eventually(() => tributary.instance.readers.size === 0)
  })

  test('is not read for ahead of what it takes', async () => {
    const before = process.memoryUsage().arrayBuffers
    const clients = [await stalledAt('/ahead')]
    for (let i = 0; i < 9; i++) {
      clients.push(new SseClient(tributary.port, '/api/streams/demo/ahead', { authorization }, { paused: true }))
    }
    await eventually(() => tributary.instance.readers.size === 10)
    for (let i = 0; i < 20; i++) await editor.post('/ahead', '1')
    // All of it would be 400 MB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(150 * 1024 * 1024)
    for (const each of clients) each.vanish()
    await eventually(() => tributary.instance.readers.size === 0)
  })

  test.each(['deleted', 'reset'] as const)('is cut off when the stream is %s', async (how) => {
    const path = `/gone-${how}`
    const client = await stalledAt(path)
    if (how === 'deleted') await tributary.streams().delete(parsePath(path))
    else await tributary.streams().reset(parsePath(path))
    client.resume()
    expect(await client.ended).toBe('cut')
    expect(tributary.logged).toEqual([])
  })

  test('is cut off within 5 s when its token is revoked', async () => {
    const { control } = tributary.instance
    const projectId = tributary.projectId('demo')
    const { id, token } = createToken(control, { projectId, role: 'viewer' })
    const client = await stalledAt('/revoked', `Bearer ${token}`)
    revokeToken(control, { projectId, tokenId: id, by: OPERATOR })
    await eventually(() => tributary.instance.readers.size === 0)
    client.resume()
    expect(await client.ended).toBe('cut')
  })

  test('is cut off when the server stops', async () => {
    const client = await stalledAt('/stopped')
    const begun = performance.now()
    await tributary.pause()
    expect(performance.now() - begun).toBeLessThan(2000)
    client.resume()
    expect(await client.ended).toBe('cut')
  })
})
