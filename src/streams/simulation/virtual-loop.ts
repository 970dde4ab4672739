import { setImmediate as realTurn } from 'node:timers/promises'
import type { Scheduler } from '../scheduler.ts'

/** 2026-01-01T00:00:00.000Z */
const BEGINNING = Date.UTC(2026, 0, 1)

interface Callback {
  readonly run: () => void
  readonly isAlive: () => boolean
}

interface Timer extends Callback {
  readonly at: number
}

/**
 * An event loop without time of its own. What Node promises holds here: microtasks are drained after every callback,
 * immediates run in the order in which they were asked for, those asked for meanwhile wait for the next turn, timers run
 * in the order of their times. Everything else is for the caller to choose.
 */
export class VirtualLoop {
  /** Milliseconds since the beginning; never goes back. */
  #time = 0
  /** How far the wall clock is off. */
  #skew = 0
  #immediates: Callback[] = []
  #timers: Timer[] = []
  readonly #onUncaught: (error: unknown) => void

  /** @param onUncaught hears of what would have ended the process */
  constructor(onUncaught: (error: unknown) => void) {
    this.#onUncaught = onUncaught
  }

  get time(): number {
    return this.#time
  }

  /** The wall clock: milliseconds since the epoch. It may go back. */
  readonly now = (): number => BEGINNING + this.#time + this.#skew

  /** Sets the wall clock forward, or back. */
  turnClock(ms: number): void {
    this.#skew += ms
  }

  /** The scheduler of one process: once it is dead, nothing of it runs. */
  scheduler(isAlive: () => boolean): Scheduler {
    return {
      immediate: (run) => void this.#immediates.push({ run, isAlive }),
      timer: (ms, run) => {
        const timer: Timer = { run, isAlive, at: this.#time + ms }
        this.#timers.push(timer)
        return () => {
          this.#timers = this.#timers.filter((each) => each !== timer)
        }
      },
    }
  }

  /** Whether something waits for the end of the turn. */
  get busy(): boolean {
    return this.#immediates.some(({ isAlive }) => isAlive())
  }

  /** When the next timer is due; null: there is none. */
  get nextTimer(): number | null {
    const times = this.#timers.filter(({ isAlive }) => isAlive()).map(({ at }) => at)
    return times.length === 0 ? null : Math.min(...times)
  }

  /** Runs one callback, and all microtasks that follow from it. */
  async task(run: () => void): Promise<void> {
    try {
      run()
    } catch (error) {
      this.#onUncaught(error)
    }
    // The real loop gets to its next turn only when no microtask is left. Nothing else of it is used.
    await realTurn()
  }

  /** The end of a turn: immediates, in order. `between` is called after each. */
  async endTurn(between: () => void = () => {}): Promise<void> {
    for (const { run, isAlive } of this.#immediates.splice(0)) {
      if (!isAlive()) continue
      await this.task(run)
      between()
    }
  }

  /** Lets time pass, and what is due run. */
  async advance(ms: number, between: () => void = () => {}): Promise<void> {
    this.#time += ms
    const due = this.#timers.filter(({ at }) => at <= this.#time).toSorted((a, b) => a.at - b.at)
    for (const timer of due) {
      // One that ran before may have cancelled it.
      if (!this.#timers.includes(timer)) continue
      this.#timers = this.#timers.filter((each) => each !== timer)
      if (!timer.isAlive()) continue
      await this.task(timer.run)
      between()
    }
  }
}
