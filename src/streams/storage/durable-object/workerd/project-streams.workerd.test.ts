import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { type DurableObjectContext, env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { reduceCore } from '../../../core/reducer.ts'
import { CORE_STATE_VERSION, emptyState } from '../../../core/state.ts'
import type { Batch } from '../../../delivery/batch.ts'
import { itxErrorCode, itxErrorDetails } from '../../../errors.ts'
import type { EncodedEvent, EventInput } from '../../../event.ts'
import { encodeInput } from '../../../event-input.ts'
import { parsePath } from '../../../path.ts'
import type { ProjectStreams } from '../../../project-streams.ts'
import { turn, until } from '../../contract/host.ts'
import { stateChecksum } from '../../sql/checksum.ts'
import { objectSql } from '../object-sql.ts'
import type { ProjectObject } from './worker.ts'

// The whole engine inside a Durable Object, as it runs in Node: nothing of it is imitated here.

const A = parsePath('/a')
const B = parsePath('/a/b')
const ROOT = parsePath('/')

/** An object of its own, in which code runs, and which can be taken out of memory. */
class TestObject {
  readonly #stub = env.PROJECTS.get(env.PROJECTS.newUniqueId())

  run<R>(use: (streams: ProjectStreams, context: DurableObjectContext) => Promise<R>): Promise<R> {
    return runInDurableObject<ProjectObject, R>(this.#stub, ({ streams }, context) => use(streams, context))
  }

  evict(): Promise<void> {
    return evictDurableObject(this.#stub)
  }
}

function append(streams: ProjectStreams, path: string, ...inputs: readonly EventInput[]) {
  return streams.append(parsePath(path), inputs.map(encodeInput))
}

async function log(streams: ProjectStreams, path: string): Promise<readonly EncodedEvent[]> {
  return (await streams.read(parsePath(path), { limit: 1000 })).events
}

const types = (events: readonly EncodedEvent[]) => events.map((event) => event.type)
const offsets = (events: readonly EncodedEvent[]) => events.map((event) => event.offset)

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('value' in outcome) throw new Error(`expected a failure, got ${JSON.stringify(outcome.value)}`)
  const code = itxErrorCode(outcome.error)
  return code === undefined ? outcome.error : { code, ...itxErrorDetails(outcome.error) }
}

test('all of this runs in workerd', () => {
  expect(navigator.userAgent).toBe('Cloudflare-Workers')
})

describe('appending', () => {
  test('gives offsets, knows keys again, and holds preconditions', () =>
    new TestObject().run(async (streams) => {
      const [first] = await append(streams, '/a', { type: 'x', idempotencyKey: 'k', payload: { n: 1 } })
      expect(first).toMatchObject({ offset: 2, duplicate: false })
      expect(await append(streams, '/a', { type: 'x', idempotencyKey: 'k' }, { type: 'y', offset: 3 })).toMatchObject([
        { offset: 2, duplicate: true, createdAt: first?.createdAt },
        { offset: 3, duplicate: false },
      ])
      expect(await failureOf(append(streams, '/a', { type: 'z' }, { type: 'z', offset: 9 }))).toMatchObject({
        code: 'CONFLICT',
      })
      expect(types(await log(streams, '/a'))).toEqual(['stream/created', 'x', 'y'])
      expect(await streams.getEvent(A, { idempotencyKey: 'k' })).toMatchObject({ offset: 2, payload: '{"n":1}' })
    }))

  test('of many callers at once stores every event once, in one order, and the state says so', () =>
    new TestObject().run(async (streams) => {
      const receipts = await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          append(streams, `/${i % 4}`, { type: 'x', idempotencyKey: `k${i % 100}` }),
        ),
      )
      expect(receipts.flat().filter((receipt) => receipt.duplicate)).toHaveLength(100)
      for (const path of ['/0', '/1', '/2', '/3']) {
        const events = await log(streams, path)
        expect(offsets(events)).toEqual(events.map((_, index) => index + 1))
        const { exists: _exists, ...state } = await streams.state(parsePath(path))
        expect(state).toEqual(events.reduce(reduceCore, emptyState(parsePath(path), '')))
      }
    }))

  test('takes an event of 3 MiB, and tells it to readers as it is', () =>
    new TestObject().run(async (streams) => {
      const text = '変'.repeat(1024 * 1024)
      await append(streams, '/a', { type: 'large', payload: { text }, metadata: { text: 'x'.repeat(600 * 1024) } })
      const event = await streams.getEvent(A, { offset: 2 })
      expect(JSON.parse(event?.payload ?? '') as unknown).toEqual({ text })
      const delivered: EncodedEvent[] = []
      await streams.subscribe(A, { after: 1 }, (batch) => void delivered.push(...batch.events))
      await until(() => delivered.length === 1)
      expect(delivered[0]).toEqual(event)
    }))
})

describe('subscribing', () => {
  test('replays, then follows, each event once and in order; nothing comes after unsubscribing', () =>
    new TestObject().run(async (streams) => {
      for (let i = 0; i < 30; i++) await append(streams, '/a', { type: 'x' })
      const seen: number[] = []
      const subscription = await streams.subscribe(A, { after: 'start' }, ({ events }: Batch) => {
        seen.push(...offsets(events))
        // Slowly, so that events arrive while pages are still read.
        return turn()
      })
      await Promise.all(Array.from({ length: 30 }, () => append(streams, '/a', { type: 'y' })))
      await until(() => seen.length === 61)
      expect(seen).toEqual(Array.from({ length: 61 }, (_, i) => i + 1))
      subscription.unsubscribe()
      await append(streams, '/a', { type: 'z' })
      for (let i = 0; i < 5; i++) await turn()
      expect(seen).toHaveLength(61)
    }))

  test('ends, and says why, when the stream is reset or deleted', () =>
    new TestObject().run(async (streams) => {
      await append(streams, '/a', { type: 'x' })
      const first = await streams.subscribe(A, {}, () => {})
      await streams.reset(A)
      expect(await first.closed()).toMatchObject({ reason: 'incarnation' })
      const second = await streams.subscribe(A, {}, () => {})
      await streams.delete(A)
      expect(await second.closed()).toMatchObject({ reason: 'deleted' })
    }))
})

describe('the lives of a stream', () => {
  test('a pause refuses and a resume takes again', () =>
    new TestObject().run(async (streams) => {
      await append(streams, '/a', { type: 'x' })
      await streams.pause(A, 'for now')
      expect(await failureOf(append(streams, '/a', { type: 'y' }))).toMatchObject({
        code: 'CONFLICT',
        reason: 'paused',
      })
      await streams.resume(A)
      await append(streams, '/a', { type: 'y' })
      expect(await streams.state(A)).toMatchObject({ paused: false, maxOffset: 5 })
    }))

  test('children are announced to all above them, and so is their end', () =>
    new TestObject().run(async (streams) => {
      await append(streams, '/a/b/c', { type: 'x' })
      await append(streams, '/a-1', { type: 'x' })
      const announced = async (path: string) =>
        (await log(streams, path))
          .filter(({ type }) => type === 'stream/child-created' || type === 'stream/child-deleted')
          .map(({ type, payload }) => [type.slice(13), (JSON.parse(payload ?? '') as { path: string }).path])
      expect(await announced('/a')).toEqual([
        ['created', '/a/b'],
        ['created', '/a/b/c'],
      ])
      expect(await streams.state(ROOT)).toMatchObject({ childCount: 2, descendantCount: 4 })
      expect((await streams.children(ROOT)).children.map((row) => row.path)).toEqual(['/a', '/a-1'])
      expect(await failureOf(streams.delete(B))).toMatchObject({ code: 'CONFLICT', reason: 'children' })
      expect(await streams.delete(B, { recursive: true })).toEqual({ deleted: 2 })
      expect(await announced('/a')).toContainEqual(['deleted', '/a/b'])
      expect((await streams.list()).streams.map((row) => row.path)).toEqual(['/', '/a', '/a-1'])
    }))

  test('a reset begins a new life; what is discarded is collected turn by turn', () =>
    new TestObject().run(async (streams, { storage }) => {
      for (let i = 0; i < 5; i++)
        await streams.append(
          A,
          Array.from({ length: 300 }, () => encodeInput({ type: 'x' })),
        )
      const before = await streams.state(A)
      const { incarnationId } = await streams.reset(A)
      expect(incarnationId).not.toBe(before.incarnationId)
      expect(types(await log(streams, '/a'))).toEqual(['stream/created'])
      expect(await append(streams, '/a', { type: 'y' })).toMatchObject([{ offset: 2 }])
      const rows = () => (objectSql(storage).query('select count(*) from events').get() as [number])[0]
      // The root's own two, and the two of the new life.
      await until(() => rows() === 4)
    }))
})

describe('taken out of memory and brought back, an object', () => {
  test('goes on where it was', async () => {
    const object = new TestObject()
    const before = await object.run(async (streams) => {
      await append(streams, '/a/b', { type: 'x', idempotencyKey: 'k', payload: 'x'.repeat(700_000) })
      await streams.pause(A, 'asleep')
      return [await streams.state(ROOT), await streams.state(A), await streams.state(B), await log(streams, '/a/b')]
    })
    await object.evict()
    await object.run(async (streams) => {
      expect(
        await Promise.all([streams.state(ROOT), streams.state(A), streams.state(B), log(streams, '/a/b')]),
      ).toEqual(before)
      expect(await append(streams, '/a/b', { type: 'x', idempotencyKey: 'k' }, { type: 'y' })).toMatchObject([
        { offset: 2, duplicate: true },
        { offset: 3, duplicate: false },
      ])
      expect(await failureOf(append(streams, '/a', { type: 'x' }))).toMatchObject({ reason: 'paused' })
    })
  })

  test.each([
    ['of an older version is rebuilt from the log', CORE_STATE_VERSION - 1],
    ['behind its log is caught up', CORE_STATE_VERSION],
  ])('whose state row is %s', async (_, version) => {
    const object = new TestObject()
    const before = await object.run(async (streams, { storage }) => {
      for (let i = 0; i < 3; i++)
        await streams.append(
          A,
          Array.from({ length: 700 }, () => encodeInput({ type: 'x' })),
        )
      const { exists: _exists, ...state } = await streams.state(A)
      const old = JSON.stringify({ ...(await log(streams, '/a')).slice(0, 2).reduce(reduceCore, emptyState(A, '')) })
      objectSql(storage)
        .command('update streams set state = ?, state_version = ?, checksum = ? where path = ?')
        .run(old, version, stateChecksum('/a', version, old, null), '/a')
      return state
    })
    await object.evict()
    await object.run(async (streams) => {
      const { exists, ...state } = await streams.state(A)
      expect([exists, state]).toEqual([true, before])
      expect(await append(streams, '/a', { type: 'y' })).toMatchObject([{ offset: 2102 }])
    })
  })
})

test('no value that is stored comes near the 2 MB that the platform takes', () =>
  new TestObject().run(async (streams, { storage }) => {
    const sizes = [512 * 1024 - 100, 512 * 1024 - 2, 16 * 1024 * 1024 - 2]
    for (const size of sizes) await append(streams, '/a', { type: 'x', payload: 'x'.repeat(size) })
    await append(streams, '/a', { type: 'x', metadata: { text: '変'.repeat(1024 * 1024) } })
    await streams.setMetadata(A, { text: 'x'.repeat(15_000) })
    const largest = (table: string, columns: string[]) =>
      objectSql(storage)
        .query(
          `select max(${columns.map((column) => `coalesce(max(length(cast(${column} as blob))), 0)`).join(', ')}) from ${table}`,
        )
        .get() as [number]
    // This workerd takes larger ones; the hosted platform does not.
    expect(largest('events', ['type', 'key', 'payload', 'metadata', 'source'])).toEqual([512 * 1024])
    expect(largest('event_chunks', ['bytes', 'chunk'])).toEqual([512 * 1024])
    expect(largest('streams', ['state', 'base_state'])[0]).toBeLessThan(32 * 1024)
  }))
