import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { itxErrorCode } from '../../streams/errors.ts'
import { ANSWER_MS, handleInTime, inTime } from './in-time.ts'

// A socket that is alive says nothing about a call that nobody answers.

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('an answer in time is the answer, and leaves no timer behind', async () => {
  await expect(inTime(Promise.resolve(7))).resolves.toBe(7)
  await expect(inTime(Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(vi.getTimerCount()).toBe(0)
})

test('a call that nobody answers fails after half a minute, and not before', async () => {
  let ended: unknown = null
  inTime(new Promise(() => {})).catch((error: unknown) => (ended = error))
  await vi.advanceTimersByTimeAsync(ANSWER_MS - 1)
  expect(ended).toBeNull()
  await vi.advanceTimersByTimeAsync(1)
  expect(ended).toMatchObject({
    code: 'UNAVAILABLE',
    message: 'no answer within 30 s',
    details: { reason: 'no-answer', withinMs: 30_000 },
  })
})

test('how it ended after all is nobody’s business: no rejection is left unheard', async () => {
  const unheard = vi.fn<() => void>()
  process.on('unhandledRejection', unheard)
  const late = Promise.withResolvers<never>()
  const told = inTime(late.promise, 10).catch(itxErrorCode)
  await vi.advanceTimersByTimeAsync(10)
  expect(await told).toBe('UNAVAILABLE')
  late.reject(new Error('late'))
  vi.useRealTimers()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', unheard)
  expect(unheard).not.toHaveBeenCalled()
})

test('an answer is awaited once: a promise of Cap’n Web would ask again', async () => {
  const then = vi.fn<(resolve: (value: number) => void) => void>((resolve) => resolve(7))
  // oxlint-disable-next-line unicorn/no-thenable -- what Cap’n Web gives is one
  await inTime({ then } as unknown as Promise<number>)
  expect(then).toHaveBeenCalledTimes(1)
})

test('a handle that comes in time is given, and one that comes late is given back', async () => {
  const dispose = vi.fn<() => void>()
  const handle = { [Symbol.dispose]: dispose }
  await expect(handleInTime(Promise.resolve(handle))).resolves.toBe(handle)
  expect(dispose).not.toHaveBeenCalled()
  const late = Promise.withResolvers<typeof handle>()
  const told = handleInTime(late.promise, 10).catch(itxErrorCode)
  await vi.advanceTimersByTimeAsync(10)
  expect(await told).toBe('UNAVAILABLE')
  late.resolve(handle)
  await vi.advanceTimersByTimeAsync(0)
  expect(dispose).toHaveBeenCalledTimes(1)
})
