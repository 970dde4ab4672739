import { createHash, randomBytes } from 'node:crypto'
import { createConnection } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parsePath } from '../streams/path.ts'
import { exchange, requestBytes } from './hostile-exchange.ts'
import { Watch, checkRefusal, checkUnharmed } from './hostile-oracle.ts'
import { type Door, TestTributary, eventually } from './testing.ts'

// Threat: large bodies are stored by halves, or not as they came; a client that vanishes in the middle of one leaves
// something behind: data, a number used up, an end, memory.

const SEED = 20_261_126
const MiB = 2 ** 20
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let tributary: TestTributary
let watch: Watch
let door: Door
let authorization: string
beforeAll(async () => {
  tributary = await TestTributary.start()
  watch = new Watch()
  authorization = `Bearer ${tributary.token('admin')}`
  door = tributary.door('admin')
})
afterAll(async () => {
  watch[Symbol.dispose]()
  await tributary.stop()
})

const stateOf = (path: string) => tributary.streams().state(parsePath(path))

async function checkGoingOn(): Promise<void> {
  const before = (await stateOf('/good')).maxOffset
  expect((await door.append('/good', { type: 'good' })).status).toBe(200)
  expect((await stateOf('/good')).maxOffset).toBeGreaterThan(before)
  checkUnharmed(watch)
  expect(tributary.logged).toEqual([])
}

const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** All bytes of a stream, page by page. */
async function readAll(path: string): Promise<Buffer> {
  const pages: Buffer[] = []
  for (let offset = '-1', done = false; !done;) {
    const headers = { authorization, 'accept-encoding': 'identity' }
    const page = await fetch(`${tributary.url}/api/streams/demo${path}?offset=${offset}`, { headers })
    expect(page.status).toBe(200)
    pages.push(Buffer.from(await page.arrayBuffer()))
    offset = page.headers.get('stream-next-offset') ?? ''
    done = page.headers.get('stream-up-to-date') === 'true'
  }
  return Buffer.concat(pages)
}

describe('the real limits', () => {
  const line = 'zwölf Boxkämpfer 🥊 jagen Viktor\n'
  const lines = Buffer.from(line.repeat(Math.floor((16 * MiB) / Buffer.byteLength(line)) - 1))
  const text = Buffer.concat([lines, Buffer.from('🥊').subarray(0, 3)])
  test.each([
    ['bytes', randomBytes(16 * MiB)],
    ['text, its last character cut in two', text],
  ])('16 MiB of %s in one append read back as they were sent', async (what, body) => {
    const path = `/large/${what.slice(0, 4)}`
    await door.send('PUT', path, undefined, { 'content-type': 'application/octet-stream' })
    expect((await door.send('POST', path, body, { 'content-type': 'application/octet-stream' })).status).toBe(204)
    expect(sha(await readAll(path))).toBe(sha(body))
  })

  test('16 MiB of JSON messages in one append read back as they were sent', async () => {
    await door.put('/large/json')
    const messages = Array.from({ length: 16_000 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(1000) }))
    const body = `[${messages.join(',')}]`
    expect(Buffer.byteLength(body)).toBeGreaterThan(15.5 * MiB)
    expect((await door.post('/large/json', body)).status).toBe(204)
    const pages = (await readAll('/large/json')).toString()
    // Each page is an array.
    expect(sha(Buffer.from(pages.replaceAll('][', ',')))).toBe(sha(Buffer.from(body)))
  })

  test.each([
    ['a batch, 40 MiB as they are stored', 30 * MiB],
    ['a body, 49 MiB', 49 * MiB],
  ])('bytes over the size of %s are 413, and nothing of them is stored', async (_what, size) => {
    const body = Buffer.alloc(size, 0xff)
    const type = { 'content-type': 'application/octet-stream' }
    await door.send('PUT', '/too-large', undefined, type)
    for (const [method, path] of [['POST', '/too-large'] as const, ['PUT', '/never-made'] as const]) {
      const answer = await door.send(method, path, body, { ...type, 'stream-closed': 'true' })
      checkRefusal({ ...answer, head: false })
      expect([answer.status, answer.json]).toMatchObject([413, { details: { reason: 'too-large', unit: 'bytes' } }])
    }
    expect(await stateOf('/too-large')).toMatchObject({ maxOffset: 1, closed: false })
    expect((await stateOf('/never-made')).exists).toBe(false)
    await checkGoingOn()
  })
})

describe('clients that vanish', () => {
  test('in the middle of a body, 200 of them: nothing is stored or closed, and no number is used up', async () => {
    const type = { 'content-type': 'application/octet-stream' }
    const producer = { 'producer-id': 'gone', 'producer-epoch': '0', 'producer-seq': '0' }
    await door.send('PUT', '/cut', undefined, type)
    const cuts = fc.tuple(
      fc.constantFrom('POST', 'PUT'),
      fc.boolean(),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.boolean(),
    )
    await fc.assert(
      fc.asyncProperty(cuts, async ([method, chunked, part, politely]) => {
        const body = Buffer.alloc(2000, 0xfe)
        const sent = chunked ? Buffer.concat([Buffer.from('7d0\r\n'), body, Buffer.from('\r\n0\r\n\r\n')]) : body
        const headers = { authorization, ...type, ...producer, 'stream-seq': '1', 'stream-closed': 'true' }
        const length: Record<string, string> = chunked
          ? { 'transfer-encoding': 'chunked' }
          : { 'content-length': '2000' }
        const path = method === 'PUT' ? '/cut-off' : '/cut'
        const whole = requestBytes(method, `/api/streams/demo${path}`, { ...headers, ...length }, sent)
        // At least a part of the body has not come, its last chunk included.
        const cut = Math.min(Math.floor(part * whole.length), whole.length - (chunked ? 8 : 1))
        const { status } = await exchange(tributary.port, whole, { cut, politely })
        expect([0, 400, 408]).toContain(status)
      }),
      { numRuns: 200, seed: SEED },
    )
    await checkGoingOn()
    expect(await stateOf('/cut')).toMatchObject({ maxOffset: 1, closed: false })
    expect((await stateOf('/cut-off')).exists).toBe(false)
    const again = await door.send('POST', '/cut', 'x', { ...type, ...producer, 'stream-seq': '0' })
    expect([again.status, (await door.get('/cut')).text]).toEqual([200, 'x'])
  }, 60_000)

  test('with 160 MiB on their way leave no memory behind', async () => {
    const held = () => {
      collect()
      const { arrayBuffers, external } = process.memoryUsage()
      return Math.max(arrayBuffers, external)
    }
    await door.send('PUT', '/vanish', undefined, { 'content-type': 'application/octet-stream' })
    const before = held()
    const head = { authorization, 'content-type': 'application/octet-stream', 'content-length': String(40 * MiB) }
    const part = requestBytes('POST', '/api/streams/demo/vanish', head, Buffer.alloc(16 * MiB))
    const sockets = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = createConnection(tributary.port, '127.0.0.1').on('error', () => {})
        await new Promise<void>((resolve) => socket.write(part, () => resolve()))
        return socket
      }),
    )
    // They are there, and so is what they sent.
    await eventually(() => held() > before + 100 * MiB)
    for (const socket of sockets) socket.resetAndDestroy()
    await eventually(() => held() < before + 4 * MiB)
    expect((await stateOf('/vanish')).maxOffset).toBe(1)
    await checkGoingOn()
  }, 60_000)
})
