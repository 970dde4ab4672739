/** Whole seconds that are looked back on. */
export const COUNTED_SECONDS = 300

/**
 * How much was counted in each of the last seconds. Seconds are numbers of one clock that never goes back: whoever counts
 * sees to that.
 *
 * Invariant: a slot holds the count of one second of the last 300, or of the one that is under way; what is older is
 * gone.
 */
export class SecondCounts {
  /** One more than is looked back on: that of the second under way. */
  readonly #slots = new Uint32Array(COUNTED_SECONDS + 1)
  /** The newest second that a slot stands for. */
  #newest: number

  constructor(second: number) {
    this.#newest = second
  }

  /** Forgets everything: it counts for something else from now on. */
  restart(second: number): void {
    this.#slots.fill(0)
    this.#newest = second
  }

  add(second: number, count: number): void {
    this.#advance(second)
    const slot = second % this.#slots.length
    this.#slots[slot] = (this.#slots[slot] ?? 0) + count
  }

  /** The sums of so many seconds each, of the last 300 before a second, the oldest first. */
  before(second: number, step: number): number[] {
    this.#advance(second)
    const sums = Array.from({ length: COUNTED_SECONDS / step }, () => 0)
    for (let i = 0; i < COUNTED_SECONDS; i++) {
      const counted = second - COUNTED_SECONDS + i
      const at = Math.floor(i / step)
      if (counted >= 0) sums[at] = (sums[at] ?? 0) + (this.#slots[counted % this.#slots.length] ?? 0)
    }
    return sums
  }

  /** What was counted in the last 300 seconds before a second. */
  total(second: number): number {
    return this.before(second, COUNTED_SECONDS)[0] ?? 0
  }

  /** Makes room for the seconds up to this one. */
  #advance(second: number): void {
    if (second - this.#newest >= this.#slots.length) this.#slots.fill(0)
    else for (let each = this.#newest + 1; each <= second; each++) this.#slots[each % this.#slots.length] = 0
    this.#newest = Math.max(this.#newest, second)
  }
}
