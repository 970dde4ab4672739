import { describe, expect, test, vi } from 'vitest'
import { PAUSED, RESUMED } from './core/core-events.ts'
import { CORE_STATE_VERSION } from './core/state.ts'
import type { Closed } from './delivery/batch.ts'
import { ItxError } from './errors.ts'
import { encodeInput } from './event-input.ts'
import { parsePath } from './path.ts'
import { TestProject, failureOf, plantState, readAll, replayed, until } from './testing.ts'

// Guards what can be done to a whole stream: that a pause and a close hold, that the breaker stops a flood before it is
// stored, and that a life that has ended leaves nothing that a new one could be mistaken for.

const A = parsePath('/a')
const CHILD = parsePath('/a/b')
const ROOT = parsePath('/')
const OPERATOR = new Set([PAUSED, RESUMED, 'stream/configured', 'stream/metadata-updated'])

describe('pause and resume', () => {
  test('a paused stream refuses callers with the reason, and passes them again once resumed', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await project.streams.pause(A, 'too loud')
    expect(await failureOf(project.append('/a', { type: 'y' }))).toEqual({
      code: 'CONFLICT',
      reason: 'paused',
      path: '/a',
      pauseReason: 'too loud',
    })
    expect(await project.streams.state(A)).toMatchObject({ paused: true, pauseReason: 'too loud' })
    await project.streams.resume(A)
    await project.append('/a', { type: 'y' })
    expect((await project.log('/a')).map((event) => event.type)).toEqual(['stream/created', 'x', PAUSED, RESUMED, 'y'])
  })

  test('announcements, configuration, metadata and a close pass a pause', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await project.streams.pause(A)
    await project.append('/a/b', { type: 'x' })
    await project.streams.configure(A, { recordPresence: false })
    await project.streams.setMetadata(A, { owner: 'ada' })
    await project.streams.close(A)
    expect(await project.streams.state(A)).toMatchObject({ childCount: 1, metadata: { owner: 'ada' }, closed: true })
  })

  test('a batch that pauses the stream for its own next event fails whole', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const batch = [encodeInput({ type: PAUSED, payload: {} }), encodeInput({ type: 'y' })]
    expect(await failureOf(project.streams.append(A, batch, OPERATOR))).toMatchObject({ reason: 'paused' })
    expect(await project.streams.state(A)).toMatchObject({ paused: false, maxOffset: 2 })
  })

  test('what does not exist can be neither paused nor closed nor reset nor deleted', async () => {
    using project = new TestProject()
    const { streams } = project
    for (const act of [streams.pause(A), streams.close(A), streams.reset(A), streams.delete(A)]) {
      expect(await failureOf(act)).toMatchObject({ code: 'NOT_FOUND', path: '/a' })
    }
    expect((await streams.list()).streams).toEqual([])
  })
})

describe('core events of callers', () => {
  test('only those that are allowed, with a payload that is one', async () => {
    using project = new TestProject()
    const append = (type: string, payload: unknown, allowed = OPERATOR) =>
      project.streams.append(A, [encodeInput({ type, payload })], allowed)
    await append('stream/metadata-updated', { metadata: { a: 1 } })
    expect(await failureOf(append('stream/created', {}))).toMatchObject({ code: 'FORBIDDEN', reason: 'reserved-type' })
    expect(await failureOf(append(PAUSED, {}, new Set()))).toMatchObject({ code: 'FORBIDDEN', reason: 'role' })
    expect(await failureOf(append(PAUSED, { why: 1 }))).toMatchObject({ code: 'BAD_REQUEST' })
    expect(await failureOf(append(PAUSED, { reason: 7 }))).toMatchObject({ code: 'BAD_REQUEST' })
    expect(await failureOf(append(PAUSED, []))).toMatchObject({ code: 'BAD_REQUEST' })
    expect(await failureOf(append('stream/configured', { config: { nope: 1 } }))).toMatchObject({ field: 'nope' })
    expect(await project.streams.state(A)).toMatchObject({ maxOffset: 2, metadata: { a: 1 } })
  })

  test('configuration merges, null takes a setting back, and both have a size', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await project.streams.configure(A, {
      recordPresence: false,
      circuitBreaker: { burstCapacity: 1, refillRatePerMinute: 1 },
    })
    await project.streams.configure(A, { circuitBreaker: null })
    expect((await project.streams.state(A)).config).toEqual({ recordPresence: false })
    const tooMuch = project.streams.setMetadata(A, { text: 'x'.repeat(16 * 1024) })
    expect(await failureOf(tooMuch)).toMatchObject({ reason: 'too-large', limit: 16384 })
  })
})

describe('circuit breaker', () => {
  const burst = (burstCapacity: number, refillRatePerMinute = 0) => ({
    circuitBreaker: { burstCapacity, refillRatePerMinute },
  })
  const three = [{ type: '1' }, { type: '2' }, { type: '3' }]

  test('a batch that would exceed it is refused whole, and only the pause is stored', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await project.streams.configure(A, burst(4))
    await project.append('/a', ...three)
    expect(await failureOf(project.append('/a', ...three))).toMatchObject({
      code: 'CONFLICT',
      reason: 'breaker',
      events: 3,
    })
    expect((await project.log('/a')).slice(-2).map((event) => event.type)).toEqual(['3', PAUSED])
    expect(await failureOf(project.append('/a', { type: '4' }))).toMatchObject({ reason: 'paused' })
  })

  test('a batch that sets the limit it then exceeds is refused by that limit', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const batch = [
      encodeInput({ type: 'stream/configured', payload: { config: burst(0) } }),
      encodeInput({ type: 'y' }),
    ]
    expect(await failureOf(project.streams.append(A, batch, OPERATOR))).toMatchObject({
      reason: 'breaker',
      burstCapacity: 0,
    })
    expect(await project.streams.state(A)).toMatchObject({
      config: {},
      pauseReason: 'circuit breaker: more than 0 events at once, or 0 a minute',
    })
  })

  test('resuming fills the bucket, and limits can be changed while paused', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await project.streams.configure(A, burst(1))
    await project.append('/a', { type: '1' })
    expect(await failureOf(project.append('/a', { type: '2' }))).toMatchObject({ reason: 'breaker' })
    await project.streams.configure(A, burst(3))
    await project.streams.resume(A)
    await project.append('/a', ...three)
  })

  test('it refills with time, up to its capacity', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await project.streams.configure(A, burst(3, 60))
    await project.append('/a', ...three)
    project.clock.ms += 2000
    await project.append('/a', { type: '4' }, { type: '5' })
    project.clock.ms += 3_600_000
    expect(await failureOf(project.append('/a', ...three, { type: '4' }))).toMatchObject({ reason: 'breaker' })
  })

  test('duplicates and core events cost nothing', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x', idempotencyKey: 'k' })
    await project.streams.configure(A, burst(1))
    await project.append('/a', { type: 'x', idempotencyKey: 'k' })
    await project.streams.setMetadata(A, {})
    await project.append('/a/b', { type: 'x' })
    expect(await project.append('/a', { type: 'y' })).toMatchObject([{ duplicate: false }])
  })

  test('T5: a clock that goes back drains nothing', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await project.streams.configure(A, burst(3, 60_000))
    await project.append('/a', { type: '1' })
    project.clock.ms -= 3_600_000
    expect(await project.append('/a', { type: '2' }, { type: '3' })).toHaveLength(2)
  })

  test('T6: a bucket that was stored empty refuses the first event after a restart', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await project.streams.configure(A, burst(3))
    await project.append('/a', ...three)
    project.reopen()
    expect(await failureOf(project.append('/a', { type: '4' }))).toMatchObject({ reason: 'breaker' })
  })

  test('T6: so does one that was emptied by a lowered limit', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await project.streams.configure(A, burst(10))
    await project.streams.configure(A, burst(0))
    project.reopen()
    expect(await failureOf(project.append('/a', { type: '1' }))).toMatchObject({ reason: 'breaker' })
  })
})

describe('close', () => {
  test('a closed stream refuses callers for good, answers duplicates, and closes only once', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x', idempotencyKey: 'k' })
    await project.streams.close(A, 'done')
    await project.streams.close(A)
    project.reopen()
    expect(await failureOf(project.append('/a', { type: 'y' }))).toMatchObject({ code: 'CONFLICT', reason: 'closed' })
    expect(await project.append('/a', { type: 'x', idempotencyKey: 'k' })).toMatchObject([
      { offset: 2, duplicate: true },
    ])
    await project.append('/a/b', { type: 'below' })
    expect(await project.streams.state(A)).toMatchObject({ closed: true, childCount: 1, maxOffset: 4 })
  })
})

describe('reset', () => {
  test('a new life begins at offset 1 with another incarnation and keeps its children', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x', idempotencyKey: 'k' })
    await project.append('/a/b', { type: 'x' })
    await project.streams.pause(A)
    const before = await project.streams.state(A)
    const { incarnationId } = await project.streams.reset(A)
    const after = await project.streams.state(A)
    expect(after).toMatchObject({ incarnationId, maxOffset: 1, childCount: 1, descendantCount: 1, paused: false })
    expect(after.incarnationId).not.toBe(before.incarnationId)
    expect(await project.append('/a', { type: 'y', idempotencyKey: 'k' })).toMatchObject([
      { offset: 2, duplicate: false },
    ])
    project.reopen()
    expect(await project.streams.state(A)).toMatchObject({ maxOffset: 2, childCount: 1, descendantCount: 1 })
    expect(await project.streams.state(CHILD)).toMatchObject({ exists: true, maxOffset: 2 })
  })

  test('live readers are told, and nobody can resume the old life', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' }, { type: 'y' })
    const { incarnationId } = await project.streams.state(A)
    const reader = await project.streams.subscribe(A, { after: 'start' }, () => {})
    await project.streams.reset(A)
    expect(await reader.closed()).toEqual({ reason: 'incarnation' })
    const resumed = project.streams.subscribe(A, { after: 3, incarnationId }, () => {})
    expect(await failureOf(resumed)).toMatchObject({ code: 'CONFLICT', reason: 'incarnation' })
  })

  test('the rows of the old life are deleted later, all of them', async () => {
    using project = new TestProject()
    const many = Array.from({ length: 900 }, (_, i) => ({ type: 'x', payload: i }))
    await project.append('/a', ...many)
    await project.append('/a', ...many, { type: 'large', payload: 'x'.repeat(2_000_000) })
    await project.streams.reset(A)
    await until(() => !project.storage.working.hasGarbage())
    const rows = (table: string) => project.storage.connection.prepare(`select count(*) from ${table}`).pluck().get()
    expect([rows('events'), rows('event_chunks'), rows('discarded_logs')]).toEqual([3, 0, 0])
    expect((await readAll(project.streams, A)).map((event) => event.type)).toEqual(['stream/created'])
  })

  test('rows of the old life that cannot be looked for are deleted after a later commit', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const { working } = project.storage
    // Thrown outside of any call, it would end the process.
    const looks = vi.spyOn(working, 'hasGarbage').mockImplementationOnce(() => {
      throw new ItxError('UNAVAILABLE', 'the disk answered with an error')
    })
    await project.streams.reset(A)
    await until(() => looks.mock.calls.length > 0)
    expect(working.hasGarbage()).toBe(true)
    await project.append('/a', { type: 'y' })
    await until(() => !working.hasGarbage())
  })

  test('readers are not led into the new life when the reset was stored but reported as failed', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' }, { type: 'x' })
    const { incarnationId } = await project.streams.state(A)
    const offsets: number[] = []
    let closed: Closed | undefined
    const reader = await project.streams.subscribe(A, { after: 'start' }, (batch) => {
      offsets.push(...batch.events.map((event) => event.offset))
    })
    void reader.closed().then((reason) => (closed = reason))
    const reset = failureOf(project.streams.reset(A))
    project.storage.connection.exec('commit')
    expect(await reset).toMatchObject({ code: 'UNAVAILABLE' })
    await project.append('/a', ...Array.from({ length: 5 }, () => ({ type: 'new' })))
    await until(() => closed !== undefined)
    expect(closed).toEqual({ reason: 'storage' })
    expect(offsets).toEqual([1, 2, 3])
    const resumed = project.streams.subscribe(A, { incarnationId, after: 3 }, () => {})
    expect(await failureOf(resumed)).toMatchObject({ reason: 'incarnation' })
  })

  test('a group that fails after a reset leaves the old life untouched', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const before = await project.streams.state(A)
    const { storage } = project
    const reset = project.streams.reset(A)
    storage.connection.exec('rollback')
    expect(await failureOf(reset)).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await project.streams.state(A)).toEqual(before)
    expect(await project.append('/a', { type: 'y' })).toMatchObject([{ offset: 3 }])
  })
})

describe('delete', () => {
  test('a stream with children is deleted only recursively', async () => {
    using project = new TestProject()
    await project.append('/a/b/c', { type: 'x' })
    await project.append('/a-1', { type: 'sibling' })
    expect(await failureOf(project.streams.delete(A))).toMatchObject({ reason: 'children', descendantCount: 2 })
    expect(await project.streams.delete(A, { recursive: true })).toEqual({ deleted: 3 })
    expect((await project.streams.list()).streams.map((stream) => stream.path)).toEqual(['/', '/a-1'])
    expect(await project.streams.state(ROOT)).toMatchObject({ childCount: 1, descendantCount: 1 })
  })

  test('the state of an ancestor equals a replay of its log after creations and deletions', async () => {
    using project = new TestProject()
    for (const path of ['/a/b/c', '/a/d', '/e']) await project.append(path, { type: 'x' })
    await project.streams.delete(parsePath('/a/b'), { recursive: true })
    await project.append('/a/b/c', { type: 'again' })
    const { exists: _exists, ...state } = await project.streams.state(ROOT)
    expect(state).toMatchObject({ childCount: 2, descendantCount: 5 })
    expect(replayed('/', await project.log('/'))).toEqual(state)
  })

  test('a recreated stream is another one, announced again', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x', idempotencyKey: 'k' })
    const first = await project.streams.state(A)
    const reader = await project.streams.subscribe(A, {}, () => {})
    await project.streams.delete(A)
    expect(await reader.closed()).toEqual({ reason: 'deleted' })
    expect(await project.streams.state(A)).toMatchObject({ exists: false })
    expect(await project.append('/a', { type: 'x', idempotencyKey: 'k' })).toMatchObject([
      { offset: 2, duplicate: false },
    ])
    expect((await project.streams.state(A)).incarnationId).not.toBe(first.incarnationId)
    const announced = (await project.log('/')).filter((event) => event.type === 'stream/child-created')
    expect(announced).toHaveLength(2)
  })

  test('deleted and recreated in one turn, with appends before and after', async () => {
    using project = new TestProject()
    await project.append('/a/b', { type: 'x' })
    const outcomes = await Promise.all([
      project.append('/a/b', { type: 'late' }),
      project.streams.delete(A, { recursive: true }),
      project.append('/a/b', { type: 'anew' }),
    ])
    expect(outcomes[2]).toMatchObject([{ offset: 2, duplicate: false }])
    project.reopen()
    expect((await project.log('/a/b')).map((event) => event.type)).toEqual(['stream/created', 'anew'])
    expect(await project.streams.state(ROOT)).toMatchObject({ childCount: 1, descendantCount: 2 })
  })

  test('what is asked of a stream in the turn of its deletion does not keep it alive for readers', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const { incarnationId } = await project.streams.state(A)
    const deletion = project.streams.delete(A)
    const refused = failureOf(project.append('/a', { type: 'y', offset: 7 }))
    const reader = await project.streams.subscribe(A, { after: 'start' }, () => {})
    expect(await refused).toMatchObject({ code: 'CONFLICT', reason: 'precondition' })
    await deletion
    expect(await reader.closed()).toEqual({ reason: 'deleted' })
    expect(await project.streams.state(A)).toMatchObject({ exists: false, maxOffset: 0 })
    expect(await project.log('/a')).toEqual([])
    const resumed = project.streams.subscribe(A, { incarnationId, after: 2 }, () => {})
    expect(await failureOf(resumed)).toMatchObject({ reason: 'incarnation' })
  })

  test('until a deletion is committed, readers see the stream, whether it had an actor or not', async () => {
    using project = new TestProject()
    await project.append('/a/b', { type: 'x' })
    project.reopen()
    const deletion = failureOf(project.streams.delete(A, { recursive: true }))
    const anew = failureOf(project.append('/a/b', { type: 'anew' }))
    expect(await project.streams.state(CHILD)).toMatchObject({ exists: true, maxOffset: 2 })
    project.storage.connection.exec('rollback')
    expect([await deletion, await anew]).toMatchObject([{ code: 'UNAVAILABLE' }, { code: 'UNAVAILABLE' }])
    expect(await project.streams.state(CHILD)).toMatchObject({ exists: true, maxOffset: 2 })
  })

  test('where their state must be rebuilt first, readers wait for the end of the deletion', async () => {
    using project = new TestProject()
    await project.append('/a/b', { type: 'x' })
    const { exists: _exists, ...state } = await project.streams.state(CHILD)
    plantState(project.storage, state, CORE_STATE_VERSION - 1)
    project.reopen()
    const deletion = failureOf(project.streams.delete(A, { recursive: true }))
    const seen = project.streams.state(CHILD)
    project.storage.connection.exec('rollback')
    expect(await deletion).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await seen).toEqual({ ...state, exists: true })
  })

  test('a stream that is deleted while its state is rebuilt is not written to as if it were there', async () => {
    using project = new TestProject()
    await project.append('/a/b', { type: 'x' })
    const { exists: _exists, ...state } = await project.streams.state(CHILD)
    plantState(project.storage, state, CORE_STATE_VERSION - 1)
    project.reopen()
    const appended = project.append('/a/b', { type: 'y' })
    await project.streams.delete(A, { recursive: true })
    expect(await appended).toMatchObject([{ offset: 2 }])
    expect((await project.log('/a/b')).map((event) => event.type)).toEqual(['stream/created', 'y'])
    expect(await project.streams.state(A)).toMatchObject({ exists: true, childCount: 1 })
  })

  test('a group that fails after a deletion leaves everything where it was', async () => {
    using project = new TestProject()
    await project.append('/a/b', { type: 'x' })
    const deletion = project.streams.delete(A, { recursive: true })
    const recreation = project.append('/a/b', { type: 'anew' })
    project.storage.connection.exec('rollback')
    expect(await failureOf(deletion)).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await failureOf(recreation)).toMatchObject({ code: 'UNAVAILABLE' })
    expect((await project.log('/a/b')).map((event) => event.type)).toEqual(['stream/created', 'x'])
    expect(await project.append('/a/b', { type: 'y' })).toMatchObject([{ offset: 3 }])
  })
})

describe('recorded presence', () => {
  test('only where the configuration asks for it do readers become events', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const unseen = await project.streams.subscribe(A, {}, () => {})
    unseen.unsubscribe()
    await project.streams.configure(A, { recordPresence: true })
    const seen = await project.streams.subscribe(A, {}, () => {})
    seen.unsubscribe()
    let types: string[] = []
    for (let i = 0; i < 100 && types.length < 2; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      types = (await project.log('/a')).map((event) => event.type).filter((type) => type.includes('subscriber'))
    }
    expect(types).toEqual(['stream/subscriber-connected', 'stream/subscriber-disconnected'])
  })
})

describe('one event', () => {
  test('by its offset or its key; null when there is none', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x', idempotencyKey: 'k' }, { type: 'y' })
    expect(await project.streams.getEvent(A, { offset: 3 })).toMatchObject({ type: 'y' })
    expect(await project.streams.getEvent(A, { idempotencyKey: ' k ' })).toMatchObject({ offset: 2 })
    expect(await project.streams.getEvent(A, { offset: 4 })).toBeNull()
    expect(await project.streams.getEvent(A, { offset: 0 })).toBeNull()
    expect(await project.streams.getEvent(A, { idempotencyKey: 'none' })).toBeNull()
    expect(await project.streams.getEvent(parsePath('/none'), { offset: 1 })).toBeNull()
    expect(await failureOf(project.streams.getEvent(A, { offset: -1 }))).toMatchObject({ code: 'BAD_REQUEST' })
  })
})
