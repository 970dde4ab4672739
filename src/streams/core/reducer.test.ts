import { describe, expect, test } from 'vitest'
import { encodeJson } from '../json-text.ts'
import { type StreamPath, parsePath } from '../path.ts'
import { TEST_TIME } from '../testing.ts'
import {
  CHILD_CREATED,
  CLOSED,
  PAUSED,
  type PlannedEvent,
  RESUMED,
  childCreatedEvent,
  createdEvent,
} from './core-events.ts'
import { placeCoreEvents } from './decide.ts'
import { reduceCore } from './reducer.ts'
import { type CoreState, emptyState } from './state.ts'

// oxlint-disable vitest/expect-expect unicorn/no-thenable -- given/when/then: `then` asserts

// Guards the law "state equals replay" at its root: what one event does to the core state.

const PATH = parsePath('/a')
const TIME = new Date(TEST_TIME).toISOString()

const core = (type: string, payload?: object): PlannedEvent => ({
  type,
  ...(payload === undefined ? {} : { payload: encodeJson(payload, 'payload') }),
})
const child = (path: string) => childCreatedEvent({ path: path as StreamPath, incarnationId: 'child-1' })

/** `given` a stream, `when` these events are reduced, `then` the state is that of an empty stream but for this. */
function given(path: StreamPath) {
  return {
    when(...events: PlannedEvent[]) {
      const { state } = placeCoreEvents(emptyState(path, 'inc-1'), events, TEST_TIME)
      return {
        then(changed: Partial<CoreState>) {
          const counted = { eventCount: events.length, maxOffset: events.length, lastEventAt: TIME }
          expect(state).toStrictEqual({ ...emptyState(path, 'inc-1'), ...counted, ...changed })
        },
      }
    },
  }
}

test('an event is counted and dated, and visible unless it is a core event', () => {
  given(PATH).when({ type: 'x' }, { type: 'y' }, core(RESUMED)).then({ lastVisibleOffset: 2 })
  given(PATH).when(core(RESUMED)).then({ lastVisibleOffset: 0 })
})

test('stream/created gives incarnation, content type and time of creation', () => {
  given(PATH)
    .when(createdEvent({ path: PATH, incarnationId: 'inc-1', contentType: 'text/plain' }))
    .then({ incarnationId: 'inc-1', contentType: 'text/plain', createdAt: TIME })
})

test('a restored log tells of its former life: the state keeps the one it is in', () => {
  given(PATH)
    .when(createdEvent({ path: PATH, incarnationId: 'before', contentType: 'text/plain' }))
    .then({ incarnationId: 'inc-1', contentType: 'text/plain', createdAt: TIME })
})

test('pausing keeps the reason, resuming forgets it, closing is for good', () => {
  given(PATH)
    .when(core(PAUSED, { reason: 'why' }))
    .then({ paused: true, pauseReason: 'why' })
  given(PATH).when(core(PAUSED)).then({ paused: true, pauseReason: null })
  given(PATH)
    .when(core(PAUSED, { reason: 'why' }), core(PAUSED))
    .then({ paused: true, pauseReason: null })
  given(PATH)
    .when(core(PAUSED, { reason: 'why' }), core(RESUMED))
    .then({})
  given(PATH).when(core(CLOSED), core(RESUMED)).then({ closed: true })
})

describe('announcements', () => {
  test('a direct child counts as child and descendant, a grandchild as descendant alone', () => {
    given(PATH).when(child('/a/b'), child('/a/b/c'), child('/a/b/c/d')).then({ childCount: 1, descendantCount: 3 })
  })

  test('the root counts likewise', () => {
    given(parsePath('/')).when(child('/a'), child('/a/b'), child('/c')).then({ childCount: 2, descendantCount: 3 })
  })

  test.each(['/a', '/b', '/', '/ab', '/a-1', '/a-1/b', '/b/a', '/b/a/c'])('%s is not below /a: ignored', (path) => {
    given(PATH).when(child(path)).then({})
  })

  test('the root’s own announcement is ignored', () => {
    given(parsePath('/')).when(child('/')).then({})
  })

  test('the key of an announcement holds path and incarnation, and no caller can have it', () => {
    const { idempotencyKey } = child('/a/b')
    expect(idempotencyKey).toBe(`${CHILD_CREATED}/a/b@child-1`)
  })
})

test('a core event of a type that is not known changes nothing but the counters', () => {
  given(PATH)
    .when(core('stream/of-a-later-version', { paused: true }))
    .then({})
})

test('an event that does not follow the last one is refused: one was lost or doubled', () => {
  const state = { ...emptyState(PATH, 'inc-1'), maxOffset: 4 }
  for (const offset of [0, 3, 4, 6]) {
    expect(() => reduceCore(state, { offset, type: 'x', createdAt: TIME })).toThrow(`event ${offset} does not follow 4`)
  }
})

test('reducing leaves the state it was given alone', () => {
  const before = Object.freeze(emptyState(PATH, 'inc-1'))
  reduceCore(before, { offset: 1, type: 'x', createdAt: TIME })
  expect(before).toStrictEqual(emptyState(PATH, 'inc-1'))
})
