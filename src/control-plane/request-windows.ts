interface Rule {
  /** Seconds. */
  readonly window: number
  readonly max: number
}

interface Decision {
  readonly allowed: boolean
  /** Seconds until the next request of this key is allowed; null when this one is. */
  readonly retryAfter: number | null
}

/**
 * Counts requests per key: in any span of `window` seconds at most `max` are allowed, refused ones not counted.
 *
 * Why not better-auth's own memory store: it is one map for the whole process, and it starts a new window only after a
 * pause as long as the window, so steady traffic far below the limit ends up refused.
 *
 * Memory is bounded: beyond `maxKeys` the key that was quiet for longest is forgotten.
 */
export class RequestWindows {
  readonly #now: () => number
  readonly #maxKeys: number
  // The insertion order is the order of last use.
  readonly #times = new Map<string, readonly number[]>()

  constructor({ now = Date.now, maxKeys = 20_000 }: { now?: () => number; maxKeys?: number } = {}) {
    this.#now = now
    this.#maxKeys = maxKeys
  }

  /** The shape better-auth asks of a rate-limit store: check and count in one step. */
  consume = (key: string, rule: Rule): Promise<Decision> => Promise.resolve(this.#consume(key, rule))

  #consume(key: string, { window, max }: Rule): Decision {
    const now = this.#now()
    // A clock that was set back must not lock anyone out: times in the future are dropped.
    const recent = (this.#times.get(key) ?? []).filter((time) => time > now - window * 1000 && time <= now)
    const oldest = recent.at(-max)
    this.#times.delete(key)
    if (oldest !== undefined) {
      this.#times.set(key, recent)
      return { allowed: false, retryAfter: Math.max(1, Math.ceil((oldest + window * 1000 - now) / 1000)) }
    }
    this.#times.set(key, [...recent, now])
    for (const quietest of this.#times.keys()) {
      if (this.#times.size <= this.#maxKeys) break
      this.#times.delete(quietest)
    }
    return { allowed: true, retryAfter: null }
  }
}
