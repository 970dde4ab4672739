import type { Socket } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { itxErrorCode } from '../streams/errors.ts'
import { brokenBytes, hostileFrame } from './hostile-frames.ts'
import { type HostileEvent, anyValue, hostileBatch, listed } from './hostile-input.ts'
import { Watch, checkFailure, checkReaders, checkStored, checkUnharmed } from './hostile-oracle.ts'
import { plainPath } from './hostile-paths.ts'
import { type Dialled, TestTributary, eventually } from './testing.ts'

// Threat: arguments or frames that come over the socket end the process, are stored by halves, take other sessions with
// them, or are accepted here and cannot be read elsewhere.

const SEED = 20_261_122
let tributary: TestTributary
let watch: Watch
let itx: Dialled
beforeAll(async () => {
  tributary = await TestTributary.start({
    TRIBUTARY_OPEN_HANDLES: '1000000',
    TRIBUTARY_MAX_MESSAGE_BYTES: String(4 * 2 ** 20),
    TRIBUTARY_MAX_BATCH_BYTES: String(3 * 2 ** 20),
    TRIBUTARY_MAX_EVENT_BYTES: String(2 ** 20),
  })
  watch = new Watch()
  itx = tributary.itx('admin')
})
afterAll(async () => {
  watch[Symbol.dispose]()
  itx.close()
  await tributary.stop()
})

/** A stub as an untyped caller has it: any name can be called. */
type Untyped = { readonly [name: string]: Untyped } & ((...args: unknown[]) => Untyped & Promise<unknown>)

const root = () => itx.root as unknown as Untyped
const streams = () => root()['projects']!['get']!('demo')['streams']!
const stream = (path: unknown) => streams()['get']!(path) as unknown as Untyped
const maxOffset = async (path: string) => (await itx.streams().get(path).state()).maxOffset

/** The session and the server go on. */
async function checkGoingOn(): Promise<void> {
  const [receipt] = await itx
    .streams()
    .get('/good')
    .append([{ type: 'good' }])
  expect(receipt?.duplicate).toBe(false)
  const health = await fetch(`${tributary.url}/readyz`)
  expect([200, 503]).toContain(health.status)
}

const fn = () => {}
const TIME = '2026-01-01T00:00:00.000Z'
const HEAD = { contentType: 'application/json', firstOffset: 1 }
const FIRST = { offset: 1, type: 'stream/created', createdAt: TIME }

type Call = (on: Untyped, value: unknown) => Promise<unknown>
const plain = (name: string, ...fields: readonly string[]): [string, Call][] => [
  [name, (on, value) => on[name]!(value)],
  ...fields.map((field): [string, Call] => [`${name} ${field}`, (on, value) => on[name]!({ [field]: value })]),
]
const CALLS: Readonly<Record<string, Call>> = Object.fromEntries<Call>([
  ...plain('append'),
  ['append one', (on, value) => on['append']!([value])],
  ...listed`type  payload  metadata  source  idempotencyKey  offset  raw  createdAt`.map((field): [string, Call] => [
    `append ${field}`,
    (on, value) => on['append']!([{ type: 'a' }, { type: 'a', [field]: value }]),
  ]),
  ...plain('create', 'contentType'),
  ...plain('read', 'after', 'before', 'limit', 'order', 'types', 'visibleOnly'),
  ['read a type', (on, value) => on['read']!({ types: [value] })],
  ...plain('getEvent', 'offset', 'idempotencyKey'),
  ...plain('state'),
  ...plain('children', 'after', 'skip', 'limit', 'match'),
  ...plain('export', 'after', 'through', 'limit', 'incarnationId'),
  ...plain('import', 'head', 'events', 'incarnationId', 'last'),
  ['import one', (on, value) => on['import']!({ head: HEAD, events: [FIRST, value] })],
  ...listed`offset  type  createdAt  payload  metadata  source  idempotencyKey  raw`.map((field): [string, Call] => [
    `import ${field}`,
    (on, value) =>
      on['import']!({ head: HEAD, events: [FIRST, { offset: 2, type: 'a', createdAt: TIME, [field]: value }] }),
  ]),
  ...listed`contentType  firstOffset  baseState`.map((field): [string, Call] => [
    `import head ${field}`,
    (on, value) => on['import']!({ head: { ...HEAD, [field]: value }, events: [FIRST] }),
  ]),
  ...plain('pause'),
  ...plain('resume'),
  ...plain('configure', 'circuitBreaker', 'recordPresence'),
  [
    'configure capacity',
    (on, burstCapacity) => on['configure']!({ circuitBreaker: { burstCapacity, refillRatePerMinute: 1 } }),
  ],
  ...plain('setMetadata'),
  ['setMetadata as text', (on, value) => on['setMetadata']!(typeof value === 'bigint' ? '1' : JSON.stringify(value))],
  ...plain('processors'),
  ...plain('attach'),
  ...plain('detach'),
  ...plain('restart'),
  ['restart from', (on, from) => on['restart']!('event-counter', { from })],
  ...plain('stateAt', 'processor'),
  ['stateAt offset', (on, offset) => on['stateAt']!({ processor: 'core', offset })],
  ...plain('close'),
  ...plain('reset'),
  ...plain('delete', 'recursive'),
  ['subscribe', (on, value) => on['subscribe']!(value, fn)],
  ['subscribe with', (on, value) => on['subscribe']!({}, value)],
  ...listed`after  types  incarnationId  events  state`.map((field): [string, Call] => [
    `subscribe ${field}`,
    (on, value) => on['subscribe']!({ [field]: value }, fn),
  ]),
  ['scan', (on, value) => on['scan']!(value, fn)],
  ['scan with', (on, value) => on['scan']!({ filter: 'true' }, value)],
  ...listed`filter  after  before  types  order  incarnationId`.map((field): [string, Call] => [
    `scan ${field}`,
    (on, value) => on['scan']!({ filter: 'true', [field]: value }, fn),
  ]),
  ['streams.get', (_on, value) => stream(value)['state']!()],
  ...listed`prefix  after  limit  match`.map((field): [string, Call] => [
    `streams.list ${field}`,
    (_on, value) => streams()['list']!({ [field]: value }),
  ]),
  ['projects.get', (_on, value) => root()['projects']!['get']!(value)['describe']!()],
  ['projects.list', (_on, value) => root()['projects']!['list']!(value)],
  ['projects.create', (_on, value) => root()['projects']!['create']!(value)],
  ['projects.create slug', (_on, slug) => root()['projects']!['create']!({ slug, name: 'a' })],
  ['whoami', (_on, value) => root()['whoami']!(value)],
])

/** What Cap'n Web carries beyond JSON. */
const wireValue = fc.oneof(
  { weight: 3, arbitrary: anyValue },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      fn,
      new Date(0),
      new Date(Number.NaN),
      1n,
      -(2n ** 200n),
      new Uint8Array(5),
      undefined,
      Number.NaN,
      -Infinity,
      new Error('x'),
      [fn],
      { a: fn },
    ),
  },
)

test(`1,200 calls with hostile arguments, each in one of ${Object.keys(CALLS).length} places, are answered with a code or done`, async () => {
  let sent = 0
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(CALLS)), wireValue, async (name, value) => {
      // A stream that was closed or deleted would refuse all that follows.
      const path = `/calls/${Math.floor(sent++ / 10)}`
      const before = await maxOffset(path)
      try {
        const result = (await CALLS[name]!(stream(path), value)) as Partial<Disposable> | null | undefined
        result?.[Symbol.dispose]?.()
      } catch (error) {
        checkFailure(error)
        expect([name, await maxOffset(path)]).toEqual([name, before])
      }
      if (sent % 20 === 0) await checkGoingOn()
    }),
    { numRuns: 1200, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(1200)
  expect(tributary.logged).toEqual([])
  checkUnharmed(watch)
}, 60_000)

test('300 hostile paths name a stream, or none', async () => {
  let sent = 0
  await fc.assert(
    fc.asyncProperty(plainPath, async (path) => {
      sent++
      const outcome = await stream(path)['state']!().then(
        () => 'a stream',
        (error: unknown) => checkFailure(error),
      )
      expect(['a stream', 'BAD_REQUEST']).toContain(outcome)
    }),
    { numRuns: 300, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(300)
  await checkGoingOn()
})

/** Names that Cap'n Web drops from an object, and nesting that its client does not send: other rules hold for them. */
const UNSENDABLE = /"(?:__proto__|constructor|toString|hasOwnProperty|toJSON|valueOf)"|\[{200}|(?:\{"a":){200}/

const wire = (text: string): unknown => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return text
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { payload, metadata, ...rest } = value as Record<string, unknown>
  const asText = (name: string, each: unknown) => (each === undefined ? {} : { [name]: JSON.stringify(each) })
  return { ...rest, ...asText('payload', payload), ...asText('metadata', metadata) }
}

test('800 hostile events, in batches, are stored whole or refused whole, and read back alike through every door', async () => {
  let sent = 0
  const used = new Set<string>()
  const sendable = hostileBatch.filter((batch) => !batch.some(({ text }) => UNSENDABLE.test(text)))
  const append = async (path: string, batch: readonly HostileEvent[]) => {
    const target = itx.streams().get(path)
    const before = await maxOffset(path)
    let receipts
    try {
      receipts = await target.append(batch.map(({ text }) => wire(text)) as never)
    } catch (error) {
      expect(checkFailure(error)).toBe('BAD_REQUEST')
      expect(batch.every(({ good }) => good)).toBe(false)
      expect(await maxOffset(path)).toBe(before)
      return
    }
    used.add(path)
    expect(batch.every(({ good }) => good)).toBe(true)
    await checkStored(batch, receipts, (offset) => target.getEvent({ offset }))
    const fresh = receipts.filter(({ duplicate }) => !duplicate).length
    expect(await maxOffset(path)).toBe(Math.max(before, 1) + fresh)
  }
  await fc.assert(
    fc.asyncProperty(sendable, fc.nat(20), async (batch, place) => {
      sent += batch.length
      await append(`/events/${place}`, batch)
    }),
    { numRuns: 450, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(800)
  for (const path of used) expect(await checkReaders(tributary, path)).toBeGreaterThan(1)
  await checkGoingOn()
  checkUnharmed(watch)
}, 60_000)

test('1,000 hostile frames end their own session at most', async () => {
  let sent = 0
  await fc.assert(
    fc.asyncProperty(fc.array(hostileFrame, { minLength: 1, maxLength: 8 }), fc.boolean(), async (frames, known) => {
      const headers = known ? { authorization: `Bearer ${tributary.token('editor')}` } : {}
      const socket = new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, { headers })
      const answers: string[] = []
      socket.on('error', fn).on('message', (data) => answers.push((data as Buffer).toString()))
      const closed = new Promise((resolve) => socket.once('close', resolve))
      await new Promise((resolve) => socket.once('open', resolve))
      for (const each of frames) socket.send(JSON.stringify(each))
      sent += frames.length
      // No JSON: the end of any session.
      socket.send('x')
      await closed
      for (const answer of answers) {
        expect(answer).not.toMatch(/\.ts:|node_modules|\\n {4}at /)
        const [kind, first, second] = JSON.parse(answer) as [string, unknown, unknown]
        const error = (kind === 'abort' ? first : kind === 'reject' ? second : undefined) as unknown[] | undefined
        if (error?.[0] === 'error') expect(itxErrorCode(error[4])).toBeDefined()
      }
      expect(await itx.root.ping()).toBe('pong')
    }),
    { numRuns: 350, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(1000)
  await checkGoingOn()
  checkUnharmed(watch)
}, 60_000)

test('200 connections that speak no WebSocket, or stop in the middle of a frame, end alone', async () => {
  let sent = 0
  await fc.assert(
    fc.asyncProperty(brokenBytes, fc.uint8Array({ maxLength: 40 }), fc.boolean(), async (start, rest, cut) => {
      sent++
      const socket = new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`)
      socket.on('error', fn)
      await new Promise((resolve) => socket.once('open', resolve))
      const closed = new Promise((resolve) => socket.once('close', resolve))
      const { _socket: tcp } = socket as unknown as { _socket: Socket }
      tcp.write(Buffer.concat([Buffer.from(start, 'hex'), rest]))
      if (cut) tcp.resetAndDestroy()
      else tcp.end()
      await closed
    }),
    { numRuns: 200, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(200)
  // Not one of them is left.
  await eventually(() => itx.root.ping())
  await checkGoingOn()
  checkUnharmed(watch)
}, 60_000)
