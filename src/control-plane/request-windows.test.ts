import { expect, test } from 'vitest'
import { RequestWindows } from './request-windows.ts'

const RULE = { window: 60, max: 2 }

function withClock(maxKeys = 100) {
  let at = 0
  const windows = new RequestWindows({ now: () => at, maxKeys })
  const ask = async (key = 'a') => (await windows.consume(key, RULE)).allowed
  return { windows, ask, set: (ms: number) => void (at = ms) }
}

test('allows so many in any minute, and says in whole seconds when the next is allowed', async () => {
  const { windows, ask, set } = withClock()
  expect(await ask()).toBe(true)
  set(30_000)
  expect(await ask()).toBe(true)
  set(59_500)
  expect(await windows.consume('a', RULE)).toEqual({ allowed: false, retryAfter: 1 })
  set(60_000)
  expect(await ask()).toBe(true)
  expect(await windows.consume('a', RULE)).toEqual({ allowed: false, retryAfter: 30 })
})

test('steady traffic below the limit is never refused', async () => {
  const { ask, set } = withClock()
  for (let i = 0; i < 20; i++) {
    set(i * 30_000)
    expect(await ask()).toBe(true)
  }
})

test('refused requests do not prolong the wait, and keys do not touch each other', async () => {
  const { ask, set } = withClock()
  const answers = []
  for (let i = 0; i < 6; i++) {
    set(i * 12_000)
    answers.push(await ask())
  }
  expect(answers).toEqual([true, true, false, false, false, true])
  expect(await ask('b')).toBe(true)
})

test('a clock set back locks nobody out', async () => {
  const { ask, set } = withClock()
  set(1_000_000)
  await ask()
  await ask()
  expect(await ask()).toBe(false)
  set(0)
  expect(await ask()).toBe(true)
})

test('keys are bounded, the quietest goes first', async () => {
  const { ask } = withClock(2)
  await ask('a')
  await ask('a')
  await ask('b')
  expect(await ask('a')).toBe(false)
  await ask('c')
  await ask('c')
  expect(await ask('c')).toBe(false)
})
