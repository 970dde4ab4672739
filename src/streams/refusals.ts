import { type ItxErrorCode, itxErrorCode, itxErrorDetails } from './errors.ts'
import { SecondCounts } from './second-counts.ts'

/** Causes that are told apart, at most; there are about twenty. What is beyond them counts under its code alone. */
const MOST_CAUSES = 32
const REASON = /^[a-z][a-z-]{0,39}$/

/** Why appends were refused, and how often in the last 300 whole seconds. */
export interface Refusal {
  readonly code: ItxErrorCode
  /** What the error's details say; null where they say nothing. */
  readonly reason: string | null
  readonly count: number
}

interface Cause extends Omit<Refusal, 'count'> {
  readonly counts: SecondCounts
}

/**
 * Appends that were refused, second by second, and of which cause.
 *
 * Invariant: at most 32 causes and the codes are kept, whatever errors come.
 */
export class Refusals {
  readonly #all: SecondCounts
  readonly #causes = new Map<string, Cause>()

  constructor(second: number) {
    this.#all = new SecondCounts(second)
  }

  add(second: number, error: unknown): void {
    this.#all.add(second, 1)
    this.#causeOf(error, second).counts.add(second, 1)
  }

  /** How many in each of the last 300 seconds before a second, the oldest first. */
  before(second: number): number[] {
    return this.#all.before(second, 1)
  }

  /** The causes of these, the most frequent first. */
  causes(second: number): Refusal[] {
    return [...this.#causes.values()]
      .map(({ code, reason, counts }) => ({ code, reason, count: counts.total(second) }))
      .filter(({ count }) => count > 0)
      .toSorted((a, b) => b.count - a.count)
  }

  #causeOf(error: unknown, second: number): Cause {
    // What carries no code is a fault of the server, and is told to callers as one.
    const code = itxErrorCode(error) ?? 'INTERNAL'
    const said = itxErrorDetails(error)?.['reason']
    const known = typeof said === 'string' && REASON.test(said) ? said : null
    const reason = this.#causes.has(`${code} ${known}`) || this.#causes.size < MOST_CAUSES ? known : null
    const key = `${code} ${reason}`
    const cause = this.#causes.get(key) ?? { code, reason, counts: new SecondCounts(second) }
    this.#causes.set(key, cause)
    return cause
  }
}
