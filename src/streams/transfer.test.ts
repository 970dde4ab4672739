import { describe, expect, test } from 'vitest'
import { reduceCore } from './core/reducer.ts'
import { type CoreState, emptyState } from './core/state.ts'
import type { EncodedEvent } from './event.ts'
import { type StreamPath, parsePath } from './path.ts'
import { TestProject, TEST_TIME, failureOf, readAll, times } from './testing.ts'
import { nodeScheduler } from './scheduler.ts'
import { recoverStream } from './stream.ts'
import type { ReadOptions } from './project-reader.ts'
import { type ExportPage, type ImportChunk, exportPage } from './transfer.ts'

// A log that leaves one place and arrives in another is the same log; a file that says so is believed in nothing.

const A = parsePath('/a')
const B = parsePath('/x/b')
const TIME = new Date(TEST_TIME).toISOString()
const HEAD = { contentType: 'application/json', firstOffset: 1 }
const CREATED = { offset: 1, type: 'stream/created', createdAt: TIME }

async function exported(project: TestProject, path: StreamPath, limit = 1000) {
  const pages: ExportPage[] = []
  let first: ExportPage | undefined
  for (let after: number | null | undefined; after !== null;) {
    const page: ExportPage = await project.streams.export(path, {
      limit,
      ...(first && after !== undefined ? { after, incarnationId: first.incarnationId, through: first.maxOffset } : {}),
    })
    first ??= page
    pages.push(page)
    after = page.nextCursor
  }
  return { ...first!, events: pages.flatMap(({ events }) => events) }
}

/** Imports an export in chunks. */
async function imported(project: TestProject, path: StreamPath, from: ExportPage, size = 1000) {
  let incarnationId: string | undefined
  for (let at = 0; at < from.events.length; at += size) {
    const { contentType, firstOffset, baseState } = from
    const head = { contentType, firstOffset, ...(baseState === null ? {} : { baseState }) }
    const events = from.events.slice(at, at + size)
    const chunk = { events, last: at + size >= from.events.length }
    const answer = await project.streams.import(
      path,
      incarnationId === undefined ? { ...chunk, head } : { ...chunk, incarnationId },
    )
    incarnationId = answer.incarnationId
  }
  return incarnationId!
}

/** What an import leaves as it was: everything but the marks. */
function unmarked(events: readonly EncodedEvent[]): unknown[] {
  return events.map(({ payload, ...event }) => {
    const value = payload === undefined ? undefined : JSON.parse(payload)
    if (event.type.startsWith('stream/') && value) delete value.imported
    return { ...event, payload: value }
  })
}

/** A stream in which everything happened that can. */
async function eventful(project: TestProject): Promise<void> {
  await project.append('/a', { type: 'one', payload: { n: 1 }, idempotencyKey: 'k1', metadata: { tenant: 'a' } })
  await project.append('/a/child', { type: 'x' })
  await project.streams.append(A, [{ type: 'raw', payload: '{"n": 12345678901234567890}' as never, raw: true }])
  await project.streams.setMetadata(A, { title: 'a stream' })
  await project.streams.configure(A, { circuitBreaker: { burstCapacity: 1000, refillRatePerMinute: 1 } })
  await project.streams.pause(A, 'lunch')
  project.clock.ms += 60_000
  await project.streams.resume(A)
  await project.append('/a', { type: 'two', source: { processor: { slug: 'p', version: '1' } }, idempotencyKey: 'k2' })
  await project.streams.delete(parsePath('/a/child'))
}

/** The state that a replay of the stored log comes to. */
async function rebuilt(project: TestProject, path: StreamPath): Promise<CoreState> {
  const stored = project.storage.committed.loadStream(path)!
  return (await recoverStream(project.storage, { ...stored, stateVersion: 0 }, nodeScheduler, Date.now)).state
}

test('a log arrives as it left, under a new life, and its ancestors are told', async () => {
  using project = new TestProject()
  await eventful(project)
  const before = await exported(project, A, 3)
  const incarnationId = await imported(project, B, before, 4)
  const after = await exported(project, B)
  expect(unmarked(after.events)).toEqual(unmarked(before.events))
  expect(after.incarnationId).toBe(incarnationId)
  expect(incarnationId).not.toBe(before.incarnationId)
  expect(await project.streams.state(B)).toMatchObject({
    path: '/x/b',
    incarnationId,
    createdAt: TIME,
    eventCount: before.events.length,
    maxOffset: before.maxOffset,
    metadata: { title: 'a stream' },
    paused: false,
    childCount: 0,
    descendantCount: 0,
    processors: [],
  })
  const announced = (await readAll(project.streams, parsePath('/x'))).find(
    ({ type }) => type === 'stream/child-created',
  )
  expect(announced?.payload).toBe(JSON.stringify({ path: '/x/b', incarnationId }))
  expect((await project.streams.state(parsePath('/'))).descendantCount).toBe(3)
})

test('events keep their text to the digit, their raw flag and their source', async () => {
  using project = new TestProject()
  await eventful(project)
  await imported(project, B, await exported(project, A))
  const [left, right] = [await project.log('/a'), await project.log('/x/b')]
  const own = (events: readonly EncodedEvent[]) => events.filter(({ type }) => !type.startsWith('stream/c'))
  expect(own(right)).toEqual(own(left))
  expect(right.find(({ raw }) => raw)?.payload).toBe('{"n": 12345678901234567890}')
})

test('an imported stream goes on like any other: next offset, old keys, gate, restart', async () => {
  using project = new TestProject()
  await eventful(project)
  await imported(project, B, await exported(project, A))
  const { maxOffset } = await project.streams.state(B)
  project.reopen()
  const [duplicate, next] = await project.append('/x/b', { type: 'one', idempotencyKey: 'k1' }, { type: 'new' })
  expect([duplicate, next?.offset]).toEqual([{ offset: 2, createdAt: TIME, duplicate: true }, maxOffset + 1])
  await project.streams.pause(B)
  expect(await failureOf(project.append('/x/b', { type: 'new' }))).toMatchObject({ code: 'CONFLICT', reason: 'paused' })
})

test('its state equals what a replay of its log says, whatever the log says of children and processors', async () => {
  using project = new TestProject()
  await eventful(project)
  const from = await exported(project, A)
  const payload = '{"slug":"p","version":"1"}' as never
  const { maxOffset } = from
  const more = [
    { offset: maxOffset + 1, type: 'stream/processor-attached', createdAt: from.events.at(-1)!.createdAt, payload },
    { offset: maxOffset + 2, type: 'stream/processor-detached', createdAt: from.events.at(-1)!.createdAt, payload },
    { offset: maxOffset + 3, type: 'stream/error-occurred', createdAt: from.events.at(-1)!.createdAt, payload },
    {
      offset: maxOffset + 4,
      type: 'stream/child-created',
      createdAt: from.events.at(-1)!.createdAt,
      payload: '{"path":"/x/b/forged","incarnationId":"f"}' as never,
      idempotencyKey: 'stream/child-created/x/b/forged@f',
    },
  ]
  await imported(project, B, { ...from, events: [...from.events, ...more] })
  await project.append('/x/b/real', { type: 'x' })
  const { exists: _, ...state } = await project.streams.state(B)
  expect(state).toMatchObject({ childCount: 1, descendantCount: 1, processors: [], incarnationId: 'inc-4' })
  expect(await rebuilt(project, B)).toEqual({ ...state, breaker: null })
})

describe('a log that begins above 1', () => {
  /** The end of `/a`, with the state before it. */
  async function tail(project: TestProject): Promise<ExportPage> {
    await eventful(project)
    const whole = await exported(project, A)
    const base = whole.events.slice(0, 4).reduce(reduceCore, emptyState(A, ''))
    return {
      ...whole,
      firstOffset: 5,
      events: whole.events.slice(4),
      baseState: JSON.stringify({ ...base, firstOffset: 5 }) as never,
    }
  }

  test('arrives with the state before it, is read from there, and leaves again the same', async () => {
    using project = new TestProject()
    const from = await tail(project)
    await imported(project, B, from, 2)
    const state = await project.streams.state(B)
    expect(state).toMatchObject({
      firstOffset: 5,
      maxOffset: from.maxOffset,
      eventCount: from.maxOffset,
      createdAt: TIME,
      childCount: 0,
    })
    expect(await failureOf(project.streams.read(B, { after: 0 }))).toMatchObject({
      code: 'NOT_FOUND',
      reason: 'trimmed',
    })
    expect(await failureOf(project.streams.scan(B, { filter: 'true', after: 3 }, () => {}))).toMatchObject({
      reason: 'trimmed',
    })
    const again = await exported(project, B)
    expect(unmarked(again.events)).toEqual(unmarked(from.events))
    expect(JSON.parse(again.baseState!)).toMatchObject({
      path: '/x/b',
      firstOffset: 5,
      maxOffset: 4,
      descendantCount: 0,
    })
    const { exists: _, ...kept } = state
    expect(await rebuilt(project, B)).toEqual({ ...kept, breaker: null })
  })

  test('whoever waited at the beginning of the absent stream is told, and reads nothing wrong', async () => {
    using project = new TestProject()
    const from = await tail(project)
    const waiting = await project.streams.subscribe(B, { after: 'start' }, () => {})
    await imported(project, B, from)
    expect(await waiting.closed()).toEqual({ reason: 'incarnation' })
    expect((await project.append('/x/b', { type: 'on' }))[0]?.offset).toBe(from.maxOffset + 1)
  })

  test.each([
    ['unknown fields', { admin: true }],
    ['another place', { maxOffset: 7 }],
    ['another content type', { contentType: 'text/plain' }],
    ['counts beyond the log', { eventCount: 5 }],
    ['a text for a flag', { paused: 'yes' }],
    ['settings that are none', { config: { unknown: 1 } }],
    ['settings taken back', { config: { recordPresence: null } }],
    ['metadata that are none', { metadata: [] }],
    ['metadata too large', { metadata: { a: 'x'.repeat(20_000) } }],
    ['no time', { lastEventAt: '' }],
    ['a time in the far future', { createdAt: '2099-01-01T00:00:00.000Z' }],
  ])('a state with %s is refused', async (_what, wrong) => {
    using project = new TestProject()
    const from = await tail(project)
    const baseState = JSON.stringify({ ...JSON.parse(from.baseState!), ...wrong }) as never
    expect(await failureOf(imported(project, B, { ...from, baseState }))).toMatchObject({ code: 'BAD_REQUEST' })
    expect((await project.streams.state(B)).exists).toBe(false)
    expect((await project.streams.state(parsePath('/x'))).exists).toBe(false)
  })

  test('children, processors and tokens of the state before it are not claimed', async () => {
    using project = new TestProject()
    const from = await tail(project)
    const claimed = {
      childCount: 9,
      descendantCount: 9,
      processors: [{ slug: 'p', version: '1', attachedAt: 1, detached: false }],
      breaker: { tokens: 0, lastRefillAt: 0 },
      path: '/other',
      incarnationId: 'stolen',
    }
    const baseState = JSON.stringify({ ...JSON.parse(from.baseState!), ...claimed }) as never
    await imported(project, B, { ...from, baseState })
    expect(await project.streams.state(B)).toMatchObject({
      path: '/x/b',
      childCount: 0,
      descendantCount: 0,
      processors: [],
      breaker: null,
    })
  })
})

describe('an import in chunks', () => {
  const event = (offset: number, more: Partial<EncodedEvent> = {}): EncodedEvent => ({
    offset,
    type: 'a',
    createdAt: TIME,
    ...more,
  })

  async function begun(project: TestProject): Promise<string> {
    return (await project.streams.import(B, { head: HEAD, events: [CREATED, event(2, { idempotencyKey: 'k' })] }))
      .incarnationId
  }

  test('is resumed where it broke off, after a restart too', async () => {
    using project = new TestProject()
    const incarnationId = await begun(project)
    project.reopen()
    expect(await project.streams.state(B)).toMatchObject({ maxOffset: 2, importing: true })
    const answer = await project.streams.import(B, { incarnationId, events: [event(3)], last: true })
    expect(answer).toEqual({ incarnationId, maxOffset: 3 })
    expect(await project.streams.state(B)).not.toHaveProperty('importing')
  })

  test.each([
    ['under another life', { incarnationId: 'other', events: [event(3)] }, 'incarnation'],
    ['with a gap', { events: [event(4)] }, 'precondition'],
    ['once more', { events: [event(2)] }, 'precondition'],
    ['with a key that is there', { events: [event(3, { idempotencyKey: 'k' })] }, 'key'],
    ['with a key twice', { events: [event(3, { idempotencyKey: 'j' }), event(4, { idempotencyKey: 'j' })] }, 'key'],
  ])('does not go on %s, and stores nothing', async (_how, chunk, reason) => {
    using project = new TestProject()
    const incarnationId = await begun(project)
    // Others are under way in the same commit: what is refused must not take them along.
    const others = project.append('/other', { type: 'x' })
    const refused = failureOf(project.streams.import(B, { incarnationId, ...chunk }))
    expect(await refused).toMatchObject({ code: 'CONFLICT', reason })
    expect(await others).toHaveLength(1)
    expect((await project.log('/x/b')).map(({ offset }) => offset)).toEqual([1, 2])
    await project.streams.import(B, { incarnationId, events: [event(3)], last: true })
  })

  test('is over once it is complete: it is no way past the gate of a stream', async () => {
    using project = new TestProject()
    const incarnationId = await begun(project)
    await project.streams.import(B, { incarnationId, events: [], last: true })
    expect(await failureOf(project.streams.import(B, { incarnationId, events: [event(3)] }))).toMatchObject({
      code: 'CONFLICT',
      reason: 'imported',
    })
  })

  test.each([
    ['an append', (project: TestProject) => project.append('/x/b', { type: 'a' })],
    ['a pause', (project: TestProject) => project.streams.pause(B)],
    ['a child', (project: TestProject) => project.append('/x/b/c', { type: 'a' })],
  ])('is over after %s from elsewhere', async (_what, act) => {
    using project = new TestProject()
    const incarnationId = await begun(project)
    await act(project)
    const { maxOffset } = await project.streams.state(B)
    expect(await failureOf(project.streams.import(B, { incarnationId, events: [event(maxOffset + 1)] }))).toMatchObject(
      {
        reason: 'imported',
      },
    )
  })

  test('cannot go into a stream that was never imported', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'a' })
    await project.streams.close(A)
    const { incarnationId, maxOffset } = await project.streams.state(A)
    const chunk = { incarnationId, events: [event(maxOffset + 1)] }
    expect(await failureOf(project.streams.import(A, chunk))).toMatchObject({ code: 'CONFLICT', reason: 'imported' })
    expect(await failureOf(project.streams.import(A, { head: HEAD, events: [CREATED] }))).toMatchObject({
      code: 'CONFLICT',
      reason: 'exists',
    })
  })

  test('is neither paused nor counted by the breaker that it brings', async () => {
    using project = new TestProject()
    const config = '{"config":{"circuitBreaker":{"burstCapacity":1,"refillRatePerMinute":1}}}' as never
    const events = [
      CREATED,
      event(2, { type: 'stream/configured', payload: config }),
      event(3, { type: 'stream/paused', payload: '{"reason":"r"}' as never }),
      event(4),
      event(5),
      event(6),
    ]
    await project.streams.import(B, { head: HEAD, events, last: true })
    expect(await project.streams.state(B)).toMatchObject({
      paused: true,
      pauseReason: 'r',
      maxOffset: 6,
      breaker: null,
    })
    await project.streams.resume(B)
    await project.append('/x/b', { type: 'a' })
    expect(await failureOf(project.append('/x/b', { type: 'a' }))).toMatchObject({ reason: 'breaker' })
  })

  test('a follower of the absent path gets every event of it once', async () => {
    using project = new TestProject()
    const offsets: number[] = []
    await project.streams.subscribe(
      B,
      { after: 'start' },
      ({ events }) => void offsets.push(...events.map((e) => e.offset)),
    )
    const incarnationId = await begun(project)
    await project.streams.import(B, { incarnationId, events: [event(3)], last: true })
    await project.append('/x/b', { type: 'a' })
    await expect.poll(() => offsets).toEqual([1, 2, 3, 4])
  })

  test('a disk that fails leaves no trace, and the import can be repeated', async () => {
    using project = new TestProject()
    const trigger = `create temp trigger full before insert on events when new.offset = 2 begin select raise(rollback, 'disk full'); end`
    project.storage.connection.exec(trigger)
    await failureOf(begun(project))
    project.storage.connection.exec('drop trigger full')
    expect((await project.streams.state(B)).exists).toBe(false)
    await begun(project)
    expect((await project.log('/x/b')).length).toBe(2)
  })
})

describe('what a file says is checked', () => {
  const event = (wrong: object) => ({ offset: 2, type: 'a', createdAt: TIME, ...wrong })
  test.each([
    ['no object', 7],
    ['an unknown field', event({ admin: true })],
    ['no offset', event({ offset: undefined })],
    ['an offset that is no number', event({ offset: '2' })],
    ['no type', event({ type: undefined })],
    ['a type with control characters', event({ type: 'a\n' })],
    ['a payload that is no text', event({ payload: {} })],
    ['a payload that is no JSON', event({ payload: '{' })],
    ['a payload too deep', event({ payload: `${'['.repeat(257)}${']'.repeat(257)}` })],
    ['metadata that are no object', event({ metadata: '[]' })],
    ['a key that callers may not have', event({ idempotencyKey: 'stream/child-created/x@y' })],
    ['a key of another core event', event({ type: 'stream/paused', idempotencyKey: 'stream/child-created/x@y' })],
    ['a blank key', event({ idempotencyKey: ' ' })],
    ['no time', event({ createdAt: undefined })],
    ['a time of another form', event({ createdAt: '2026-01-01' })],
    ['a day that is none', event({ createdAt: '2025-02-30T00:00:00.000Z' })],
    ['a time that goes back', event({ createdAt: '2025-12-31T23:59:59.999Z' })],
    ['a time in the far future', event({ createdAt: '9999-12-31T23:59:59.999Z' })],
    ['raw that is not true', event({ raw: false, payload: '1' })],
    ['raw without a payload', event({ raw: true })],
    ['a core event of no version', event({ type: 'stream/of-a-later-version' })],
    ['settings that are none', event({ type: 'stream/configured', payload: '{"config":{"x":1}}' })],
    ['a pause with more than a reason', event({ type: 'stream/paused', payload: '{"x":1}' })],
    ['a close with a reason that is no text', event({ type: 'stream/closed', payload: '{"reason":1}' })],
    ['an attachment that is no object', event({ type: 'stream/processor-attached', payload: '[]' })],
    ['a source with unknown fields', event({ source: { x: 1 } })],
  ])('an event with %s is refused, and nothing stored', async (_what, wrong) => {
    using project = new TestProject()
    const chunk = { head: HEAD, events: [CREATED, wrong] }
    expect(await failureOf(project.streams.import(B, chunk))).toMatchObject({ code: 'BAD_REQUEST' })
    expect((await project.streams.list()).streams).toEqual([])
  })

  test.each<[string, ImportChunk]>([
    ['no first event', { head: HEAD, events: [] }],
    ['a head and a life', { head: HEAD, incarnationId: 'x', events: [CREATED] }],
    ['neither', { events: [CREATED] }],
    ['no creation at 1', { head: HEAD, events: [{ ...CREATED, type: 'a' }] }],
    ['a content type that no stream has', { head: { ...HEAD, contentType: 'text/\u0000' }, events: [CREATED] }],
    ['a state before 1', { head: { ...HEAD, baseState: '{}' }, events: [CREATED] }],
    ['no state before 5', { head: { ...HEAD, firstOffset: 5 }, events: [event({ offset: 5 })] }],
    ['a first offset of 0', { head: { ...HEAD, firstOffset: 0 }, events: [CREATED] }],
    ['a gap', { head: HEAD, events: [CREATED, event({ offset: 3 })] }],
    ['too many events', { head: HEAD, events: times(1001, CREATED) }],
  ])('a chunk with %s is refused', async (_what, chunk) => {
    using project = new TestProject()
    expect(await failureOf(project.streams.import(B, chunk))).toMatchObject({ code: 'BAD_REQUEST' })
    expect((await project.streams.list()).streams).toEqual([])
  })
})

describe('an export', () => {
  test('of a stream that was reset, deleted or made anew in between is an error, never a splice', async () => {
    using project = new TestProject()
    await project.append('/a', ...times(10, { type: 'a' }))
    const first = await project.streams.export(A, { limit: 3 })
    const next = { after: first.nextCursor!, incarnationId: first.incarnationId, through: first.maxOffset }
    await project.streams.reset(A)
    expect(await failureOf(project.streams.export(A, next))).toMatchObject({ code: 'CONFLICT', reason: 'incarnation' })
    await project.streams.delete(A)
    expect(await failureOf(project.streams.export(A, next))).toMatchObject({ code: 'CONFLICT', reason: 'incarnation' })
    expect(await failureOf(project.streams.export(A))).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('is no splice either when the reset comes between its state and its page', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'a' })
    const source = {
      state: (path: StreamPath) => project.streams.state(path),
      baseState: () => null,
      read: async (path: StreamPath, options: ReadOptions) => {
        await project.streams.reset(A)
        return project.streams.read(path, options)
      },
    }
    expect(await failureOf(exportPage(source, A, {}))).toMatchObject({ code: 'CONFLICT', reason: 'incarnation' })
  })

  test('covers the log up to the head at its start', async () => {
    using project = new TestProject()
    await project.append('/a', ...times(10, { type: 'a' }))
    const first = await project.streams.export(A, { limit: 3 })
    await project.append('/a', { type: 'late' })
    const { incarnationId, maxOffset: through } = first
    const rest = await project.streams.export(A, { after: first.nextCursor!, incarnationId, through, limit: 100 })
    expect([rest.events.at(-1)?.offset, rest.nextCursor, rest.maxOffset]).toEqual([11, null, 11])
  })

  test.each([[{ after: -1 }], [{ through: 0.5 }], [{ limit: 0 }]])('bad options: %j', async (options) => {
    using project = new TestProject()
    await project.append('/a', { type: 'a' })
    expect(await failureOf(project.streams.export(A, options))).toMatchObject({ code: 'BAD_REQUEST' })
  })
})
