import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EncodedInput } from '../streams/event.ts'
import { checkEncodedInput, encodeInput, parseEnvelope } from '../streams/event-input.ts'
import { parsePath } from '../streams/path.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'
import { TestProject, readAll } from '../streams/testing.ts'
import { type HostileEvent, anyValue, hostileBatch, listed } from './hostile-input.ts'
import { Watch, checkFailure, checkStored, checkUnharmed } from './hostile-oracle.ts'
import { plainPath } from './hostile-paths.ts'

// Threat: something that a program hands to the engine ends the process, is stored by halves, or cannot be read again.

const SEED = 20_261_121
let project: TestProject
let watch: Watch
beforeAll(() => {
  project = new TestProject()
  watch = new Watch()
})
afterAll(() => {
  watch[Symbol.dispose]()
  project[Symbol.dispose]()
})

/** The three ways of an event into the engine. */
const READERS: readonly ((text: string) => EncodedInput)[] = [
  parseEnvelope,
  (text) => encodeInput(parsed(text)),
  (text) => checkEncodedInput(onTheWire(parsed(text))),
]

/** As a program that has the text would have the value. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** As a client of the socket sends it: payload and metadata as text. */
function onTheWire(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { payload, metadata, ...rest } = value as Record<string, unknown>
  const asText = (name: string, each: unknown) => (each === undefined ? {} : { [name]: shallow(each) })
  return { ...rest, ...asText('payload', payload), ...asText('metadata', metadata) }
}

/** What nests too deep to be written is sent as something that is refused as well. */
function shallow(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    return '['.repeat(300) + ']'.repeat(300)
  }
}

async function maxOffset(path: string): Promise<number> {
  return (await project.streams.state(parsePath(path))).maxOffset
}

/** Appends, and holds the outcome to what the batch deserves. */
async function appendHostile(path: string, batch: readonly HostileEvent[], read: (text: string) => EncodedInput) {
  const before = await maxOffset(path)
  let receipts
  try {
    const inputs = batch.map(({ text }) => read(text))
    receipts = await project.streams.append(parsePath(path), inputs)
  } catch (error) {
    expect(checkFailure(error)).toBe('BAD_REQUEST')
    expect(batch.every(({ good }) => good)).toBe(false)
    expect(await maxOffset(path)).toBe(before)
    return
  }
  expect(batch.every(({ good }) => good)).toBe(true)
  await checkStored(batch, receipts, (offset) => project.streams.getEvent(parsePath(path), { offset }))
  const fresh = receipts.filter(({ duplicate }) => !duplicate).length
  expect(await maxOffset(path)).toBe(Math.max(before, 1) + fresh)
}

test('4,000 hostile events, in batches, are stored whole or refused whole', async () => {
  let sent = 0
  await fc.assert(
    fc.asyncProperty(hostileBatch, fc.constantFrom(...READERS), fc.nat(400), async (batch, read, place) => {
      sent += batch.length
      await appendHostile(`/events/${place}`, batch, read)
    }),
    { numRuns: 2000, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(4000)
  checkUnharmed(watch)
}, 60_000)

describe('values that only a program has', () => {
  const thrower = () => {
    throw new Error('do not touch')
  }
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown
  /** Where they are refused: everywhere. */
  const UNREADABLE: readonly unknown[] = [
    1n,
    Symbol('s'),
    thrower,
    cycle,
    deep,
    revoked.proxy,
    new Proxy({}, { ownKeys: thrower, get: thrower, has: thrower }),
    { toJSON: thrower },
    { toJSON: () => undefined },
    {
      toJSON: () => {
        throw Object.create(null)
      },
    },
    Object.defineProperty({}, 'a', { get: thrower, enumerable: true }),
  ]
  /** As a payload they are what `JSON.stringify` makes of them. */
  const WRITABLE: readonly unknown[] = [
    new Date(0),
    new Date(Number.NaN),
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -0,
    // oxlint-disable-next-line no-sparse-arrays -- a hole is what is asked about
    [1, , 2],
    new Map([[1, 2]]),
    new Uint8Array(3),
    /a/,
    Object.create(null) as unknown,
    Object.create({ inherited: 1 }) as unknown,
    { [Symbol('s')]: 1, a: undefined, f: thrower },
    new Proxy({ a: 1 }, {}),
    new Error('an error'),
    Object(1n) === 1n ? 0 : new String('boxed'),
  ]
  const FIELDS = listed`type  payload  metadata  source  idempotencyKey  offset  colour`

  const inputs: readonly [what: string, input: () => unknown, payload: unknown][] = [
    ...UNREADABLE.flatMap((value, i) =>
      FIELDS.map((field): [string, () => unknown, unknown] => [
        `${i} as ${field}`,
        () => ({ type: 'a', [field]: value }),
        null,
      ]),
    ),
    ...UNREADABLE.map((value, i): [string, () => unknown, unknown] => [`${i} as an event`, () => value, null]),
    ...WRITABLE.map((value, i): [string, () => unknown, unknown] => [
      `writable ${i}`,
      () => ({ type: 'a', payload: value }),
      value,
    ]),
  ]

  test(`${inputs.length} of them are refused with a code, or read back as JSON has them`, async () => {
    for (const [what, input, payload] of inputs) {
      const before = await maxOffset('/values')
      let events: EncodedInput[]
      try {
        events = [encodeInput(input())]
      } catch (error) {
        expect([what, checkFailure(error)]).toEqual([what, 'BAD_REQUEST'])
        expect(what).not.toMatch(/^writable/)
        continue
      }
      const [receipt] = await project.streams.append(parsePath('/values'), events)
      expect([what, receipt?.offset]).toEqual([what, Math.max(before, 1) + 1])
      const stored = await project.streams.getEvent(parsePath('/values'), { offset: receipt?.offset ?? 0 })
      expect([what, stored?.payload]).toEqual([what, JSON.stringify(payload)])
    }
    checkUnharmed(watch)
  })

  test('a value that changes when it is looked at twice is looked at once', () => {
    let looks = 0
    const type = { enumerable: true, get: () => (looks++ === 0 ? 'good' : 'stream/closed') }
    expect(encodeInput(Object.defineProperty({}, 'type', type))).toEqual({ type: 'good' })
    expect(looks).toBe(1)
  })
})

test('1,000 hostile paths are refused, or name a stream that has one name', () => {
  let sent = 0
  fc.assert(
    fc.property(plainPath, (input) => {
      sent++
      try {
        const path = parsePath(input)
        expect(parsePath(path)).toBe(path)
        expect(path).toMatch(/^\/$|^(?:\/[A-Za-z0-9\-._~:@!$&'()*+,;=]+)+$/)
        expect(path.split('/')).not.toContain('..')
      } catch (error) {
        expect(checkFailure(error)).toBe('BAD_REQUEST')
      }
    }),
    { numRuns: 1000, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(1000)
})

describe('options', () => {
  const PATH = parsePath('/options')
  type Operation = (streams: ProjectStreams, value: never) => Promise<unknown>
  /** One field of one operation each gets the hostile value. */
  const OPERATIONS: Readonly<Record<string, Operation>> = {
    'read after': (streams, after) => streams.read(PATH, { after }),
    'read before': (streams, before) => streams.read(PATH, { before }),
    'read limit': (streams, limit) => streams.read(PATH, { limit }),
    'getEvent offset': (streams, offset) => streams.getEvent(PATH, { offset }),
    'children skip': (streams, skip) => streams.children(PATH, { skip }),
    'children limit': (streams, limit) => streams.children(PATH, { limit }),
    'list prefix': (streams, prefix) => streams.list({ prefix }),
    'list after': (streams, after) => streams.list({ after }),
    'subscribe after': async (streams, after) => (await streams.subscribe(PATH, { after }, () => {})).unsubscribe(),
    'scan filter': async (streams, filter) => (await streams.scan(PATH, { filter }, () => {})).stop(),
    'scan after': async (streams, after) => (await streams.scan(PATH, { filter: 'true', after }, () => {})).stop(),
    'scan order': async (streams, order) => (await streams.scan(PATH, { filter: 'true', order }, () => {})).stop(),
    'export after': (streams, after) => streams.export(PATH, { after }),
    'export through': (streams, through) => streams.export(PATH, { through }),
    'export limit': (streams, limit) => streams.export(PATH, { limit }),
    'export incarnation': (streams, incarnationId) => streams.export(PATH, { incarnationId }),
    'stateAt offset': (streams, offset) => streams.processors.stateAt(PATH, 'core', offset),
    'stateAt processor': (streams, slug) => streams.processors.stateAt(PATH, slug),
    'attach processor': (streams, slug) => streams.processors.attach(PATH, slug),
    'detach processor': (streams, slug) => streams.processors.detach(PATH, slug),
    'restart from': (streams, from) => streams.processors.restart(PATH, 'event-counter', from),
    'import event': (streams, event) =>
      streams.import(parsePath('/imported'), { head: HEAD, events: [event], last: true }),
    'import first offset': (streams, firstOffset) =>
      streams.import(parsePath('/imported'), { head: { ...HEAD, firstOffset }, events: [CREATED] }),
    'import content type': (streams, contentType) =>
      streams.import(parsePath('/imported'), { head: { ...HEAD, contentType }, events: [CREATED] }),
    'import base state': (streams, value) =>
      streams.import(parsePath('/imported'), {
        head: { ...HEAD, firstOffset: 2, baseState: JSON.stringify(value) },
        events: [{ ...CREATED, offset: 2, type: 'a' }],
      }),
    'import payload': (streams, value) =>
      streams.import(parsePath('/imported'), { head: HEAD, events: [{ ...CREATED, payload: JSON.stringify(value) }] }),
    'import time': (streams, createdAt) =>
      streams.import(parsePath('/imported'), { head: HEAD, events: [{ ...CREATED, createdAt }] }),
    configure: (streams, config) => streams.configure(PATH, config),
    'configure breaker': (streams, circuitBreaker) => streams.configure(PATH, { circuitBreaker }),
    'configure capacity': (streams, burstCapacity) =>
      streams.configure(PATH, { circuitBreaker: { burstCapacity, refillRatePerMinute: 1e12 } }),
    metadata: (streams, metadata) => streams.setMetadata(PATH, metadata),
    'pause reason': (streams, reason) => streams.pause(PATH, reason),
    'resume reason': (streams, reason) => streams.resume(PATH, reason),
  }
  const HEAD = { contentType: 'application/json', firstOffset: 1 }
  const CREATED = { offset: 1, type: 'stream/created', createdAt: '2026-01-01T00:00:00.000Z' }
  const CONTROLS = /^(?:configure|metadata|pause|resume)/

  test('1,000 hostile ones are refused with a code and change nothing, or do one thing', async () => {
    await project.append('/options', { type: 'a' })
    let sent = 0
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(OPERATIONS)), anyValue, async (name, value) => {
        sent++
        const before = await maxOffset('/options')
        try {
          await OPERATIONS[name]?.(project.streams, value as never)
        } catch (error) {
          checkFailure(error)
          expect(await maxOffset('/options')).toBe(before)
          return
        }
        expect(await maxOffset('/options')).toBe(before + (CONTROLS.test(name) ? 1 : 0))
        if (CONTROLS.test(name)) {
          await project.streams.resume(PATH)
          await project.streams.configure(PATH, { circuitBreaker: null })
          await project.append('/options', { type: 'a' })
        }
        if (!name.startsWith('import')) return
        // What an import left is like any other stream.
        await project.append('/imported', { type: 'a' })
        await readAll(project.streams, parsePath('/imported'))
        await project.streams.delete(parsePath('/imported'))
      }),
      { numRuns: 1000, seed: SEED },
    )
    expect(sent).toBeGreaterThanOrEqual(1000)
    checkUnharmed(watch)
  }, 60_000)
})

test('after all of it a restart finds every stream as it was', async () => {
  const { streams } = await project.streams.list({ limit: 1000 })
  const before = await Promise.all(streams.map(({ path }) => readAll(project.streams, path)))
  project.reopen()
  expect(await Promise.all(streams.map(({ path }) => readAll(project.streams, path)))).toEqual(before)
}, 60_000)
