/** Limits of a circuit breaker: a token bucket, one token per event of a caller. */
export interface BreakerLimits {
  /** Tokens of a full bucket: events that may come at once. */
  readonly burstCapacity: number
  /** Tokens that come back in a minute. */
  readonly refillRatePerMinute: number
}

/** What is left in a bucket. A state without one has a full bucket. */
export interface Breaker {
  readonly tokens: number
  /** Wall clock, milliseconds since the epoch. */
  readonly lastRefillAt: number
}

/**
 * Takes one token, after refilling for the time that has passed. A clock that goes back drains nothing.
 *
 * @param now wall clock, milliseconds since the epoch
 * @returns the bucket afterwards, or null when there was no token: the breaker trips
 */
export function takeToken(limits: BreakerLimits, breaker: Breaker | null, now: number): Breaker | null {
  const elapsed = breaker === null ? 0 : Math.max(0, now - breaker.lastRefillAt)
  const before = breaker === null ? limits.burstCapacity : breaker.tokens
  const tokens = Math.min(limits.burstCapacity, before + (elapsed * limits.refillRatePerMinute) / 60_000)
  return tokens < 1 ? null : { tokens: tokens - 1, lastRefillAt: now }
}
