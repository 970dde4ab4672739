/** Time is counted in these from here on (Durable Streams protocol, "Caching and Collapsing"). */
const EPOCH_MS = Date.UTC(2024, 9, 9)
const INTERVAL_MS = 20_000
/** How far beyond its own cursor a client is sent, at most: an hour. */
const MOST_JITTER_MS = 3_600_000

/** The number of the interval that is now. */
export function currentInterval(now: number): number {
  return Math.floor((now - EPOCH_MS) / INTERVAL_MS)
}

/**
 * The value of `Stream-Cursor`: those who wait at the same tail ask for the same address, so that a cache asks once for
 * all of them, and none is ever answered with what it has seen: always more than the client's own cursor.
 *
 * @param given the client's cursor; one that is no number counts as none
 * @param now milliseconds since the epoch
 * @param random at least 0, less than 1
 */
export function streamCursor(given: string | null, now = Date.now, random = Math.random): string {
  const interval = currentInterval(now())
  const own = given !== null && /^\d+$/.test(given) ? Number(given) : -1
  // Beyond it, adding to a number does not always make it greater.
  if (own < interval || own > Number.MAX_SAFE_INTEGER / 2) return String(interval)
  return String(own + Math.ceil((1 + Math.floor(random() * MOST_JITTER_MS)) / INTERVAL_MS))
}
