/**
 * How often one caller may call: a bucket that holds one second's calls and fills again at the same rate, so that a burst
 * after a pause passes and a flood does not.
 */
export class CallBudget {
  readonly perSecond: number
  readonly #now: () => number
  #left: number
  #filledAt: number

  /** @param now milliseconds, never going back */
  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.perSecond = perSecond
    this.#now = now
    this.#left = perSecond
    this.#filledAt = now()
  }

  /** Takes one call. Whether there was one. */
  take(): boolean {
    if (this.#left < 1) this.#fill()
    if (this.#left < 1) return false
    this.#left--
    return true
  }

  /** Milliseconds until the next call. */
  get wait(): number {
    this.#fill()
    return this.#left >= 1 ? 0 : Math.ceil(((1 - this.#left) * 1000) / this.perSecond)
  }

  #fill(): void {
    const now = this.#now()
    this.#left = Math.min(this.perSecond, this.#left + ((now - this.#filledAt) * this.perSecond) / 1000)
    this.#filledAt = now
  }
}
