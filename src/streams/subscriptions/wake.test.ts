import { expect, test } from 'vitest'
import { failure } from '../testing.ts'
import {
  ASLEEP,
  type WakeState,
  announced,
  begun,
  claimed,
  delivered,
  ended,
  extended,
  fence,
  retryDelay,
  settled,
  undelivered,
} from './wake.ts'

const LEASE = 30_000
const DUE = begun(ASLEEP, 'w_1', 'events/a', 1000)
const CLAIMED = claimed(announced(DUE), 'worker-1', 2000, LEASE)

function refusal(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return failure(error)
  }
  throw new Error('it was not refused')
}

test('a wake is due at once, under the next generation', () => {
  expect(DUE).toEqual({
    generation: 1,
    status: 'active',
    wake: { phase: 'due', id: 'w_1', stream: 'events/a', at: 1000, attempts: 0 },
  })
  expect(begun(ended(DUE), 'w_2', 'events/a', 2000).generation).toBe(2)
})

test('there is never a second wake beside the first', () => {
  expect(refusal(() => begun(CLAIMED, 'w_2', 'events/a', 2000))).toMatchObject({ code: 'INTERNAL', reason: 'wake' })
})

test('one worker holds the lease, and holds it alone', () => {
  expect(CLAIMED.wake).toEqual({ phase: 'leased', id: 'w_1', holder: 'worker-1', until: 32_000 })
  expect(refusal(() => claimed(CLAIMED, 'worker-2', 2001, LEASE))).toMatchObject({
    code: 'CONFLICT',
    reason: 'already-claimed',
    holder: 'worker-1',
    generation: 1,
  })
})

test('a lease is over at its very end, and not before', () => {
  expect(settled(CLAIMED, 31_999, LEASE).wake).toEqual(CLAIMED.wake)
  expect(settled(CLAIMED, 32_000, LEASE)).toMatchObject({ generation: 1, wake: null })
})

test('who goes on begins the lease anew; a webhook answers for nobody by name', () => {
  expect(extended(CLAIMED, 20_000, LEASE).wake).toMatchObject({ holder: 'worker-1', until: 50_000 })
  expect(extended(DUE, 20_000, LEASE).wake).toEqual({ phase: 'leased', id: 'w_1', holder: null, until: 50_000 })
})

test.each([
  ['another generation', { wakeId: 'w_1', generation: 2 }, { wakeId: 'w_1', generation: 1 }],
  ['the token of another generation', { wakeId: 'w_1', generation: 1 }, { wakeId: 'w_1', generation: 0 }],
  ['another wake', { wakeId: 'w_2', generation: 1 }, { wakeId: 'w_1', generation: 1 }],
  ['the token of another wake', { wakeId: 'w_1', generation: 1 }, { wakeId: 'w_2', generation: 1 }],
])('%s is fenced', (_what, body, token) => {
  expect(refusal(() => fence(CLAIMED, body, token))).toEqual({ code: 'CONFLICT', reason: 'fenced', generation: 1 })
})

test('a wake that is over fences everybody, whoever held it', () => {
  const name = { wakeId: 'w_1', generation: 1 }
  expect(() => fence(CLAIMED, name, name)).not.toThrow()
  expect(refusal(() => fence(ended(CLAIMED), name))).toMatchObject({ reason: 'fenced' })
  expect(refusal(() => fence(settled(CLAIMED, 32_000, LEASE), name))).toMatchObject({ reason: 'fenced' })
})

test('a wake that could not be told is tried again later and later, for as long as it takes', () => {
  let state: WakeState = DUE
  const waits: number[] = []
  for (let now = 1000; waits.length < 9;) {
    state = undelivered(state, now, 0.5, 'it answered 503')
    if (state.wake?.phase !== 'due') throw new Error('it was given up')
    waits.push(state.wake.at - now)
    now = state.wake.at
  }
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
  expect(state).toMatchObject({ status: 'failed', wake: { error: 'it answered 503' } })
  expect(delivered(state, 5000, LEASE)).toMatchObject({ status: 'active', wake: { phase: 'leased', until: 35_000 } })
})

test('retries are spread by a fifth to either side', () => {
  expect([retryDelay(1, 0), retryDelay(1, 0.5), retryDelay(1, 0.999999)]).toEqual([800, 1000, 1200])
  expect(retryDelay(10_000, 0.5)).toBe(60_000)
})

test('who has called back already is not counted as undelivered, nor delivered anew', () => {
  const working = extended(DUE, 5000, LEASE)
  expect(undelivered(working, 6000, 0.5, 'late')).toBe(working)
  expect(delivered(working, 6000, LEASE)).toBe(working)
  expect(announced(CLAIMED)).toBe(CLAIMED)
})

test('a clock that goes back leaves nothing waiting longer than it would have from the start', () => {
  const farAhead = { ...CLAIMED, wake: { ...CLAIMED.wake!, until: 10_000_000 } } as WakeState
  expect(settled(farAhead, 0, LEASE).wake).toMatchObject({ until: LEASE })
  const late = undelivered(begun(ASLEEP, 'w_1', 'a', 10_000_000), 10_000_000, 0.5, 'late')
  expect(settled(late, 0, LEASE).wake).toMatchObject({ at: 72_000 })
})
