import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ItxError, itxErrorCode } from '../../streams/errors.ts'
import type { Closed, ProjectApi, WireBatch } from '../handle.ts'
import type { ConnectionStatus } from './connection.ts'
import type { HandleSource } from './retry.ts'
import { type TailStore, tailStore } from './stream-tail.ts'

// What a tail makes of every end a subscription can have. The source is scripted here, so that a test can deliver late,
// twice, and after the end; what a real socket does is in stream-tail.test.ts.

interface Subscribed {
  readonly after: number
  readonly incarnationId: string | undefined
  deliver(batch: Partial<WireBatch>): Promise<void>
  end(closed: Closed): void
  readonly released: boolean
}

class ScriptedSource implements HandleSource {
  readonly subscriptions: Subscribed[] = []
  readonly attempts: number[] = []
  readonly listeners = new Set<() => void>()
  status: ConnectionStatus = { state: 'connected' }
  /** What the next call fails with. */
  failure: unknown = null

  async project(): Promise<ProjectApi & Disposable> {
    this.attempts.push(Date.now())
    if (this.failure !== null) throw this.failure
    return {
      streams: {
        get: () => ({ read: async () => EMPTY_PAGE, subscribe: this.#subscribe, [Symbol.dispose]: () => {} }),
      },
      [Symbol.dispose]: () => {},
    } as unknown as ProjectApi & Disposable
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  become(status: ConnectionStatus): void {
    this.status = status
    for (const listener of this.listeners) listener()
  }

  readonly #subscribe = async (
    { after, incarnationId }: { after: number; incarnationId?: string },
    onBatch: (batch: WireBatch) => Promise<void>,
  ) => {
    const closed = Promise.withResolvers<Closed>()
    let released = false
    this.subscriptions.push({
      after,
      incarnationId,
      deliver: (batch) => onBatch({ events: [], through: 0, maxOffset: 0, incarnationId: 'one', ...batch }),
      end: closed.resolve,
      get released() {
        return released
      },
    })
    return { closed: () => closed.promise, unsubscribe: async () => {}, [Symbol.dispose]: () => (released = true) }
  }
}

const EMPTY_PAGE = { events: [], nextCursor: null, maxOffset: 0, incarnationId: 'one' }
const event = (offset: number) => ({ offset, type: 'a', createdAt: '2026-01-01T00:00:00.000Z' })
const batch = (...offsets: number[]): Partial<WireBatch> => ({
  events: offsets.map(event),
  through: offsets.at(-1) ?? 0,
  maxOffset: offsets.at(-1) ?? 0,
})

let source: ScriptedSource
let tail: TailStore
let leave: () => void
beforeEach(() => {
  vi.useFakeTimers()
  source = new ScriptedSource()
  tail = tailStore(source, 'demo', '/a')
  leave = tail.subscribe(() => {})
})
afterEach(async () => {
  leave()
  await vi.advanceTimersByTimeAsync(5000)
  const left = vi.getTimerCount() + source.listeners.size + source.subscriptions.filter((each) => !each.released).length
  vi.useRealTimers()
  if (left > 0) throw new Error('a timer, a listener or a subscription was left behind')
})

const turn = () => vi.advanceTimersByTimeAsync(0)
const offsets = () => tail.getSnapshot().events.map(({ offset }) => offset)
const subscribed = async (count: number) => {
  await turn()
  expect(source.subscriptions).toHaveLength(count)
  return source.subscriptions[count - 1]!
}

describe('a project that is deleted', () => {
  test('ends the tail for good when the subscription says so', async () => {
    const first = await subscribed(1)
    await first.deliver(batch(1, 2))
    first.end({ reason: 'deleted', code: 'NOT_FOUND' })
    await turn()
    expect(tail.getSnapshot().status).toBe('failed')
    expect(itxErrorCode(tail.getSnapshot().error)).toBe('NOT_FOUND')
    // What was seen stays to be seen.
    expect(offsets()).toEqual([1, 2])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(source.subscriptions).toHaveLength(1)
  })

  test('ends it when the next attempt says so', async () => {
    const first = await subscribed(1)
    source.failure = new ItxError('NOT_FOUND', 'project prj_1 does not exist')
    first.end({ reason: 'shutdown' })
    await turn()
    expect(tail.getSnapshot().status).toBe('interrupted')
    await vi.advanceTimersByTimeAsync(1000)
    expect(tail.getSnapshot()).toMatchObject({ status: 'failed', error: source.failure })
    const attempts = source.attempts.length
    await vi.advanceTimersByTimeAsync(60_000)
    expect(source.attempts).toHaveLength(attempts)
  })

  test('and that is there again is found by whoever shows it anew', async () => {
    const first = await subscribed(1)
    first.end({ reason: 'deleted', code: 'NOT_FOUND' })
    await turn()
    expect(tail.getSnapshot().status).toBe('failed')
    const again = tail.subscribe(() => {})
    await (await subscribed(2)).deliver(batch(1))
    expect([tail.getSnapshot().status, offsets()]).toEqual(['live', [1]])
    again()
  })
})

test('a connection that its owner has closed ends the tail for good: it does not come back', async () => {
  const first = await subscribed(1)
  source.failure = new ItxError('UNAVAILABLE', 'the connection was closed', { reason: 'closed' })
  first.end({ reason: 'shutdown' })
  await vi.advanceTimersByTimeAsync(1000)
  expect(tail.getSnapshot()).toMatchObject({ status: 'failed', error: source.failure })
  const attempts = source.attempts.length
  await vi.advanceTimersByTimeAsync(60_000)
  expect(source.attempts).toHaveLength(attempts)
})

describe('an end that passes', () => {
  test('is tried again after 1 s, doubling to 15 s, each shortened by up to half', async () => {
    const first = await subscribed(1)
    source.failure = new ItxError('UNAVAILABLE', 'not now')
    first.end({ reason: 'storage', code: 'INTERNAL' })
    await turn()
    source.attempts.splice(0, Infinity, Date.now())
    await vi.advanceTimersByTimeAsync(60_000)
    for (const [i, full] of [1000, 2000, 4000, 8000, 15_000, 15_000].entries()) {
      const wait = source.attempts[i + 1]! - source.attempts[i]!
      expect(wait).toBeGreaterThanOrEqual(Math.floor(full / 2))
      expect(wait).toBeLessThanOrEqual(full)
    }
    source.failure = null
    await vi.advanceTimersByTimeAsync(15_000)
    await source.subscriptions.at(-1)?.deliver(batch(1))
    expect(tail.getSnapshot().status).toBe('live')
  })

  test('so is a first page that does not come', async () => {
    leave()
    await vi.advanceTimersByTimeAsync(5000)
    source = new ScriptedSource()
    source.failure = new ItxError('UNAVAILABLE', 'not now')
    tail = tailStore(source, 'demo', '/a')
    leave = tail.subscribe(() => {})
    await vi.advanceTimersByTimeAsync(60_000)
    // 1, 2, 4, 8, 15, 15 …, each shortened by up to half: never once a second.
    expect(source.attempts.length).toBeLessThanOrEqual(11)
    expect(source.attempts.length).toBeGreaterThanOrEqual(6)
  })

  test('is tried again at once when the connection is there', async () => {
    const first = await subscribed(1)
    await first.deliver(batch(1))
    source.become({ state: 'reconnecting', retryAt: Date.now() + 10_000 })
    first.end({ reason: 'shutdown' })
    await turn()
    source.become({ state: 'connecting' })
    await turn()
    expect(source.subscriptions).toHaveLength(1)
    source.become({ state: 'connected' })
    expect((await subscribed(2)).after).toBe(1)
  })
})

describe('after an interruption', () => {
  test('it asks for what comes after the last event it has, of the same life', async () => {
    const first = await subscribed(1)
    await first.deliver(batch(1, 2, 3))
    first.end({ reason: 'shutdown' })
    await vi.advanceTimersByTimeAsync(1000)
    const second = await subscribed(2)
    expect([second.after, second.incarnationId]).toEqual([3, 'one'])
  })

  test('what the subscription before it still brings is ignored', async () => {
    const first = await subscribed(1)
    await first.deliver(batch(1))
    first.end({ reason: 'shutdown' })
    await vi.advanceTimersByTimeAsync(1000)
    await first.deliver(batch(2, 3))
    expect(offsets()).toEqual([1])
    await (await subscribed(2)).deliver(batch(2))
    expect(offsets()).toEqual([1, 2])
  })

  test('an event that comes twice is taken once', async () => {
    const first = await subscribed(1)
    await first.deliver(batch(1, 2))
    await first.deliver(batch(2, 3))
    expect([offsets(), tail.getSnapshot().maxOffset]).toEqual([[1, 2, 3], 3])
  })
})

test('a session that ended shows as failed, and goes on with the next one', async () => {
  const first = await subscribed(1)
  await first.deliver(batch(1))
  source.failure = new ItxError('FORBIDDEN', 'the server has ended the session', { reason: 'signed-out' })
  source.become({ state: 'signed-out', reason: 'signed out' })
  first.end({ reason: 'shutdown' })
  await vi.advanceTimersByTimeAsync(1000)
  expect(tail.getSnapshot()).toMatchObject({ status: 'failed', error: source.failure })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(source.subscriptions).toHaveLength(1)
  source.failure = null
  source.become({ state: 'idle' })
  await (await subscribed(2)).deliver(batch(2))
  expect([tail.getSnapshot().status, tail.getSnapshot().error, offsets()]).toEqual(['live', null, [1, 2]])
})

test('a reader that left while the first page was on its way leaves nothing behind', async () => {
  leave()
  await vi.advanceTimersByTimeAsync(5000)
  const other = tailStore(source, 'demo', '/b')
  leave = other.subscribe(() => {})
  leave()
  await vi.advanceTimersByTimeAsync(5000)
  expect(other.getSnapshot()).toBe(other.getInitialSnapshot())
})
