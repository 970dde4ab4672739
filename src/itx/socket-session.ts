import type { Role } from '../control-plane/roles.ts'
import type { Pace } from '../streams/delivery/batch.ts'
import { ItxError } from '../streams/errors.ts'
import type { Ongoing, Session } from './session.ts'

/** Large answers that are prepared at once for one caller. */
const ANSWERS_AT_ONCE = 16
/** Scans of one caller: each holds a page of the log while its last batch is not acknowledged. */
const MOST_SCANS = 16

/** What the caller behind one socket holds. */
export class SocketSession implements Session {
  /** The projects that were given to it, with the role each was given with. */
  readonly grants = new Map<string, Role>()
  readonly pace: Pace
  readonly #most: Readonly<Record<Ongoing, number>>
  readonly #open: Record<Ongoing, number> = { subscription: 0, scan: 0 }
  #answering = 0
  readonly #waiting: (() => void)[] = []

  /** @param pace whether the caller reads what it is sent */
  constructor(mostSubscriptions: number, pace: Pace) {
    this.#most = { subscription: mostSubscriptions, scan: MOST_SCANS }
    this.pace = pace
  }

  grant(projectId: string, role: Role): void {
    this.grants.set(projectId, role)
  }

  enter(what: Ongoing): () => void {
    const limit = this.#most[what]
    if (this.#open[what] >= limit) {
      throw new ItxError('RATE_LIMITED', `more than ${limit} ${what}s are open; end some`, {
        reason: `${what}s`,
        limit,
      })
    }
    this.#open[what]++
    let open = true
    return () => {
      if (open) this.#open[what]--
      open = false
    }
  }

  async answer<T>(work: () => Promise<T>): Promise<T> {
    while (this.#answering >= ANSWERS_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#answering++
    try {
      while (!this.pace.ready) await this.pace.wait()
      return await work()
    } finally {
      this.#answering--
      this.#waiting.shift()?.()
    }
  }
}
