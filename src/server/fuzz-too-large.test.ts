import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { JsonText } from '../streams/json-text.ts'
import { parsePath } from '../streams/path.ts'
import { exchange } from './hostile-exchange.ts'
import { Watch, checkFailure, checkRefusal, checkUnharmed } from './hostile-oracle.ts'
import { type Dialled, type Door, TestTributary } from './testing.ts'

// Threat: something large, or very many small things, take the memory or the time of everybody else. The real limits.

const MiB = 2 ** 20
const ENVELOPE = 'application/vnd.tributary.event+json'
let tributary: TestTributary
let watch: Watch
let editor: Door
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
  watch = new Watch()
  editor = tributary.door('editor')
  await editor.put('/there')
})
afterEach(async () => {
  for (const each of dialled.splice(0)) each.socket.terminate()
  await checkNothingStored()
})
afterAll(async () => {
  watch[Symbol.dispose]()
  await tributary.stop()
})

async function checkNothingStored(): Promise<void> {
  expect((await tributary.streams().state(parsePath('/there'))).maxOffset).toBe(1)
  checkUnharmed(watch)
}

function itx(): Dialled {
  const socket = tributary.itx('editor')
  dialled.push(socket)
  return socket
}
const jsonOf = (bytes: number) => `"${'x'.repeat(bytes - 2)}"` as JsonText
const tooLarge = (unit: string, size: number, limit: number) => ({
  code: 'BAD_REQUEST',
  details: { reason: 'too-large', unit, size, limit },
})

describe('one event of 17 MiB', () => {
  const payload = jsonOf(17 * MiB)
  const refusal = tooLarge('bytes', 17 * MiB, 16 * MiB)
  test('over the socket', async () => {
    await expect(
      itx()
        .streams()
        .get('/there')
        .append([{ type: 'a' }, { type: 'a', payload }]),
    ).rejects.toMatchObject(refusal)
  })
  test('over HTTP, as an envelope and as a message', async () => {
    const answers = [
      await editor.append('/there', `{"type":"a","payload":${payload}}`),
      await editor.post('/there', payload),
    ]
    for (const answer of answers) expect([answer.status, answer.json]).toMatchObject([413, refusal])
  })
})

describe('a batch of 33 MiB', () => {
  const payload = jsonOf(11 * MiB)
  const refusal = tooLarge('bytes', 33 * MiB, 32 * MiB)
  test('over the socket', async () => {
    const batch = [1, 2, 3].map(() => ({ type: 'a', payload }))
    await expect(itx().streams().get('/there').append(batch)).rejects.toMatchObject(refusal)
  })
  test('over HTTP', async () => {
    const answer = await editor.post('/there', `[${[payload, payload, payload].join(',')}]`)
    expect([answer.status, answer.json]).toMatchObject([413, refusal])
  })
})

describe('very many small events', () => {
  test.each([1001, 100_000])('%d over the socket', async (count) => {
    const batch = Array.from({ length: count }, () => ({ type: 'a' }))
    await expect(itx().streams().get('/there').append(batch)).rejects.toMatchObject(tooLarge('events', count, 1000))
  })
  test.each([1001, 100_000, 1_000_000])('%d over HTTP', async (count) => {
    // Counted before the first is looked at: it is bad.
    const answer = await editor.append('/there', `[7${',{"type":"a"}'.repeat(count - 1)}]`)
    expect([answer.status, answer.json]).toMatchObject([413, tooLarge('events', count, 1000)])
  })
  test('a million messages of a JSON stream, of which bytes alone would allow sixteen', async () => {
    // Counted before the first is looked at: it is nested too deep.
    const body = `[${'['.repeat(300)}${']'.repeat(300)}${',1'.repeat(999_999)}]`
    for (const answer of [await editor.post('/there', body), await editor.put('/new', body)]) {
      expect([answer.status, answer.json]).toMatchObject([413, tooLarge('events', 1_000_000, 100_000)])
    }
    expect((await tributary.streams().state(parsePath('/new'))).exists).toBe(false)
  })
  test('an import of a hundred thousand', async () => {
    const events = Array.from({ length: 100_000 }, () => 1)
    const chunk = { head: { contentType: 'application/json', firstOffset: 1 }, events }
    await expect(
      itx()
        .streams()
        .get('/import')
        .import(chunk as never),
    ).rejects.toMatchObject(tooLarge('events', 100_000, 1000))
  })
  test('none at all is nothing over the socket, and no request over HTTP', async () => {
    expect(await itx().streams().get('/there').append([])).toEqual([])
    expect((await editor.append('/there', '[]')).status).toBe(400)
  })
  test('a hundred thousand unknown options are not sent back', async () => {
    const options = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`option-${i}`, i]))
    const code = await itx()
      .streams()
      .get('/there')
      .read(options as never)
      .then(() => 'done', checkFailure)
    expect(code).toBe('BAD_REQUEST')
  })
})

describe('what is larger than a message may be', () => {
  test('49 MiB over the socket end their own session', async () => {
    const [greedy, modest] = [itx(), itx()]
    await modest.root.ping()
    const append = greedy
      .streams()
      .get('/there')
      .append([{ type: 'a', payload: jsonOf(49 * MiB) }])
    await expect(append).rejects.toThrow('WebSocket')
    expect(await greedy.ended).toMatchObject({ code: 1009 })
    expect(await modest.root.ping()).toBe('pong')
  })

  test('49 MiB in pieces of a message end their own session, before all of them have come', async () => {
    const headers = { authorization: `Bearer ${tributary.token('editor')}` }
    const greedy = new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, { headers })
    greedy.on('error', () => {})
    await new Promise((resolve) => greedy.once('open', resolve))
    const code = new Promise((resolve) => greedy.once('close', resolve))
    const piece = Buffer.alloc(MiB, 0x20)
    for (let sent = 0; sent < 49; sent++) greedy.send(piece, { fin: false, binary: false })
    expect(await code).toBe(1009)
  })

  test('49 MiB over HTTP, with a length and without', async () => {
    const head = (more: string) =>
      `POST /api/streams/demo/there HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${tributary.token('editor')}\r\ncontent-type: ${ENVELOPE}\r\n${more}\r\n\r\n`
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(MiB, 0x20), Buffer.from('\r\n')])
    const bodies = [
      Buffer.from(head(`content-length: ${49 * MiB}`)),
      Buffer.concat([Buffer.from(head('transfer-encoding: chunked')), ...Array.from({ length: 49 }, () => chunk)]),
    ]
    for (const bytes of bodies) {
      const answer = await exchange(tributary.port, bytes)
      checkRefusal({ ...answer, head: false })
      expect([answer.status, answer.text]).toEqual([413, expect.stringContaining(`"limit":${48 * MiB}`)])
    }
  })
})
