import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Liveness } from './liveness.ts'

// When a line is asked for a sign of life, and when it is given up. The clock is the test's.

let told: string[]
let buffered: number
let liveness: Liveness
beforeEach(() => {
  vi.useFakeTimers()
  told = []
  buffered = 0
  liveness = make()
})
afterEach(() => {
  liveness.end()
  const left = vi.getTimerCount()
  vi.useRealTimers()
  if (left > 0) throw new Error('a timer was left behind')
})

function make(quietMs?: number): Liveness {
  return new Liveness({
    ping: () => told.push('ping'),
    drop: () => told.push('drop'),
    answered: () => told.push('answered'),
    patienceMs: () => 5000,
    quietMs,
    buffered: () => buffered,
  })
}

const pass = (ms: number) => vi.advanceTimersByTime(ms)

describe('a call', () => {
  test('that waits 5 s in silence is a reason to ping; 5 s more, and the line is given up', () => {
    liveness.sent(['push', ['pipeline', 0, ['ping'], []]])
    liveness.sent(['pull', 1])
    pass(4999)
    expect(told).toEqual([])
    pass(1)
    expect(told).toEqual(['ping'])
    pass(4999)
    expect(told).toEqual(['ping'])
    pass(1)
    expect(told).toEqual(['ping', 'drop'])
  })

  test('that was answered is none', () => {
    liveness.sent(['pull', 1])
    pass(4000)
    liveness.heard(['resolve', 1, 'pong'])
    pass(60_000)
    expect(told).toEqual([])
  })

  test('is watched from when it was sent, however many came before it', () => {
    liveness.sent(['pull', 1])
    pass(100)
    liveness.heard(['resolve', 1, 'pong'])
    pass(2900)
    liveness.sent(['pull', 2])
    pass(4999)
    expect(told).toEqual([])
    pass(1)
    expect(told).toEqual(['ping'])
    liveness.heard(['resolve', 2, 'pong'])
  })

  test('that waits while other frames come is none: the line is alive', () => {
    liveness.sent(['pull', 1])
    for (let seconds = 0; seconds < 60; seconds += 3) {
      pass(3000)
      liveness.heard(['push', ['pipeline', 7, [], []]])
    }
    expect(told).toEqual([])
    pass(5000)
    expect(told).toEqual(['ping'])
  })

  test('that waits for days, as for the end of a subscription, is one once', () => {
    liveness.sent(['pull', 1])
    pass(5000)
    liveness.heard(['resolve', 2, 'pong'])
    pass(24 * 60 * 60_000)
    expect(told).toEqual(['ping', 'answered'])
    liveness.sent(['pull', 3])
    pass(5000)
    expect(told).toEqual(['ping', 'answered', 'ping'])
  })
})

test('frames that ask for nothing are no reason to ping', () => {
  liveness.sent(['push', ['pipeline', 0, ['streams'], []]])
  liveness.sent(['release', 1, 1])
  liveness.sent(['resolve', -1, null])
  pass(60_000)
  expect(told).toEqual([])
})

test('any frame answers a ping', () => {
  liveness.check()
  pass(4999)
  liveness.heard(['push', ['pipeline', 7, [], []]])
  pass(60_000)
  expect(told).toEqual(['ping', 'answered'])
})

test('one ping is on its way at a time', () => {
  liveness.check()
  pass(3000)
  liveness.check()
  expect(told).toEqual(['ping'])
  pass(2000)
  expect(told).toEqual(['ping', 'drop'])
})

test('a line that still sends a large message is slow, not dead', () => {
  buffered = 40_000_000
  liveness.check()
  for (let left = 30_000_000; left >= 0; left -= 10_000_000) {
    buffered = left
    pass(5000)
  }
  expect(told).toEqual(['ping'])
  pass(5000)
  expect(told).toEqual(['ping', 'drop'])
})

test('for a program silence alone is a reason, after the time it was told', () => {
  liveness.end()
  liveness = make(30_000)
  pass(29_000)
  liveness.heard(['push', ['pipeline', 7, [], []]])
  pass(30_999)
  expect(told).toEqual([])
  pass(1)
  expect(told).toEqual(['ping'])
  pass(5000)
  expect(told).toEqual(['ping', 'drop'])
})
