import { ItxError, shown } from '../streams/errors.ts'
import { SeenTransactions } from './transactions.ts'

interface Wait {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** The longest that a timer can wait. */
const LONGEST_MS = 2 ** 31 - 1

/** Who waits for transactions to become visible, and which have. */
export class TransactionWaits {
  readonly #seen = new SeenTransactions()
  readonly #waits = new Map<string, Set<Wait>>()

  get size(): number {
    return this.#waits.size
  }

  /**
   * Resolves when the transaction is visible; at once when it was among the last 10,000.
   *
   * @throws BAD_REQUEST for an empty id or a time below 0; UNAVAILABLE, `timeout`, after `timeout` milliseconds
   */
  async wait(txid: string, timeout: number): Promise<void> {
    if (typeof txid !== 'string' || txid === '') throw wrong('txid', txid, 'a string that is not empty')
    if (!(timeout >= 0)) throw wrong('timeout', timeout, 'milliseconds, at least 0')
    if (this.#seen.has(txid)) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const wait = { resolve, reject }
    const timer = setTimeout(() => reject(late(txid, timeout)), Math.min(timeout, LONGEST_MS))
    const waits = this.#waits.get(txid) ?? new Set()
    this.#waits.set(txid, waits.add(wait))
    try {
      await promise
    } finally {
      clearTimeout(timer)
      waits.delete(wait)
      if (waits.size === 0 && this.#waits.get(txid) === waits) this.#waits.delete(txid)
    }
  }

  has(txid: string): boolean {
    return this.#seen.has(txid)
  }

  /** Became visible. */
  saw(txid: string): void {
    this.#seen.add(txid)
    for (const { resolve } of this.#waits.get(txid) ?? []) resolve()
    this.#waits.delete(txid)
  }

  /** The stream began anew: what was seen is not in it. Who waits goes on waiting. */
  forget(): void {
    this.#seen.clear()
  }

  reject(error: Error): void {
    for (const waits of this.#waits.values()) for (const wait of waits) wait.reject(error)
    this.#waits.clear()
  }
}

function late(txid: string, timeout: number): ItxError {
  const message = `transaction ${shown(txid)} was not visible within ${timeout} ms`
  return new ItxError('UNAVAILABLE', message, { reason: 'timeout', txid, limit: timeout })
}

function wrong(name: string, value: unknown, rule: string): ItxError {
  return new ItxError('BAD_REQUEST', `${name} is ${shown(value)}; ${rule}`, { reason: name, value })
}
