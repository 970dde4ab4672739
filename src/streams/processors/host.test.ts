import { copyFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { ItxError } from '../errors.ts'
import { type EncodedEvent, type EventInput, decodeEvent } from '../event.ts'
import { parsePath } from '../path.ts'
import { TestProject, TestTimers, failureOf, times, turn, until } from '../testing.ts'
import { defineProcessor } from './contract.ts'
import { ProcessorRegistry, type ProcessorRegistration } from './registry.ts'
import { echo, settled } from './testing.ts'

// Guards what a processor is promised: every event once in order, from a checkpoint that survives anything, and a way on
// when one event cannot be processed.

const A = parsePath('/a')

function project(...registrations: ProcessorRegistration[]) {
  const timers = new TestTimers()
  const found = new TestProject(undefined, { processors: new ProcessorRegistry(registrations), scheduler: timers })
  return Object.assign(found, { timers })
}

const inputs = (...texts: string[]): EventInput[] => texts.map((text) => ({ type: 'echo/input', payload: { text } }))

const payloads = (events: readonly EncodedEvent[], type: string) =>
  events.filter((event) => event.type === type).map((event) => decodeEvent(event).payload)

/** A processor that counts, and acts as it is told. */
function acting(act: (offset: number) => unknown, slug = 'acting') {
  return defineProcessor({
    slug,
    version: '1',
    state: z.object({ count: z.number(), last: z.number() }),
    initialState: { count: 0, last: 0 },
    consumes: ['x'],
    reduce: ({ count }, event) => ({ count: count + 1, last: event.offset }),
    processEvent: ({ event }) => act(event.offset),
  })
}

const unavailable = () => new ItxError('UNAVAILABLE', 'not now')

const xs = (count: number): EventInput[] => Array.from({ length: count }, (_, n) => ({ type: 'x', payload: n }))

describe('an attached processor', () => {
  test('reduces the whole log, and acts on what comes after it was attached', async () => {
    using it = project({ processor: echo })
    await it.append('/a', ...inputs('before'))
    await it.streams.processors.attach(A, 'echo')
    await it.append('/a', ...inputs('one', 'two'))
    expect(await settled(it.streams, A, 'echo')).toMatchObject({ attachedAt: 3, checkpoint: 7, lag: 0, error: null })
    expect(payloads(await it.log('/a'), 'echo/output')).toEqual([
      { text: 'one', seen: 2 },
      { text: 'two', seen: 3 },
    ])
    expect(await it.streams.processors.stateAt(A, 'echo')).toMatchObject({ state: { seen: 3 } })
  })

  test('marks what it appends with its name, and with a key of the event it comes from', async () => {
    using it = project({ processor: echo })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'echo')
    await it.append('/a', ...inputs('one'))
    await settled(it.streams, A, 'echo')
    const output = (await it.log('/a')).find((event) => event.type === 'echo/output')
    const { incarnationId } = await it.streams.state(A)
    expect(output).toMatchObject({
      source: { processor: { slug: 'echo', version: '1' } },
      idempotencyKey: `echo/${incarnationId}@4/0`,
    })
  })

  test('goes on from its checkpoint after a restart, and repeats nothing', async () => {
    using it = project({ processor: echo })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'echo')
    await it.append('/a', ...inputs('one', 'two'))
    await settled(it.streams, A, 'echo')
    it.reopen()
    await it.append('/a', ...inputs('three'))
    await settled(it.streams, A, 'echo')
    expect(payloads(await it.log('/a'), 'echo/output').map((each) => (each as { seen: number }).seen)).toEqual([
      1, 2, 3,
    ])
  })

  test('is resumed at the start where a crash left it behind, without anybody touching the stream', async () => {
    const seen: number[] = []
    let broken = true
    using it = project({
      processor: acting((offset) =>
        broken ? Promise.reject(new ItxError('UNAVAILABLE', 'not yet')) : seen.push(offset),
      ),
    })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(3))
    await until(() => it.timers.waits.length > 0)
    it.reopen(() => (broken = false))
    await until(() => seen.length === 3, 'the events that were left')
    expect(seen).toEqual([4, 5, 6])
  })

  test('is resumed later where the disk could not be read at the start', async () => {
    const seen: number[] = []
    let broken = true
    using it = project({
      processor: acting((offset) => (broken ? Promise.reject(unavailable()) : seen.push(offset))),
    })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(2))
    await until(() => it.timers.waits.length > 0)
    it.timers.elapse()
    it.reopen(() => (broken = false))
    vi.spyOn(it.storage.working, 'findSnapshot').mockImplementationOnce(() => {
      throw unavailable()
    })
    await until(() => it.timers.waits.includes(5000), 'another try')
    expect(seen).toEqual([])
    it.timers.elapse()
    await until(() => seen.length === 2, 'the events that were left')
  })

  test('is resumed although another stream is damaged', async () => {
    const seen: string[] = []
    let broken = true
    const processor = defineProcessor({
      ...acting(() => {}),
      processEvent: ({ stream }) => (broken ? Promise.reject(unavailable()) : seen.push(stream.path)),
    })
    using it = project({ processor })
    for (const path of ['/a', '/b'] as const) {
      await it.append(path, { type: 'first' })
      await it.streams.processors.attach(parsePath(path), 'acting')
      await it.append(path, ...xs(1))
    }
    await until(() => it.timers.waits.length > 1)
    it.storage.connection.prepare(`update streams set checksum = 0 where path = '/a'`).run()
    it.reopen(() => (broken = false))
    await until(() => seen.length > 0, 'the other stream')
    expect(seen).toEqual(['/b'])
  })

  test('does not keep an orderly stop from committing and answering what is open', async () => {
    using it = project({ processor: echo })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'echo')
    const appended = it.append('/a', ...inputs('one'))
    it.reopen()
    expect(await appended).toMatchObject([{ offset: 4, duplicate: false }])
    expect(await settled(it.streams, A, 'echo')).toMatchObject({ lag: 0 })
    expect(payloads(await it.log('/a'), 'echo/output')).toHaveLength(1)
  })

  test('is not there any more for who has just asked for it when the project was closed', async () => {
    using it = project({ processor: echo })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'echo')
    const { processors } = it.streams
    const asked = [processors.list(A), processors.stateAt(A, 'echo'), processors.restart(A, 'echo')].map(failureOf)
    it.reopen()
    expect(await Promise.all(asked)).toEqual(times(3, { code: 'UNAVAILABLE', reason: 'shutting-down' }))
  })

  test('passes over events that it does not consume, and its checkpoint says so after a restart', async () => {
    using it = project({ processor: echo })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'echo')
    for (let i = 0; i < 3; i++) await it.append('/a', ...times(1000, { type: 'other' }))
    expect(await settled(it.streams, A, 'echo')).toMatchObject({ checkpoint: 3003 })
    it.reopen()
    const stored = it.storage.connection.prepare('select max(offset) from snapshots').pluck().get() as number
    expect(stored).toBeGreaterThanOrEqual(2003)
  })

  test('loses state and checkpoint when it is detached, and begins anew when it is attached again', async () => {
    using it = project({ processor: echo })
    await it.append('/a', ...inputs('one'))
    await it.streams.processors.attach(A, 'echo')
    await settled(it.streams, A, 'echo')
    await it.streams.processors.detach(A, 'echo')
    expect(await it.streams.processors.list(A)).toEqual([])
    expect(it.storage.connection.prepare('select count(*) from snapshots').pluck().get()).toBe(0)
    await it.append('/a', ...inputs('two'))
    await it.streams.processors.attach(A, 'echo')
    await it.append('/a', ...inputs('three'))
    await settled(it.streams, A, 'echo')
    expect(payloads(await it.log('/a'), 'echo/output')).toEqual([{ text: 'three', seen: 3 }])
    expect(await failureOf(it.streams.processors.detach(A, 'nobody'))).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('that could not be detached goes on', async () => {
    using it = project({ processor: echo })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'echo')
    await it.append('/a', ...inputs('one'))
    // Stopped in the midst of this event, it would stay there.
    const detached = failureOf(it.streams.processors.detach(A, 'echo'))
    it.storage.connection.exec('rollback')
    expect(await detached).toMatchObject({ code: 'UNAVAILABLE' })
    it.timers.elapse()
    expect(await settled(it.streams, A, 'echo')).toMatchObject({ status: 'caught-up', lag: 0 })
    expect(payloads(await it.log('/a'), 'echo/output')).toHaveLength(1)
  })

  test('begins anew with a new life of its stream once it is attached to that', async () => {
    using it = project({ processor: echo })
    await it.append('/a', ...inputs('one'))
    await it.streams.processors.attach(A, 'echo')
    await settled(it.streams, A, 'echo')
    await it.streams.reset(A)
    expect(await it.streams.processors.list(A)).toEqual([])
    await it.streams.processors.attach(A, 'echo')
    await it.append('/a', ...inputs('two'))
    await settled(it.streams, A, 'echo')
    expect(payloads(await it.log('/a'), 'echo/output')).toEqual([{ text: 'two', seen: 1 }])
  })

  test('of another version reduces the log anew, and does not act twice', async () => {
    const seen: string[] = []
    const of = (version: string, step: number) =>
      defineProcessor({
        ...acting((offset) => seen.push(`${version}@${offset}`)),
        version,
        reduce: ({ count }, event) => ({ count: count + step, last: event.offset }),
      })
    const registrations = [{ processor: of('1', 1) }]
    using it = project(...registrations)
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(2))
    await settled(it.streams, A, 'acting')
    // The server comes back with another version of the same processor.
    using next = project({ processor: of('2', 10) })
    it.streams.shutdown()
    next.reopen(() => copyFileSync(it.file, next.file))
    it.reopen()
    expect(await settled(next.streams, A, 'acting')).toMatchObject({ version: '2' })
    await next.append('/a', ...xs(1))
    await settled(next.streams, A, 'acting')
    expect(seen).toEqual(['1@4', '1@5', '2@6'])
    expect(await next.streams.processors.stateAt(A, 'acting')).toMatchObject({ state: { count: 30 } })
  })

  test('that nobody has woken yet does not say that it is done', async () => {
    using it = project({ processor: echo })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'echo')
    await settled(it.streams, A, 'echo')
    // A server without it takes events; then it is back.
    using without = project()
    it.streams.shutdown()
    without.reopen(() => copyFileSync(it.file, without.file))
    await without.append('/a', ...inputs('one'))
    it.reopen(() => without.reopen(() => copyFileSync(without.file, it.file)))
    expect(await it.streams.processors.list(A)).toMatchObject([{ status: 'running', lag: 4 }])
    expect(await settled(it.streams, A, 'echo')).toMatchObject({ status: 'caught-up', lag: 0 })
  })

  test('that this server does not have is listed as unavailable, and cannot be attached', async () => {
    using it = project({ processor: echo })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'echo')
    using other = project()
    it.streams.shutdown()
    other.reopen(() => copyFileSync(it.file, other.file))
    it.reopen()
    expect(await other.streams.processors.list(A)).toMatchObject([{ slug: 'echo', status: 'unavailable', lag: 3 }])
    expect(await failureOf(other.streams.processors.attach(A, 'echo'))).toMatchObject({
      code: 'NOT_FOUND',
      reason: 'processor',
    })
  })

  test('more than 32 of one stream are refused, those that were detached included', async () => {
    const many = Array.from({ length: 33 }, (_, n) => ({ processor: { ...echo, slug: `p${n}` } }))
    using it = project(...many)
    await it.append('/a', { type: 'first' })
    for (let n = 0; n < 32; n++) await it.streams.processors.attach(A, `p${n}`)
    await it.streams.processors.detach(A, 'p3')
    expect(await failureOf(it.streams.processors.attach(A, 'p32'))).toEqual({
      code: 'CONFLICT',
      reason: 'too-many',
      limit: 32,
    })
    await it.streams.processors.attach(A, 'p3')
  })

  test('acts for a batch where it would rather', async () => {
    const batches: number[][] = []
    const batching = defineProcessor({
      slug: 'batching',
      version: '1',
      state: z.number(),
      initialState: 0,
      consumes: ['x'],
      reduce: (count) => count + 1,
      processEventBatch: async ({ events, before, after }) => {
        batches.push([before, after, ...events.map(({ event }) => event.offset)])
        await events[0]?.append({ type: 'summary', payload: events.length })
      },
    })
    using it = project({ processor: batching })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'batching')
    await it.append('/a', ...xs(3))
    await settled(it.streams, A, 'batching')
    expect(batches).toEqual([[0, 3, 4, 5, 6]])
    expect(payloads(await it.log('/a'), 'summary')).toEqual([3])
  })

  test('that a pattern attaches gets every event of a stream from its first, and an older stream’s from then on', async () => {
    using it = project()
    await it.append('/agents/old', ...inputs('early'))
    using next = project({ processor: echo, attachTo: ['/agents/*'] })
    it.streams.shutdown()
    next.reopen(() => copyFileSync(it.file, next.file))
    it.reopen()
    await next.append('/agents/new', ...inputs('one'))
    await next.append('/agents/old', ...inputs('late'))
    await settled(next.streams, parsePath('/agents/new'), 'echo')
    await settled(next.streams, parsePath('/agents/old'), 'echo')
    expect((await next.log('/agents/new')).map((event) => event.type)).toEqual([
      'stream/created',
      'stream/processor-attached',
      'echo/input',
      'echo/output',
    ])
    expect(payloads(await next.log('/agents/old'), 'echo/output')).toEqual([{ text: 'late', seen: 2 }])
    // Once is enough; and who detached it is not overruled.
    await next.streams.processors.detach(parsePath('/agents/new'), 'echo')
    next.reopen()
    await next.append('/agents/new', ...inputs('two'))
    expect(await next.streams.processors.list(parsePath('/agents/new'))).toEqual([])
  })
})

describe('when an event cannot be processed', () => {
  test('T1: a batch that fails once, while later events keep coming, loses nothing', async () => {
    const seen: number[] = []
    let failures = 1
    using it = project({
      processor: acting((offset) => {
        if (offset === 5 && failures-- > 0) throw new Error('for the moment')
        seen.push(offset)
      }),
    })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(3))
    await until(() => it.timers.waits.length > 0)
    await it.append('/a', ...xs(2))
    for (let i = 0; i < 20; i++) await turn()
    // Nothing overtakes the event that failed.
    expect(seen).toEqual([4])
    it.timers.elapse()
    expect(await settled(it.streams, A, 'acting')).toMatchObject({ checkpoint: 8, error: null })
    expect(seen).toEqual([4, 5, 6, 7, 8])
    expect(await it.streams.processors.stateAt(A, 'acting')).toMatchObject({ state: { count: 5, last: 8 } })
  })

  test('T1b: poison parks the processor after 250, 500 and 1,000 ms, with one event that says so and the state as it was', async () => {
    const seen: number[] = []
    using it = project({
      processor: acting((offset) => {
        if (offset === 5) throw new Error('never')
        seen.push(offset)
      }),
    })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(3))
    for (const wait of [250, 500, 1000]) {
      await until(() => it.timers.waits.length > 0)
      expect(it.timers.waits).toEqual([wait])
      it.timers.elapse()
    }
    expect(await settled(it.streams, A, 'acting')).toMatchObject({
      status: 'parked',
      checkpoint: 4,
      error: { offset: 5, message: 'never', attempts: 4 },
    })
    const errors = payloads(await it.log('/a'), 'stream/error-occurred')
    expect(errors).toEqual([{ processor: { slug: 'acting', version: '1' }, offset: 5, message: 'never', attempts: 4 }])
    expect(await it.streams.processors.stateAt(A, 'acting')).toMatchObject({ offset: 4, state: { count: 1, last: 4 } })
    // Parked stays parked, whatever comes, and over a restart.
    await it.append('/a', ...xs(1))
    it.reopen()
    await it.append('/a', ...xs(1))
    for (let i = 0; i < 20; i++) await turn()
    expect(await it.streams.processors.list(A)).toMatchObject([{ status: 'parked', checkpoint: 4 }])
    expect(seen).toEqual([4])
    expect(payloads(await it.log('/a'), 'stream/error-occurred')).toHaveLength(1)
  })

  test('T1c: parking that itself fails does not wedge it: it is tried again', async () => {
    using it = project({ processor: acting((offset) => offset === 5 && Promise.reject(new Error('never'))) })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(3))
    for (let retry = 0; retry < 2; retry++) {
      await until(() => it.timers.waits.length > 0)
      it.timers.elapse()
    }
    await until(() => it.timers.waits.length > 0)
    const disk = failingDisk(it)
    it.timers.elapse()
    await until(() => it.timers.waits.length > 0, 'a wait for the disk')
    expect(await it.streams.processors.list(A)).toMatchObject([
      { status: 'waiting', error: { message: 'the disk is full' } },
    ])
    disk.mockRestore()
    it.timers.elapse()
    expect(await settled(it.streams, A, 'acting')).toMatchObject({ status: 'parked', checkpoint: 4 })
    expect(payloads(await it.log('/a'), 'stream/error-occurred')).toHaveLength(1)
  })

  test('T2: a snapshot that could not be written is written again, and nothing moves on before', async () => {
    const seen: number[] = []
    using it = project({ processor: acting((offset) => seen.push(offset)) })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await settled(it.streams, A, 'acting')
    const appended = it.append('/a', ...xs(1))
    const disk = failingDisk(it)
    await appended
    await until(() => it.timers.waits.length > 0, 'a wait')
    expect(await it.streams.processors.list(A)).toMatchObject([
      { status: 'waiting', checkpoint: 3, error: { message: 'the disk is full' } },
    ])
    disk.mockRestore()
    it.timers.elapse()
    expect(await settled(it.streams, A, 'acting')).toMatchObject({ checkpoint: 4, error: null })
    // At least once: the effect ran again, the state counted it once.
    expect(seen).toEqual([4, 4])
    expect(await it.streams.processors.stateAt(A, 'acting')).toMatchObject({ state: { count: 1 } })
  })

  test('one event of a batch is found out, and those before it are done', async () => {
    const batches: number[][] = []
    const batching = defineProcessor({
      ...acting(() => {}, 'batching'),
      processEvent: undefined as never,
      processEventBatch: ({ events }) => {
        const offsets = events.map(({ event }) => event.offset)
        if (offsets.includes(6)) throw new Error('six')
        batches.push(offsets)
      },
    })
    using it = project({ processor: batching })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'batching')
    await it.append('/a', ...xs(5))
    for (let retry = 0; retry < 3; retry++) {
      await until(() => it.timers.waits.length > 0)
      it.timers.elapse()
    }
    expect(await settled(it.streams, A, 'batching')).toMatchObject({
      status: 'parked',
      checkpoint: 5,
      error: { offset: 6 },
    })
    expect(batches).toEqual([[4], [5]])
    await it.streams.processors.restart(A, 'batching', 'skip')
    await settled(it.streams, A, 'batching')
    expect(batches.flat()).toEqual([4, 5, 7, 8])
  })

  test('it can be skipped: it is reduced where it can be, and its effects are left out', async () => {
    const seen: number[] = []
    using it = project({
      processor: acting((offset) => {
        if (offset === 4) throw new Error('never')
        seen.push(offset)
      }),
    })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(2))
    await parked(it)
    await it.streams.processors.restart(A, 'acting', 'skip')
    expect(await settled(it.streams, A, 'acting')).toMatchObject({ status: 'caught-up', lag: 0, error: null })
    expect(seen).toEqual([5])
    expect(await it.streams.processors.stateAt(A, 'acting')).toMatchObject({ state: { count: 2, last: 5 } })
    expect(await failureOf(it.streams.processors.restart(A, 'acting', 'skip'))).toMatchObject({ reason: 'not-parked' })
  })

  test('a payload that does not fit parks too; skipped, it leaves the state alone, now and in stateAt', async () => {
    using it = project({ processor: echo })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'echo')
    await it.append('/a', ...inputs('one'), { type: 'echo/input', payload: 'no object' }, ...inputs('two'))
    await parked(it)
    expect((await it.streams.processors.list(A))[0]).toMatchObject({
      error: { offset: 5, message: expect.stringContaining('payload of echo/input') },
    })
    expect(await failureOf(it.streams.processors.stateAt(A, 'echo', 6))).toMatchObject({
      code: 'CONFLICT',
      reason: 'processor-failed',
      offset: 5,
    })
    await it.streams.processors.restart(A, 'echo', 'skip')
    await settled(it.streams, A, 'echo')
    expect(payloads(await it.log('/a'), 'echo/output').map((each) => (each as { seen: number }).seen)).toEqual([1, 2])
    expect(await it.streams.processors.stateAt(A, 'echo', 6)).toEqual({ offset: 6, state: { seen: 2 } })
  })

  test('a restart tries again, and one from an offset runs the effects after it once more', async () => {
    let broken = true
    const seen: number[] = []
    using it = project({
      processor: acting((offset) => {
        if (offset === 5 && broken) throw new Error('until it is mended')
        seen.push(offset)
      }),
    })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(3))
    await parked(it)
    broken = false
    await it.streams.processors.restart(A, 'acting')
    await settled(it.streams, A, 'acting')
    expect(seen).toEqual([4, 5, 6])
    await it.streams.processors.restart(A, 'acting', 4)
    await settled(it.streams, A, 'acting')
    expect(seen).toEqual([4, 5, 6, 5, 6])
    expect(await it.streams.processors.stateAt(A, 'acting')).toMatchObject({ state: { count: 3 } })
    expect(await failureOf(it.streams.processors.restart(A, 'acting', 99))).toMatchObject({ code: 'BAD_REQUEST' })
    expect(await failureOf(it.streams.processors.restart(A, 'acting', -1))).toMatchObject({ code: 'BAD_REQUEST' })
  })

  test('a restart that is refused leaves alone the one before it', async () => {
    const seen: number[] = []
    using it = project({ processor: acting((offset) => seen.push(offset)) })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(2))
    await settled(it.streams, A, 'acting')
    const back = it.streams.processors.restart(A, 'acting', 3)
    const refused = [failureOf(it.streams.processors.restart(A, 'acting', 'skip'))]
    refused.push(failureOf(it.streams.processors.restart(A, 'acting', 99)))
    await back
    expect(await Promise.all(refused)).toMatchObject([{ reason: 'not-parked' }, { code: 'BAD_REQUEST' }])
    await until(() => seen.length === 4, 'the effects once more')
    expect(seen).toEqual([4, 5, 4, 5])
  })

  test('what an aborted generation still does is dropped', async () => {
    const release = Promise.withResolvers<void>()
    const seen: number[] = []
    let first = true
    using it = project({
      processor: acting(async (offset) => {
        if (first) {
          first = false
          await release.promise
        }
        seen.push(offset)
      }),
    })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(2))
    await until(() => !first)
    await it.streams.processors.restart(A, 'acting')
    await until(() => seen.length === 2)
    release.resolve()
    expect(await settled(it.streams, A, 'acting')).toMatchObject({ checkpoint: 5 })
    for (let i = 0; i < 10; i++) await turn()
    // The old one ended its own event, and went no further.
    expect(seen).toEqual([4, 5, 4])
    expect(await it.streams.processors.stateAt(A, 'acting')).toMatchObject({ state: { count: 2 } })
  })

  test('a paused stream, or a full disk, is waited out: nothing is parked', async () => {
    using it = project({ processor: echo })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'echo')
    await it.streams.pause(A)
    await it.append('/b', { type: 'elsewhere' })
    await it.streams.resume(A)
    const both = [it.append('/a', ...inputs('one')), it.streams.pause(A)]
    await Promise.all(both)
    for (const wait of [250, 500, 1000, 2000, 5000, 5000]) {
      await until(() => it.timers.waits.length > 0)
      expect(it.timers.waits).toEqual([wait])
      it.timers.elapse()
    }
    await until(() => it.timers.waits.length > 0)
    expect(await it.streams.processors.list(A)).toMatchObject([{ status: 'waiting', checkpoint: expect.any(Number) }])
    await it.streams.resume(A)
    it.timers.elapse()
    await settled(it.streams, A, 'echo')
    expect(payloads(await it.log('/a'), 'echo/output')).toEqual([{ text: 'one', seen: 1 }])
  })

  test.each([
    ['does not fit its schema', () => ({ count: 'many' }) as never, /does not fit its schema at count/],
    ['is a promise', async () => ({ count: 1, last: 1 }) as never, /must answer at once/],
  ])('a state that %s parks it at the event that did it', async (_, reduce, message) => {
    using it = project({ processor: { ...acting(() => {}), reduce } })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    await it.append('/a', ...xs(2))
    await parked(it)
    expect(await it.streams.processors.list(A)).toMatchObject([
      { checkpoint: 3, error: { offset: 4, message: expect.stringMatching(message) } },
    ])
  })

  test('a state that grows over 1 MiB parks it at the event that did it', async () => {
    const growing = defineProcessor({
      slug: 'growing',
      version: '1',
      state: z.array(z.string()),
      initialState: [] as string[],
      consumes: ['x'],
      reduce: (state) => [...state, 'y'.repeat(400_000)],
    })
    using it = project({ processor: growing })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'growing')
    await it.append('/a', ...xs(4))
    await parked(it)
    expect(await it.streams.processors.list(A)).toMatchObject([
      { status: 'parked', checkpoint: 5, error: { offset: 6, message: expect.stringContaining('at most 1048576') } },
    ])
  })
})

describe('the state at an offset', () => {
  test('is what reducing up to there gives, from snapshots and from the beginning', async () => {
    using it = project({ processor: acting(() => {}) })
    await it.append('/a', { type: 'first' })
    await it.streams.processors.attach(A, 'acting')
    for (let i = 0; i < 25; i++) {
      await it.append('/a', ...xs(900), { type: 'other' })
      await settled(it.streams, A, 'acting')
    }
    const head = (await it.streams.state(A)).maxOffset
    const snapshots = it.storage.connection.prepare('select offset from snapshots order by offset').pluck().all()
    expect(snapshots.length).toBeGreaterThan(2)
    const counted = (offset: number) =>
      it.storage.connection
        .prepare(
          `select count(*), max(offset) from events where type = 'x' and offset <= ? and stream_id = (select id from streams where path = '/a')`,
        )
        .raw()
        .get(offset) as [number, number]
    for (const offset of [0, 3, 4, 5, 901, 9_999, 10_000, 10_001, 15_000, head - 1, head]) {
      const [count, last] = counted(offset)
      expect(await it.streams.processors.stateAt(A, 'acting', offset)).toEqual({
        offset,
        state: { count, last: last ?? 0 },
      })
    }
    expect(await failureOf(it.streams.processors.stateAt(A, 'acting', head + 1))).toMatchObject({ code: 'BAD_REQUEST' })
  })

  test('of the stream itself is asked for as "core"', async () => {
    using it = project()
    await it.append('/a', { type: 'x' })
    await it.streams.pause(A, 'why')
    await it.streams.resume(A)
    expect(await it.streams.processors.stateAt(A, 'core', 3)).toMatchObject({
      state: { paused: true, pauseReason: 'why', eventCount: 3 },
    })
    expect(await it.streams.processors.stateAt(A, 'core')).toMatchObject({ offset: 4, state: { paused: false } })
    expect(await failureOf(it.streams.processors.stateAt(parsePath('/nobody'), 'core'))).toMatchObject({
      code: 'NOT_FOUND',
    })
  })
})

test('a damaged snapshot is reported, deletes nothing, and going back to the beginning mends it', async () => {
  using it = project({ processor: acting(() => {}) })
  await it.append('/a', { type: 'first' })
  await it.streams.processors.attach(A, 'acting')
  await it.append('/a', ...xs(3))
  await settled(it.streams, A, 'acting')
  it.reopen(() => {})
  it.storage.connection.prepare(`update snapshots set state = replace(state, '3', '4')`).run()
  expect(await it.streams.processors.list(A)).toMatchObject([
    { status: 'waiting', error: { message: expect.stringContaining('does not match its checksum') } },
  ])
  expect(it.storage.connection.prepare('select count(*) from snapshots').pluck().get()).toBe(1)
  await it.streams.processors.restart(A, 'acting', 0)
  await settled(it.streams, A, 'acting')
  expect(await it.streams.processors.stateAt(A, 'acting')).toMatchObject({ state: { count: 3 } })
})

/** From now on nothing can be written. */
function failingDisk(it: TestProject) {
  return vi.spyOn(it.storage, 'transactionSync').mockImplementation(() => {
    throw new ItxError('UNAVAILABLE', 'the disk is full', { reason: 'disk-full' })
  })
}

/** Lets every retry run out until the processor is parked. */
async function parked(it: ReturnType<typeof project>): Promise<void> {
  for (let retry = 0; retry < 3; retry++) {
    await until(() => it.timers.waits.length > 0)
    it.timers.elapse()
  }
  const slug = (await it.streams.processors.list(A))[0]!.slug
  expect((await settled(it.streams, A, slug)).status).toBe('parked')
}
