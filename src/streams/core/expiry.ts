import type { CoreState } from './state.ts'

/**
 * How much later than it was used a stream may be written down as used, in milliseconds: renewing writes at most so
 * often. After a restart it lives so much longer at most, and never shorter than promised.
 */
export function touchGrain(ttlSeconds: number): number {
  return Math.min(60_000, Math.max(500, ttlSeconds * 100))
}

/**
 * When a stream ends by itself, in milliseconds since the epoch; null: it does not.
 *
 * @param touchedAt when it was last used, if that is later than its state knows
 */
export function deadline(state: CoreState, touchedAt = 0): number | null {
  const { expiry } = state
  if (expiry === undefined) return null
  if ('expiresAt' in expiry) return Date.parse(expiry.expiresAt)
  return Math.max(touchedAt, state.touchedAt ?? 0, Date.parse(state.lastEventAt)) + 1000 * expiry.ttlSeconds
}

/** As `deadline`, as the storage lists it: late enough for every use that was not written down. */
export function storedDeadline(state: CoreState): number | null {
  const { expiry } = state
  const at = deadline(state)
  return at === null || expiry === undefined || 'expiresAt' in expiry ? at : at + touchGrain(expiry.ttlSeconds)
}
