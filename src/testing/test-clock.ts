import { ItxError } from '../streams/errors.ts'

interface Timer {
  readonly at: number
  readonly run: () => void
}

/** A clock that stands still until it is told to go on. Every wait of a test server hangs on it. */
export class TestClock {
  #ms: number
  readonly #timers = new Set<Timer>()
  /** What has to come to rest before time may pass: what is under way may yet set a timer. */
  readonly #rests = new Set<() => Promise<void>>()

  /** @throws {ItxError} BAD_REQUEST for a start that is no time. */
  constructor(start: string | number = '2026-01-01T00:00:00.000Z') {
    this.#ms = typeof start === 'number' ? start : Date.parse(start)
    if (!Number.isSafeInteger(this.#ms)) {
      throw new ItxError('BAD_REQUEST', `a clock cannot begin at ${String(start)}`, { field: 'start' })
    }
  }

  /** Milliseconds since the epoch. */
  readonly now = (): number => this.#ms

  /**
   * Lets time pass, from timer to timer: each finds the clock at its own time, and what it sets off comes to rest before
   * the next one runs out.
   *
   * @throws {ItxError} BAD_REQUEST for a length of time that is none; what `processorsSettled` throws.
   */
  async advance(ms: number): Promise<void> {
    if (!Number.isSafeInteger(ms) || ms < 0) {
      throw new ItxError('BAD_REQUEST', `a clock goes on by whole milliseconds, not by ${String(ms)}`, { field: 'ms' })
    }
    const until = this.#ms + ms
    for (;;) {
      for (const rest of this.#rests) await rest()
      const [next] = [...this.#timers].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)
      if (!next) break
      this.#timers.delete(next)
      this.#ms = Math.max(this.#ms, next.at)
      next.run()
    }
    this.#ms = Math.max(this.#ms, until)
  }

  /** Runs once the clock has gone on so far. @returns what cancels it. */
  timer(ms: number, run: () => void): () => void {
    const timer = { at: this.#ms + ms, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Makes time wait for something to come to rest. @returns what ends that. */
  heed(rest: () => Promise<void>): () => void {
    this.#rests.add(rest)
    return () => this.#rests.delete(rest)
  }
}
