import { METHODS } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receipt } from '../streams/event.ts'
import { type Exchanged, exchange, requestBytes } from './hostile-exchange.ts'
import { badEvent, goodEvent, hostileBatch, hostileMessage, listed } from './hostile-input.ts'
import { Watch, checkReaders, checkRefusal, checkStored, checkUnharmed, meaning } from './hostile-oracle.ts'
import { escapedPath, hostileQuery } from './hostile-paths.ts'
import { TestTributary } from './testing.ts'

// Threat: a request that is wrong in any way at all ends the process, is stored by halves, leads into another project, or
// gets an answer that tells of the inside.

const SEED = 20_261_123
const ENVELOPES = 'application/vnd.tributary.event+json'
const LINES = 'application/vnd.tributary.event+x-ndjson'
let tributary: TestTributary
let watch: Watch
let authorization: string
beforeAll(async () => {
  tributary = await TestTributary.start()
  watch = new Watch()
  authorization = `Bearer ${tributary.token('editor')}`
  tributary.project('other')
  await tributary.streams('other').append('/a' as never, [{ type: 'secret' }])
})
afterAll(async () => {
  watch[Symbol.dispose]()
  await tributary.stop()
})

const maxOffset = async (path: string) => (await tributary.streams().state(path as never)).maxOffset
const send = (method: string, path: string, type: string, body?: string) =>
  tributary.door('editor').send(method, path, body, { 'content-type': type })

/** Another caller is served, and what is sent is stored. */
async function checkGoingOn(): Promise<void> {
  const before = await maxOffset('/good')
  const answer = await send('POST', '/good', ENVELOPES, '{"type":"good"}')
  expect([answer.status, await maxOffset('/good')]).toEqual([200, Math.max(before, 1) + 1])
  checkUnharmed(watch)
}

// A byte order mark at the beginning of a body is no part of it.
const startsWell = ([first]: readonly { readonly text: string }[]) => !first?.text.startsWith('\ufeff')

test('700 hostile events, in bodies of either kind, are stored whole or refused whole, and read back alike through every door', async () => {
  let sent = 0
  const used = new Set<string>()
  await fc.assert(
    fc.asyncProperty(hostileBatch.filter(startsWell), fc.boolean(), fc.nat(20), async (batch, lines, place) => {
      sent += batch.length
      const path = `/events/${place}`
      const before = await maxOffset(path)
      const texts = batch.map(({ text }) => text)
      const body = lines ? texts.join('\n') : `[${texts.join(',')}]`
      const answer = await send('POST', path, lines ? LINES : ENVELOPES, body)
      if (!batch.every(({ good }) => good)) {
        checkRefusal({ ...answer, head: false })
        expect([answer.status, await maxOffset(path)]).toEqual([400, before])
        return
      }
      expect(answer.status).toBe(200)
      used.add(path)
      const { receipts } = answer.json as { receipts: readonly Receipt[] }
      await checkStored(batch, receipts, (offset) => tributary.streams().getEvent(path as never, { offset }))
      const fresh = receipts.filter(({ duplicate }) => !duplicate).length
      expect(await maxOffset(path)).toBe(Math.max(before, 1) + fresh)
    }),
    { numRuns: 350, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(700)
  for (const path of used) expect(await checkReaders(tributary, path)).toBeGreaterThan(1)
  await checkGoingOn()
}, 60_000)

test('400 hostile messages of a JSON stream read back as they were sent, or none of them is stored', async () => {
  const all: (string | undefined)[] = []
  let sent = 0
  await send('PUT', '/messages', 'application/json')
  await fc.assert(
    fc.asyncProperty(fc.array(hostileMessage, { minLength: 1, maxLength: 3 }), async (messages) => {
      sent += messages.length
      const before = await maxOffset('/messages')
      const answer = await send(
        'POST',
        '/messages',
        'application/json',
        `[${messages.map(({ text }) => text).join(',')}]`,
      )
      if (messages.every(({ good }) => good)) {
        expect([answer.status, await maxOffset('/messages')]).toEqual([204, before + messages.length])
        all.push(...messages.map(({ text }) => meaning(text)))
      } else {
        checkRefusal({ ...answer, head: false })
        expect([answer.status, await maxOffset('/messages')]).toEqual([400, before])
      }
    }),
    { numRuns: 250, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(400)
  const read: (string | undefined)[] = []
  for (let offset = '-1', done = false; !done;) {
    const page = await tributary.door('viewer').get(`/messages?offset=${offset}`)
    read.push(...(JSON.parse(page.text) as unknown[]).map((each) => JSON.stringify(each)))
    offset = String(page.headers['stream-next-offset'])
    done = page.headers['stream-up-to-date'] === 'true'
  }
  expect(read).toEqual(all)
  await checkReaders(tributary, '/messages')
  await checkGoingOn()
}, 60_000)

/** What Node itself says to what it cannot take. */
const OF_NODE = [0, 400, 404, 408, 411, 413, 414, 417, 431, 501, 505]

function checkAnswer(answer: Exchanged, method: string): void {
  expect(answer.text).not.toContain('secret')
  if (!answer.ours) expect(OF_NODE).toContain(answer.status)
  else if (answer.status >= 300) checkRefusal({ ...answer, head: method === 'HEAD' })
  else expect([200, 201, 204]).toContain(answer.status)
}

test('700 hostile addresses are refused, or are those of this project', async () => {
  let sent = 0
  await fc.assert(
    fc.asyncProperty(
      escapedPath,
      hostileQuery,
      fc.constantFrom('GET', 'GET', 'HEAD', 'PUT', 'POST'),
      async (path, query, method) => {
        sent++
        const target = `/api/streams/demo${path}${query}`
        checkAnswer(
          await exchange(
            tributary.port,
            requestBytes(method, target, { authorization, 'content-type': 'application/json' }),
          ),
          method,
        )
        if (sent % 50 === 0) await checkGoingOn()
      },
    ),
    { numRuns: 700, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(700)
  expect(tributary.logged).toEqual([])
}, 60_000)

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  authorization: [
    '',
    'Bearer',
    'Bearer  x',
    'Basic YTpi',
    `Bearer trb_${'x'.repeat(43)}`,
    `Bearer ${' '.repeat(9000)}`,
    'Bearer \xff',
    'Bearer a,Bearer b',
  ],
  cookie: [
    '',
    '=',
    ';;;',
    'a',
    '__proto__=1',
    'tributary.session_token=%E0%A4%A',
    'tributary.session_token=a.b',
    `a=${'x'.repeat(9000)}`,
    'a=\xff',
  ],
  'content-type': [
    '',
    ' ',
    ';',
    'application/json;',
    'application/json; charset=\xff',
    'application/json\tx',
    'text/plain',
    'APPLICATION/JSON',
    ENVELOPES,
    LINES,
    `application/json; a=${'x'.repeat(300)}`,
    'multipart/form-data',
    '__proto__',
  ],
  accept: ['', '*/*', ';', ENVELOPES, `${LINES};q=0`, 'text/event-stream', 'x'.repeat(9000), '\xff', ','.repeat(500)],
  'content-length': ['-1', '1e3', '0x10', '99999999999999999999', '5, 5', '', '+3', '3 ', '50331649'],
  'transfer-encoding': ['chunked', 'gzip', 'chunked, chunked', 'identity', 'xchunked', ''],
  'content-encoding': ['gzip', 'br', 'x'],
  expect: ['100-continue', 'x', ''],
  host: ['', '[', 'a b', 'x:99999999', '//', 'evil.example', '\xff'],
  origin: ['null', 'http://evil.example', '', '*'],
  range: ['bytes=0-1', 'bytes=-', 'x'],
  upgrade: ['h2c', 'websocket', 'x'],
  'stream-seq': ['1'],
  'x-forwarded-for': ['127.0.0.1', '__proto__'],
  x: ['x'.repeat(17_000), 'a\r\nb: c', 'a\rb', 'a\nb', 'a\0b'],
}
const header = fc
  .constantFrom(...Object.entries(HEADERS))
  .chain(([name, values]) => fc.constantFrom(...values).map((value): [string, string] => [name, value]))

test('500 hostile heads, with any method there is and any body, are refused or served', async () => {
  let sent = 0
  const methods = fc.oneof(fc.constantFrom(...METHODS, 'get', 'X', 'GET\t', ''), fc.constantFrom('PUT', 'POST'))
  const targets = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom('/api/streams/demo/heads', '/api/streams/demo/heads/absent', '/api/streams/demo'),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ...listed`*  //  ///  //[  http://[  http://x/api/streams/demo/a  /api/streams/  /api/streams/%  /api/streams/other/a
          /api/streams/__proto__/a  /api/itx  /api/setup  /api/auth/get-session  /api/auth/sign-in/email  /api/auth/%00
          /api/nothing  /%2e%2e/api/streams/other/a  /api/streams/demo/../other/a  x  /api/streams/demo;a/b  /?  ?`,
      ),
    },
  )
  const body = fc.oneof(
    fc.oneof(goodEvent, badEvent).map(({ text }) => text),
    fc.constantFrom('', '1', '\0', 'a=1', '5\r\nabc'),
  )
  await fc.assert(
    fc.asyncProperty(
      methods,
      targets,
      fc.array(header, { maxLength: 3 }),
      body,
      async (method, target, some, content) => {
        sent++
        const length = some.some(([name]) => name === 'transfer-encoding')
          ? {}
          : { 'content-length': String(Buffer.byteLength(content)) }
        const headers = { authorization, 'content-type': ENVELOPES, ...length, ...Object.fromEntries(some) }
        // Whatever a body lacks never comes: the end of the connection is the end of it.
        const bytes = requestBytes(method, target, headers, content)
        const answer = await exchange(tributary.port, bytes, { cut: bytes.length, politely: true })
        // Sign-in and pages are answered by libraries, in words of their own.
        if (target.startsWith('/api/streams')) checkAnswer(answer, method)
        else
          expect([method, target, answer.status >= 500 && answer.status !== 501 && answer.status !== 505]).toEqual([
            method,
            target,
            false,
          ])
        if (sent % 50 === 0) await checkGoingOn()
      },
    ),
    { numRuns: 500, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(500)
  expect(tributary.logged).toEqual([])
  await checkGoingOn()
}, 60_000)

test('200 bodies that are cut off in the middle are not stored, and are no errors of the server', async () => {
  let sent = 0
  const cut = fc.tuple(goodEvent, fc.boolean(), fc.double({ min: 0, max: 0.999, noNaN: true }), fc.boolean())
  await fc.assert(
    fc.asyncProperty(cut, async ([{ text }, chunked, part, politely]) => {
      sent++
      const bytes = Buffer.from(text)
      const head = { authorization, 'content-type': ENVELOPES }
      const whole = chunked
        ? requestBytes(
            'POST',
            '/api/streams/demo/cut',
            { ...head, 'transfer-encoding': 'chunked' },
            `${bytes.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
          )
        : requestBytes('POST', '/api/streams/demo/cut', { ...head, 'content-length': String(bytes.length) }, text)
      const answer = await exchange(tributary.port, whole, { cut: Math.floor(part * whole.length), politely })
      expect(OF_NODE).toContain(answer.status)
    }),
    { numRuns: 200, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(200)
  await checkGoingOn()
  expect(await maxOffset('/cut')).toBe(0)
  expect(tributary.logged).toEqual([])
}, 60_000)
