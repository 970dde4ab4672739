import { describe, expect, test } from 'vitest'
import { TOAST_MS, TOAST_WITH_ACTION_MS, type ToastClock, createToastQueue } from './toast-queue.ts'

/** Time that passes when it is told to. */
function handClock() {
  let now = 0
  let timers: { at: number; run: () => void }[] = []
  const clock: ToastClock = {
    now: () => now,
    after: (ms, run) => {
      const timer = { at: now + ms, run }
      timers.push(timer)
      return () => {
        timers = timers.filter((each) => each !== timer)
      }
    },
  }
  const pass = (ms: number) => {
    now += ms
    const due = timers.filter(({ at }) => at <= now)
    timers = timers.filter(({ at }) => at > now)
    for (const { run } of due) run()
  }
  return { clock, pass }
}

function queue() {
  const { clock, pass } = handClock()
  const toasts = createToastQueue(clock)
  return { toasts, pass, texts: () => toasts.current().map(({ text }) => text) }
}

const undo = { label: 'Undo', onPress: () => {} }

describe('toasts', () => {
  test('stay for five seconds at least, and go by themselves', () => {
    const { toasts, pass, texts } = queue()
    toasts.add({ text: 'copied' })
    expect(TOAST_MS).toBeGreaterThanOrEqual(5000)
    pass(TOAST_MS - 1)
    expect(texts()).toEqual(['copied'])
    pass(1)
    expect(texts()).toEqual([])
  })

  test('stay longer when there is something to press', () => {
    const { toasts, pass, texts } = queue()
    toasts.add({ text: 'paused', action: undo })
    pass(TOAST_WITH_ACTION_MS - 1)
    expect(texts()).toEqual(['paused'])
    pass(1)
    expect(texts()).toEqual([])
  })

  test('stay while they are held, and for what was left after that', () => {
    const { toasts, pass, texts } = queue()
    toasts.add({ text: 'copied' })
    pass(2000)
    toasts.hold()
    toasts.hold()
    pass(60_000)
    expect(texts()).toEqual(['copied'])
    toasts.release()
    pass(TOAST_MS - 2001)
    expect(texts()).toEqual(['copied'])
    pass(1)
    expect(texts()).toEqual([])
  })

  test('never go at the very moment they are let go of', () => {
    const { toasts, pass, texts } = queue()
    toasts.add({ text: 'copied' })
    pass(TOAST_MS - 1)
    toasts.hold()
    toasts.release()
    pass(999)
    expect(texts()).toEqual(['copied'])
    pass(1)
    expect(texts()).toEqual([])
  })

  test('that come while others are held are held as well', () => {
    const { toasts, pass, texts } = queue()
    toasts.hold()
    toasts.add({ text: 'late' })
    pass(60_000)
    expect(texts()).toEqual(['late'])
    toasts.release()
    pass(TOAST_MS)
    expect(texts()).toEqual([])
  })

  test('are three at most: the oldest gives way', () => {
    const { toasts, pass, texts } = queue()
    for (const text of ['a', 'b', 'c', 'd']) toasts.add({ text })
    expect(texts()).toEqual(['b', 'c', 'd'])
    pass(TOAST_MS)
    expect(texts()).toEqual([])
  })

  test('are told of when they come and go, and no longer when nobody listens', () => {
    const { toasts } = queue()
    let told = 0
    const stop = toasts.subscribe(() => told++)
    const id = toasts.add({ text: 'a' })
    toasts.remove(id)
    expect(told).toBe(2)
    stop()
    toasts.add({ text: 'b' })
    expect(told).toBe(2)
  })
})
