import { describe, expect, test } from 'vitest'
import type { EventInput } from '../event.ts'
import { encodeInput } from '../event-input.ts'
import { encodeJson } from '../json-text.ts'
import { parsePath } from '../path.ts'
import { TEST_TIME, failure } from '../testing.ts'
import { CHILD_CREATED, CLOSED, PAUSED, type PlannedEvent, RESUMED, createdEvent } from './core-events.ts'
import { decideAppend, placeCoreEvents } from './decide.ts'
import { emptyState } from './state.ts'

// oxlint-disable vitest/expect-expect unicorn/no-thenable -- given/when/then: `then` and `refused` assert

// Guards the order in which an append is decided: a retry must hear its first answer whatever has happened to the
// stream since, and a batch that fails must leave no trace.

const PATH = parsePath('/a')
const TIME = new Date(TEST_TIME).toISOString()

const plain = (type: string, key?: string): PlannedEvent => ({
  type,
  ...(key === undefined ? {} : { idempotencyKey: key }),
})
const core = (type: string, payload: object = {}): PlannedEvent => ({ type, payload: encodeJson(payload, 'payload') })
const paused = (reason?: string) => core(PAUSED, reason === undefined ? {} : { reason })

/** `given` a stream of these events (after `stream/created`), `when` this is appended, `then` that is decided. */
function given(...events: PlannedEvent[]) {
  const created = createdEvent({ path: PATH, incarnationId: 'inc-1', contentType: 'application/json' })
  const history = placeCoreEvents(emptyState(PATH, 'inc-1'), [created, ...events], TEST_TIME)
  const keyed = new Map(history.events.map((event) => [event.idempotencyKey, event]))
  return {
    when(inputs: readonly EventInput[], now = TEST_TIME) {
      const decide = () => decideAppend(history.state, inputs.map(encodeInput), now, (key) => keyed.get(key) ?? null)
      return {
        /** New events as `offset:type`, receipts as offsets, `=` before that of a duplicate. */
        then(newEvents: string[], receipts: string[]) {
          const decision = decide()
          expect(decision.events.map((event) => `${event.offset}:${event.type}`)).toEqual(newEvents)
          expect(decision.receipts.map((receipt) => `${receipt.duplicate ? '=' : ''}${receipt.offset}`)).toEqual(
            receipts,
          )
          expect(decision.state.maxOffset).toBe(history.state.maxOffset + newEvents.length)
          return decision
        },
        refused(details: object) {
          let decision: unknown
          try {
            decision = decide()
          } catch (error) {
            expect(failure(error)).toEqual(details)
            return
          }
          throw new Error(`expected a refusal, got ${JSON.stringify(decision)}`)
        },
      }
    },
  }
}

describe('offsets and receipts', () => {
  test('new events follow the last one, a receipt for each', () => {
    given(plain('x'))
      .when([{ type: 'a' }, { type: 'b' }])
      .then(['3:a', '4:b'], ['3', '4'])
  })

  test('nothing in, nothing out', () => {
    given().when([]).then([], [])
  })

  test('the precondition is no part of what is stored', () => {
    const { events } = given()
      .when([{ type: 'a', offset: 2 }])
      .then(['2:a'], ['2'])
    expect(events[0]).toStrictEqual({ type: 'a', offset: 2, createdAt: TIME })
  })
})

describe('idempotency', () => {
  test('a known key answers with the first event’s receipt and consumes nothing', () => {
    const { receipts } = given(plain('a', 'k'), plain('b'))
      .when([{ type: 'other', idempotencyKey: 'k' }], TEST_TIME + 5000)
      .then([], ['=2'])
    expect(receipts).toEqual([{ offset: 2, createdAt: TIME, duplicate: true }])
  })

  test('a key is known within its own batch', () => {
    given()
      .when([
        { type: 'a', idempotencyKey: 'k' },
        { type: 'b' },
        { type: 'c', idempotencyKey: ' k ' },
        { type: 'd', idempotencyKey: 'k2' },
      ])
      .then(['2:a', '3:b', '4:d'], ['2', '3', '=2', '4'])
  })

  test('the content of a duplicate is not compared', () => {
    given(plain('a', 'k'))
      .when([{ type: 'b', payload: { other: true }, idempotencyKey: 'k' }])
      .then([], ['=2'])
  })

  test('a duplicate passes a pause', () => {
    given(plain('a', 'k'), paused())
      .when([{ type: 'a', idempotencyKey: 'k' }])
      .then([], ['=2'])
  })

  test('a duplicate passes a close', () => {
    given(plain('a', 'k'), core(CLOSED))
      .when([{ type: 'a', idempotencyKey: 'k' }])
      .then([], ['=2'])
  })

  test('a duplicate whose precondition agrees is a duplicate', () => {
    given(plain('a', 'k'), plain('b'))
      .when([{ type: 'a', idempotencyKey: 'k', offset: 2 }])
      .then([], ['=2'])
  })

  test('a duplicate whose precondition disagrees is CONFLICT, even where the next offset would agree', () => {
    given(plain('a', 'k'), plain('b'))
      .when([{ type: 'a', idempotencyKey: 'k', offset: 4 }])
      .refused({ code: 'CONFLICT', reason: 'precondition', path: '/a', expected: 4, actual: 2 })
  })

  test('a duplicate within a batch whose precondition disagrees is CONFLICT', () => {
    given()
      .when([
        { type: 'a', idempotencyKey: 'k' },
        { type: 'a', idempotencyKey: 'k', offset: 3 },
      ])
      .refused({ code: 'CONFLICT', reason: 'precondition', path: '/a', expected: 3, actual: 2 })
  })

  test('a wrong precondition of a duplicate is told before the pause', () => {
    given(plain('a', 'k'), paused())
      .when([{ type: 'a', idempotencyKey: 'k', offset: 9 }])
      .refused({ code: 'CONFLICT', reason: 'precondition', path: '/a', expected: 9, actual: 2 })
  })
})

describe('the gate', () => {
  test('a paused stream refuses callers’ events with the reason of the pause', () => {
    given(paused('maintenance'))
      .when([{ type: 'a' }])
      .refused({ code: 'CONFLICT', reason: 'paused', path: '/a', pauseReason: 'maintenance' })
  })

  test('a pause without a reason is one too', () => {
    given(paused())
      .when([{ type: 'a' }])
      .refused({ code: 'CONFLICT', reason: 'paused', path: '/a', pauseReason: null })
  })

  test('the gate comes before the precondition', () => {
    given(paused())
      .when([{ type: 'a', offset: 99 }])
      .refused({ code: 'CONFLICT', reason: 'paused', path: '/a', pauseReason: null })
  })

  test('a resumed stream takes events again', () => {
    given(paused('x'), core(RESUMED))
      .when([{ type: 'a' }])
      .then(['4:a'], ['4'])
  })

  test('a closed stream refuses callers’ events, paused or not', () => {
    given(core(CLOSED))
      .when([{ type: 'a' }])
      .refused({ code: 'CONFLICT', reason: 'closed', path: '/a', lastVisibleOffset: 0 })
    given(paused(), core(CLOSED))
      .when([{ type: 'a' }])
      .refused({ code: 'CONFLICT', reason: 'closed', path: '/a', lastVisibleOffset: 0 })
  })

  test('one refused event refuses its batch, duplicates before it included', () => {
    given(plain('a', 'k'), paused())
      .when([{ type: 'a', idempotencyKey: 'k' }, { type: 'b' }])
      .refused({ code: 'CONFLICT', reason: 'paused', path: '/a', pauseReason: null })
  })

  test('the engine’s own events pass a pause and a close', () => {
    const state = placeCoreEvents(emptyState(PATH, 'inc-1'), [paused(), core(CLOSED)], TEST_TIME).state
    const { events } = placeCoreEvents(state, [core(CHILD_CREATED, { path: '/a/b', incarnationId: 'i' })], TEST_TIME)
    expect(events.map((event) => event.offset)).toEqual([3])
  })
})

describe('preconditions', () => {
  test('each event of a batch is held to the offset it really gets', () => {
    given()
      .when([
        { type: 'a', offset: 2 },
        { type: 'b', offset: 3 },
      ])
      .then(['2:a', '3:b'], ['2', '3'])
    given(plain('x', 'k'))
      .when([
        { type: 'a', offset: 3 },
        { type: 'x', idempotencyKey: 'k' },
        { type: 'b', offset: 4 },
      ])
      .then(['3:a', '4:b'], ['3', '=2', '4'])
  })

  test.each([1, 2, 4, 1000])('offset %i is not the next one: CONFLICT with both', (offset) => {
    given(plain('x'))
      .when([{ type: 'a', offset }])
      .refused({ code: 'CONFLICT', reason: 'precondition', path: '/a', expected: offset, actual: 3 })
  })

  test('a precondition that fails late fails the whole batch', () => {
    given()
      .when([{ type: 'a' }, { type: 'b' }, { type: 'c', offset: 9 }])
      .refused({ code: 'CONFLICT', reason: 'precondition', path: '/a', expected: 9, actual: 4 })
  })
})

describe('reserved types', () => {
  test.each(['stream/created', 'stream/child-created', 'stream/closed', 'stream/', 'stream/made-up'])(
    '%s is FORBIDDEN to callers',
    (type) => {
      given()
        .when([{ type: 'a' }, { type }])
        .refused({ code: 'FORBIDDEN', reason: 'reserved-type', type })
    },
  )

  test.each(['stream', 'streams/created', 'Stream/created', ' stream/created', 'a/stream/created'])(
    '%j is not reserved',
    (type) => {
      given()
        .when([{ type }])
        .then([`2:${type}`], ['2'])
    },
  )

  test('a reserved type is FORBIDDEN even as a duplicate, or while paused', () => {
    given(plain('a', 'k'), paused())
      .when([{ type: 'stream/closed', idempotencyKey: 'k' }])
      .refused({ code: 'FORBIDDEN', reason: 'reserved-type', type: 'stream/closed' })
  })
})

describe('time', () => {
  test('createdAt is the clock, to the millisecond, one for a batch', () => {
    const { events, receipts } = given()
      .when([{ type: 'a' }, { type: 'b' }], TEST_TIME + 1)
      .then(['2:a', '3:b'], ['2', '3'])
    for (const each of [...events, ...receipts]) expect(each.createdAt).toBe('2026-01-01T00:00:00.001Z')
  })

  test('createdAt never goes back when the clock does', () => {
    const { events, state } = given()
      .when([{ type: 'a' }], TEST_TIME - 3_600_000)
      .then(['2:a'], ['2'])
    expect(events[0]?.createdAt).toBe(TIME)
    expect(state.lastEventAt).toBe(TIME)
  })

  test('neither does that of the engine’s own events', () => {
    const first = placeCoreEvents(emptyState(PATH, 'inc-1'), [paused()], TEST_TIME)
    const { events } = placeCoreEvents(first.state, [core(RESUMED)], TEST_TIME - 1)
    expect(events[0]?.createdAt).toBe(TIME)
  })
})
