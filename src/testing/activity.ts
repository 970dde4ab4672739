import { AssertionError } from 'node:assert'
import type { Scheduler } from '../streams/scheduler.ts'
import type { TestClock } from './test-clock.ts'

/** How long something may take to come to rest, in real milliseconds: below what test runners allow a test. */
const REST_MS = 4000

/**
 * What one life of a test server has under way: turns of the event loop it has asked for, and effects of processors that
 * have not ended. When neither is left, nothing happens until the clock goes on or somebody calls.
 */
export class Activity implements Scheduler {
  readonly #clock: TestClock
  readonly #underWay = new Set<{ readonly what: string | null }>()
  #changed = Promise.withResolvers<void>()

  constructor(clock: TestClock) {
    this.#clock = clock
  }

  immediate(run: () => void): void {
    const end = this.#begin(null)
    setImmediate(() => {
      try {
        run()
      } finally {
        end()
      }
    })
  }

  timer(ms: number, run: () => void): () => void {
    return this.#clock.timer(ms, run)
  }

  /** Runs an effect; it is under way until its promise is settled. */
  async track(what: string, effect: () => unknown): Promise<void> {
    const end = this.#begin(what)
    try {
      await effect()
    } finally {
      end()
    }
  }

  /** Resolves when nothing is under way. @throws {AssertionError} naming what does not end within that real time. */
  async rest(withinMs = REST_MS): Promise<void> {
    const late = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => late.resolve('late'), withinMs)
    const deadline = performance.now() + withinMs
    try {
      for (;;) {
        // Whatever a turn has set off with promises has run before the next turn begins.
        await new Promise((resolve) => setImmediate(resolve))
        if (this.#underWay.size === 0) return
        const outcome = await Promise.race([this.#changed.promise, late.promise])
        if (outcome === 'late' || performance.now() > deadline) throw this.#restless(withinMs)
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #begin(what: string | null): () => void {
    const entry = { what }
    this.#underWay.add(entry)
    return () => {
      this.#underWay.delete(entry)
      this.#changed.resolve()
      this.#changed = Promise.withResolvers<void>()
    }
  }

  #restless(afterMs: number): AssertionError {
    const effects = [...this.#underWay].flatMap(({ what }) => (what === null ? [] : [what]))
    const what = effects.length > 0 ? effects.join(', ') : 'processors that go on and on'
    return new AssertionError({ message: `still at work after ${afterMs} ms: ${what}`, stackStartFn: this.rest })
  }
}
