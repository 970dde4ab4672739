import { ItxError } from '../streams/errors.ts'
import { CallBudget } from './call-budget.ts'
import type { KnownPrincipal } from './principal.ts'

/** Credentials whose budgets are remembered; one that is forgotten begins with a full one. */
const MOST_KNOWN = 10_000

/** How often each credential may call through doors that have no session of their own: HTTP requests and batches. */
export class Budgets {
  readonly #perSecond: number
  readonly #now: () => number
  /** The insertion order is the order of last use. */
  readonly #known = new Map<string, CallBudget>()

  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond
    this.#now = now
  }

  /** The budget of whoever holds the credential. */
  of(principal: KnownPrincipal): CallBudget {
    const key = principal.kind === 'user' ? principal.userId : principal.tokenId
    const budget = this.#known.get(key) ?? new CallBudget(this.#perSecond, this.#now)
    this.#known.delete(key)
    this.#known.set(key, budget)
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_KNOWN) break
      this.#known.delete(oldest)
    }
    return budget
  }

  /** Takes one request. @throws {ItxError} RATE_LIMITED `calls`. */
  take(principal: KnownPrincipal): void {
    const budget = this.of(principal)
    if (budget.take()) return
    throw new ItxError('RATE_LIMITED', `more than ${this.#perSecond} requests in a second`, {
      reason: 'calls',
      limit: this.#perSecond,
      retryAfterMs: budget.wait,
    })
  }
}
