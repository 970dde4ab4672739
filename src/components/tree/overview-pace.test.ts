import { expect, test } from 'vitest'
import { OVERVIEW_EVERY_MS, OverviewPace } from './overview-pace.ts'

// Guards the server: many tabs look at a busy project, and a change that is not asked about stays unseen.

function paced() {
  let [now, asked, isHidden] = [0, 0, false]
  let timers: { readonly at: number; readonly run: () => void }[] = []
  let answers: (() => void)[] = []
  let waits = false
  const pace = new OverviewPace({
    ask: () => {
      asked++
      return waits ? new Promise<void>((resolve) => answers.push(resolve)) : Promise.resolve()
    },
    isHidden: () => isHidden,
    after: (ms, run) => {
      const timer = { at: now + ms, run }
      timers.push(timer)
      return () => {
        timers = timers.filter((each) => each !== timer)
      }
    },
  })
  return {
    pace,
    asked: () => asked,
    hide: (hidden: boolean) => (isHidden = hidden),
    wait: (slow: boolean) => (waits = slow),
    answer: async () => {
      for (const resolve of answers) resolve()
      answers = []
      await Promise.resolve()
      await Promise.resolve()
      await Promise.resolve()
    },
    pass: async (ms: number) => {
      for (const end = now + ms; ;) {
        await new Promise((resolve) => setImmediate(resolve))
        const [next] = timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)
        if (!next) {
          now = end
          return
        }
        now = next.at
        timers = timers.filter((each) => each !== next)
        next.run()
      }
    },
  }
}

test('one change is asked about at once, and once more when its second is over; then nothing is', async () => {
  const { pace, asked, pass } = paced()
  pace.stirred()
  expect(asked()).toBe(1)
  await pass(OVERVIEW_EVERY_MS)
  expect(asked()).toBe(2)
  await pass(3_600_000)
  expect(asked()).toBe(2)
})

test('while something happens all the time, it is asked about once a second', async () => {
  const { pace, asked, pass } = paced()
  for (let ms = 0; ms < 60_000; ms += 20) {
    pace.stirred()
    await pass(20)
  }
  expect(asked()).toBeGreaterThan(50)
  expect(asked()).toBeLessThanOrEqual(Math.ceil(60_000 / OVERVIEW_EVERY_MS))
})

test('a tab in the background asks nothing, and once it is seen again what it missed', async () => {
  const { pace, asked, pass, hide } = paced()
  pace.stirred()
  hide(true)
  await pass(5000)
  for (let i = 0; i < 100; i++) pace.stirred()
  await pass(5000)
  expect(asked()).toBe(1)
  hide(false)
  pace.stirred()
  expect(asked()).toBe(2)
})

test('a slow answer is waited for, and what happened meanwhile is asked about again', async () => {
  const { pace, asked, pass, wait, answer } = paced()
  wait(true)
  pace.stirred()
  pace.stirred()
  await pass(10_000)
  expect(asked()).toBe(1)
  await answer()
  expect(asked()).toBe(2)
  await pass(10_000)
  await answer()
  // The last of it was told while its second was under way.
  expect(asked()).toBe(3)
  await answer()
  await pass(60_000)
  expect(asked()).toBe(3)
})

test('at its end nothing is asked any more', async () => {
  const { pace, asked, pass } = paced()
  pace.stirred()
  pace.end()
  pace.stirred()
  await pass(10_000)
  expect(asked()).toBe(1)
})
