/**
 * How often the overview is asked for while something happens. A little more than a second: numbers are told once their
 * second is over.
 */
export const OVERVIEW_EVERY_MS = 1100

export interface OverviewPaceOptions {
  /** Asks, and settles when the answer is there, or is not to be had. */
  readonly ask: () => Promise<unknown>
  /** Nobody looks: the tab is in the background. */
  readonly isHidden: () => boolean
  /** Runs something later; returns what calls it off. */
  readonly after?: (ms: number, run: () => void) => () => void
}

/**
 * Keeps the overview fresh without asking in vain: at once when something has happened, at most about once a second
 * while it goes on, once more after the last of it, since that second had not ended yet, and never while nobody looks.
 *
 * Invariant: one question at a time; whatever happens while it is on its way is asked for again.
 */
export class OverviewPace {
  readonly #options: Required<OverviewPaceOptions>
  /** Something has happened that no question has followed. */
  #stirred = false
  /** The second in which something happened had not ended when it was asked. */
  #owed = false
  #isAsking = false
  #callOff: (() => void) | null = null
  #over = false

  constructor(options: OverviewPaceOptions) {
    this.#options = { after: afterMs, ...options }
  }

  /** What the overview says may have changed. */
  stirred(): void {
    this.#stirred = true
    this.#go()
  }

  end(): void {
    this.#over = true
    this.#callOff?.()
  }

  #go(): void {
    if (this.#over || this.#isAsking || this.#callOff || this.#options.isHidden()) return
    if (!this.#stirred && !this.#owed) return
    this.#owed = this.#stirred
    this.#stirred = false
    this.#isAsking = true
    this.#callOff = this.#options.after(OVERVIEW_EVERY_MS, () => {
      this.#callOff = null
      this.#go()
    })
    void this.#ask()
  }

  async #ask(): Promise<void> {
    try {
      await this.#options.ask()
    } catch {
      // It stands where the overview is shown.
    }
    this.#isAsking = false
    this.#go()
  }
}

function afterMs(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
