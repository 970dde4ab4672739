import { COUNTED_SECONDS } from './second-counts.ts'

/**
 * How high something stood in each of the last seconds, at its most: what comes and goes within one second is seen. The
 * seconds are as those of `SecondCounts`.
 *
 * Invariant: a slot holds the most of one second of the last 300, or of the one that is under way; seconds in which
 * nothing changed hold what there was before.
 */
export class SecondLevels {
  /** One more than is looked back on: that of the second under way. */
  readonly #slots = new Uint32Array(COUNTED_SECONDS + 1)
  /** The newest second that a slot stands for. */
  #newest: number
  #level = 0

  constructor(second: number) {
    this.#newest = second
  }

  /** From now on it stands so much higher, or lower. */
  change(second: number, by: number): void {
    this.#advance(second)
    this.#level = Math.max(0, this.#level + by)
    const slot = second % this.#slots.length
    this.#slots[slot] = Math.max(this.#slots[slot] ?? 0, this.#level)
  }

  /** The most of each of the last 300 seconds before a second, the oldest first. */
  before(second: number): number[] {
    this.#advance(second)
    return Array.from({ length: COUNTED_SECONDS }, (_, i) => {
      const at = second - COUNTED_SECONDS + i
      return at < 0 ? 0 : (this.#slots[at % this.#slots.length] ?? 0)
    })
  }

  /** Makes room for the seconds up to this one, in which it stood as it does now. */
  #advance(second: number): void {
    if (second - this.#newest >= this.#slots.length) this.#slots.fill(this.#level)
    else for (let each = this.#newest + 1; each <= second; each++) this.#slots[each % this.#slots.length] = this.#level
    this.#newest = Math.max(this.#newest, second)
  }
}
