import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parsePath } from '../streams/path.ts'
import { exchange, requestBytes } from './hostile-exchange.ts'
import { Watch, checkRefusal, checkUnharmed } from './hostile-oracle.ts'
import { type Door, TestTributary } from './testing.ts'

// Threat: headers and parameters of the Durable Streams protocol that say nothing sensible change a stream, end the process,
// or are taken for something else than they say.

const SEED = 20_261_125

let tributary: TestTributary
let watch: Watch
let door: Door
let authorization: string
beforeAll(async () => {
  tributary = await TestTributary.start({ TRIBUTARY_LONG_POLL_MS: '20' })
  watch = new Watch()
  authorization = `Bearer ${tributary.token('admin')}`
  door = tributary.door('admin')
})
afterAll(async () => {
  watch[Symbol.dispose]()
  await tributary.stop()
})

const stateOf = (path: string) => tributary.streams().state(parsePath(path))

interface Value {
  readonly value: string
  readonly good: boolean
}

type Field = readonly [name: string, good: readonly string[], bad: readonly string[]]

const LONG = 'x'.repeat(1025)
const NO_COUNTERS = [
  '',
  ' ',
  '-1',
  '+1',
  '1.0',
  '1e3',
  '0x1',
  'NaN',
  '\xb2',
  '1 1',
  '1,1',
  '9007199254740992',
  '9'.repeat(40),
]
const TTL: Field = ['stream-ttl', ['1000', '3153600000'], [...NO_COUNTERS, '00', '01', '3153600001']]
const EXPIRES: Field = [
  'stream-expires-at',
  ['2999-01-01T00:00:00Z', '2999-01-01t00:00:00.123+02:00'],
  [
    '',
    'tomorrow',
    '2999-13-01T00:00:00Z',
    '2999-01-01',
    '2999-01-01T00:00:00',
    '99999999999',
    '+092999-01-01T00:00:00Z',
  ],
]
/** Any value but one counts as none. */
const CLOSED: Field = ['stream-closed', ['', 'false', '1', 'yes', 'true false', '\xff'], []]
const TYPE: Field = [
  'content-type',
  ['', ';', 'x', 'text/plain', 'TEXT/PLAIN ; a=\xff', 'application/json/x', '__proto__', '*/*'],
  [`text/${LONG}`, 'application/vnd.tributary.event+json', 'application/vnd.tributary.event+x-ndjson'],
]
const FORK_OFFSET: Field = [
  'stream-fork-offset',
  ['0000000000000000_0000000000000000'],
  ['', '-1', 'now', '0', '1_1', '9999999999999999_9999999999999999', '0000000000000000'],
]
const FORK_SUB: Field = ['stream-fork-sub-offset', ['0', '1', '2'], [...NO_COUNTERS, '00', '4']]
const PRODUCER: readonly Field[] = [
  ['producer-id', ['a', 'b c', '__proto__', '\xff', 'x'.repeat(1024)], ['', ' ', LONG]],
  ['producer-epoch', ['0'], NO_COUNTERS],
  ['producer-seq', ['0', '1', '9007199254740991'], NO_COUNTERS],
]
const SEQ: Field = ['stream-seq', ['0', '\xff', 'x'.repeat(1024), '__proto__'], ['', LONG]]

const valueOf = ([, good, bad]: Field): fc.Arbitrary<Value> =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...good).map((value) => ({ value, good: true })) },
    ...(bad.length > 0
      ? [{ weight: 1, arbitrary: fc.constantFrom(...bad).map((value) => ({ value, good: false })) }]
      : []),
  )
const some = (...fields: readonly Field[]) =>
  fc.record(Object.fromEntries(fields.map((field) => [field[0], valueOf(field)])), { requiredKeys: [] })
const all = (...fields: readonly Field[]) =>
  fc.record(Object.fromEntries(fields.map((field) => [field[0], valueOf(field)])))

type Given = Readonly<Record<string, Value | undefined>>

const headersOf = (given: Given) =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value?.value ?? '']))
const allGood = (given: Given) => Object.values(given).every((value) => value?.good !== false)

/** Sends it, and holds what is refused to have changed nothing. @returns its status. */
async function ask(
  method: string,
  path: string,
  headers: Record<string, string>,
  query = '',
  body = '',
): Promise<number> {
  const before = await stateOf(path)
  const length: Record<string, string> = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const bytes = requestBytes(method, `/api/streams/demo${path}${query}`, { authorization, ...headers, ...length }, body)
  const answer = await exchange(tributary.port, bytes)
  if (answer.status >= 400) {
    checkRefusal({ ...answer, head: method === 'HEAD' })
    expect(await stateOf(path)).toEqual(before)
  }
  return answer.status
}

async function checkGoingOn(): Promise<void> {
  const before = (await stateOf('/good')).maxOffset
  expect((await door.append('/good', { type: 'good' })).status).toBe(200)
  expect((await stateOf('/good')).maxOffset).toBeGreaterThan(before)
  checkUnharmed(watch)
  expect(tributary.logged).toEqual([])
}

describe('headers of the protocol that say nothing sensible are refused, and change nothing', () => {
  test('where a stream is made: 400 times', async () => {
    let made = 0
    await fc.assert(
      fc.asyncProperty(some(TTL, EXPIRES, CLOSED, TYPE), fc.nat(), async (given, n) => {
        const path = `/made/${n}`
        const known = (await stateOf(path)).exists
        const status = await ask('PUT', path, headersOf(given))
        const good = allGood(given) && !(given['stream-ttl'] && given['stream-expires-at'])
        if (good) expect(known ? [200, 409] : [201]).toContain(status)
        else expect(status).toBe(400)
        if (status === 201) made++
      }),
      { numRuns: 400, seed: SEED },
    )
    expect(made).toBeGreaterThan(50)
    await checkGoingOn()
  }, 60_000)

  test('where a fork is made: 300 times', async () => {
    await door.put('/source', '[1,2,3]')
    const sources = ['/source', '/api/streams/demo/source', 'http://anywhere.example/api/streams/demo/source']
    const nowhere = [
      '',
      'source',
      '//[',
      'http://[',
      '/absent',
      '/%00',
      '/%zz',
      '/../../other',
      '/source?x',
      LONG,
      '\xff',
    ]
    const from: Field = ['stream-forked-from', sources, nowhere]
    let made = 0
    await fc.assert(
      fc.asyncProperty(some(from, FORK_OFFSET, FORK_SUB), fc.nat(), async (given, n) => {
        const path = `/forks/${n}`
        if ((await stateOf(path)).exists) return
        const status = await ask('PUT', path, headersOf(given))
        const [source, offset, sub] = [from, FORK_OFFSET, FORK_SUB].map(([name]) => given[name])
        // What is not taken from a source's start is beyond its end.
        const beyond = sub !== undefined && sub.value !== '0' && offset === undefined
        const good = allGood(given) && !beyond && (source !== undefined || (!offset && !sub))
        if (good) expect(status).toBe(201)
        else expect([400, 404]).toContain(status)
        if (status === 201 && source) made++
      }),
      { numRuns: 300, seed: SEED },
    )
    expect(made).toBeGreaterThan(30)
    expect(JSON.parse((await door.get('/source')).text)).toEqual([1, 2, 3])
    await checkGoingOn()
  }, 60_000)

  test('where something is appended: 400 times', async () => {
    let [runs, stored] = [0, 0]
    const given = fc.oneof(all(...PRODUCER), some(...PRODUCER), some(SEQ), all(...PRODUCER, SEQ))
    await fc.assert(
      fc.asyncProperty(given, async (headers) => {
        const path = `/appended/${runs++}`
        await door.send('PUT', path, undefined, { 'content-type': 'text/plain' })
        const status = await ask('POST', path, { ...headersOf(headers), 'content-type': 'text/plain' }, '', 'x')
        const parts = PRODUCER.filter(([name]) => headers[name]).length
        const good = allGood(headers) && (parts === 0 || parts === PRODUCER.length)
        // A producer that nobody knows begins at 0.
        const gap = headers['producer-seq'] !== undefined && headers['producer-seq'].value !== '0'
        if (!good) expect(status).toBe(400)
        else expect([200, 204].includes(status)).toBe(!gap)
        if (good && !gap) stored++
      }),
      { numRuns: 400, seed: SEED },
    )
    expect(stored).toBeGreaterThan(50)
    await checkGoingOn()
  }, 60_000)

  test('where something is read, live or not: 300 times', async () => {
    await door.send('PUT', '/read', 'x', { 'content-type': 'text/plain', 'stream-closed': 'true' })
    const offset: Field = [
      'offset',
      ['-1', 'now', '0000000000000001_0000000000000000'],
      ['', '1', 'NOW', '-2', '%00', '%FF', '1_1'],
    ]
    const live: Field = ['live', ['long-poll', 'sse'], ['', 'true', 'SSE', 'websocket', '%00']]
    const cursor: Field = ['cursor', ['', '1', '-1', 'x', '9'.repeat(400), '%00', '1&cursor=2'], []]
    const match: Field = ['if-none-match', ['', '*', '"', 'W/"x"', '"\xff"', ','.repeat(500)], []]
    await fc.assert(
      fc.asyncProperty(some(offset, live, cursor), some(match), async (given, headers) => {
        const query = Object.entries(headersOf(given)).map(([name, value]) => `${name}=${value}`)
        const status = await ask('GET', '/read', headersOf(headers), `?${query.join('&')}`)
        const good = allGood(given) && (given['live'] === undefined || given['offset'] !== undefined)
        expect(good ? [200, 204, 304] : [400]).toContain(status)
      }),
      { numRuns: 300, seed: SEED },
    )
    await checkGoingOn()
  }, 60_000)
})
