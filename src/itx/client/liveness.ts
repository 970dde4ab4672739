import type { FrameWatch } from './frame-transport.ts'

/** A call that waited so long makes sure that somebody is there. */
const CALL_MS = 5000

export interface LivenessOptions {
  /** Asks the server for a sign of life. */
  readonly ping: () => void
  /** Nobody is there: nothing came after a ping. */
  readonly drop: () => void
  /** A ping was answered. */
  readonly answered: () => void
  /** How long the answer may take now. */
  readonly patienceMs: () => number
  /** Pings when nothing was heard for so long; absent: only when asked to. */
  readonly quietMs?: number | undefined
  /** Bytes that are still to be sent: while they become fewer, the line is slow, not dead. */
  readonly buffered: () => number
}

/**
 * Finds out whether there is still somebody at the other end of a socket. A network that went away without a word
 * closes nothing; browsers would wait for minutes, and show what is no longer live.
 *
 * The honest sign is silence after something was asked: any frame at all is a sign of life, so that a busy line is never
 * pinged and a slow call on it never given up.
 */
export class Liveness implements FrameWatch {
  readonly #options: LivenessOptions
  /** Calls that wait, with the time they were sent, until they were a reason to ping: some wait for days, for an end. */
  readonly #waiting = new Map<unknown, number>()
  #heardAt = 0
  #heardLately = false
  #callTimer: ReturnType<typeof setTimeout> | undefined
  #pingTimer: ReturnType<typeof setTimeout> | undefined
  readonly #quietTimer: ReturnType<typeof setInterval> | undefined
  #buffered = 0

  constructor(options: LivenessOptions) {
    this.#options = options
    if (options.quietMs === undefined) return
    this.#quietTimer = setInterval(() => {
      if (!this.#heardLately) this.check()
      this.#heardLately = false
    }, options.quietMs)
  }

  sent([kind, id]: readonly unknown[]): void {
    if (kind !== 'pull') return
    this.#waiting.set(id, Date.now())
    this.#callTimer ??= setTimeout(() => this.#lookAtCalls(), CALL_MS)
  }

  heard([kind, id]: readonly unknown[]): void {
    this.#heardAt = Date.now()
    this.#heardLately = true
    if (kind === 'resolve' || kind === 'reject') this.#waiting.delete(id)
    if (this.#pingTimer === undefined) return
    clearTimeout(this.#pingTimer)
    this.#pingTimer = undefined
    this.#options.answered()
  }

  /** Pings now, unless a ping is on its way. */
  check(): void {
    if (this.#pingTimer !== undefined) return
    this.#awaitAnswer()
    this.#options.ping()
  }

  /** The socket is gone: no timer stays. */
  end(): void {
    clearTimeout(this.#callTimer)
    clearTimeout(this.#pingTimer)
    clearInterval(this.#quietTimer)
  }

  #lookAtCalls(): void {
    this.#callTimer = undefined
    // In the order they were sent.
    const [oldest] = this.#waiting.values()
    if (oldest === undefined) return
    const silence = Date.now() - Math.max(oldest, this.#heardAt)
    if (silence < CALL_MS) {
      this.#callTimer = setTimeout(() => this.#lookAtCalls(), CALL_MS - silence)
      return
    }
    this.#waiting.clear()
    this.check()
  }

  #awaitAnswer(): void {
    this.#buffered = this.#options.buffered()
    this.#pingTimer = setTimeout(() => {
      // The ping itself may still stand behind a large message in the queue.
      if (this.#options.buffered() < this.#buffered) return this.#awaitAnswer()
      this.#pingTimer = undefined
      this.#options.drop()
    }, this.#options.patienceMs())
  }
}
