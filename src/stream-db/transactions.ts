import { ItxError, shown } from '../streams/errors.ts'
import type { StateMessage } from './messages.ts'

/** Messages that wait for the end of their transaction, at most. */
const MOST_WAITING = 100_000
const MOST_SEEN = 10_000

/** What a batch makes visible. */
export interface Released {
  /** In the order of the stream. To be shown all at once. */
  readonly ready: readonly StateMessage[]
  /** Transactions that are whole with `ready`, each once. */
  readonly whole: readonly string[]
  /** More waited than may: `ready` shows a transaction in part, which is named in a later `whole`. */
  readonly overflowed: boolean
}

/**
 * Keeps back what belongs to a transaction of which more may come, so that none is ever seen in part, however its messages
 * are spread over batches. Pure: it only says what may be shown.
 *
 * A transaction is open while the last message has its id; another id, a message without one, or the end of what there is
 * closes it. Always true: what waits begins with a message of a transaction that reaches, through others it is interleaved
 * with, the last message; so no transaction has messages on both sides. Only an id that is used again after its
 * transaction was shown cannot be mended: it is named whole a second time.
 *
 * Control messages carry no id and so close what is open. Each message costs constant time.
 */
export class TransactionBuffer {
  readonly #most: number
  #messages: StateMessage[] = []
  /** The position of `#messages[0]`; positions count all messages ever. */
  #start = 0
  /** Where the transactions in `#messages` begin. */
  readonly #first = new Map<string, number>()
  /** Positions where the messages may be cut without cutting a transaction, ascending. */
  #cuts: number[] = []
  #open: string | undefined

  constructor({ most = MOST_WAITING }: { readonly most?: number } = {}) {
    this.#most = atLeastOne('most', most)
  }

  /** How many messages are kept back. */
  get waiting(): number {
    return this.#messages.length
  }

  /** Messages of a batch, in order; `upToDate` when nothing follows at the moment. */
  take(messages: readonly StateMessage[], upToDate: boolean): Released {
    if (this.#open === undefined && !messages.some((message) => txidOf(message) !== undefined)) {
      // Nothing waits and nothing has to: most of most histories.
      this.#start += messages.length
      return { ready: messages, whole: [], overflowed: false }
    }
    for (const message of messages) this.#add(message)
    const overflowed = !upToDate && this.#kept() > this.#most
    if (overflowed) return this.#overflow()
    return { ready: this.#release(upToDate), whole: this.#closed(), overflowed }
  }

  /** Forgets everything, for a stream that begins anew. */
  clear(): void {
    this.#messages = []
    this.#first.clear()
    this.#cuts = []
    this.#open = undefined
  }

  get #end(): number {
    return this.#start + this.#messages.length
  }

  #add(message: StateMessage): void {
    const at = this.#end
    this.#messages.push(message)
    this.#open = txidOf(message)
    const first = this.#open === undefined ? at : (this.#first.get(this.#open) ?? at)
    if (first === at) {
      if (this.#open !== undefined) this.#first.set(this.#open, at)
      this.#cuts.push(at)
    } else {
      while ((this.#cuts.at(-1) ?? first) > first) this.#cuts.pop()
    }
  }

  /** Where what has to wait begins. */
  #cut(): number {
    return this.#open === undefined ? this.#end : (this.#cuts.at(-1) ?? this.#end)
  }

  #kept(): number {
    return Math.min(this.#end - this.#cut(), this.#messages.length)
  }

  #release(all: boolean): StateMessage[] {
    if (all) this.#open = undefined
    const cut = this.#cut()
    if (this.#open === undefined) this.#cuts = []
    // A transaction that overflowed begins one place before what is here.
    if (cut <= this.#start) return []
    const ready = this.#messages.slice(0, cut - this.#start)
    this.#messages = this.#messages.slice(cut - this.#start)
    this.#start = cut
    if (this.#open !== undefined) this.#cuts = [cut]
    return ready
  }

  #closed(): string[] {
    const until = this.#cut()
    // In the order in which they began; the first that is still open ends it.
    const whole: string[] = []
    for (const [txid, first] of this.#first) {
      if (first >= until) break
      whole.push(txid)
      this.#first.delete(txid)
    }
    return whole
  }

  #overflow(): Released {
    const open = this.#open
    const ready = this.#messages
    if (open !== undefined) this.#first.delete(open)
    const whole = [...this.#first.keys()]
    // The open one is owed an end: it stands, without a message, one place before what comes next.
    const end = this.#end
    this.clear()
    this.#start = end + 1
    if (open !== undefined) {
      this.#first.set(open, end)
      this.#cuts = [end]
      this.#open = open
    }
    return { ready, whole, overflowed: true }
  }
}

/** The last transactions that became visible. An id that was forgotten counts as not seen. */
export class SeenTransactions {
  readonly #most: number
  readonly #seen = new Set<string>()

  constructor(most: number = MOST_SEEN) {
    this.#most = atLeastOne('most', most)
  }

  /** Seen again it is as good as new, and forgotten later. */
  add(txid: string): void {
    this.#seen.delete(txid)
    this.#seen.add(txid)
    if (this.#seen.size <= this.#most) return
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest)
      break
    }
  }

  has(txid: string): boolean {
    return this.#seen.has(txid)
  }

  clear(): void {
    this.#seen.clear()
  }
}

function txidOf({ headers }: StateMessage): string | undefined {
  return 'operation' in headers ? headers.txid : undefined
}

function atLeastOne(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new ItxError('BAD_REQUEST', `${name} is ${shown(value)}; a whole number, at least 1`, {
    reason: name,
    limit: 1,
    value,
  })
}
