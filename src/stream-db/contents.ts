import { type CollectionShape, CollectionSet } from './collection-sync.ts'
import type { StreamDBSnapshot } from './database-options.ts'
import type { StateMessage } from './messages.ts'
import { RowState } from './row-changes.ts'
import type { SourcePlace } from './source.ts'
import { TransactionWaits } from './transaction-waits.ts'
import { TransactionBuffer } from './transactions.ts'

type State = Readonly<Record<string, CollectionShape>>

export interface ContentsOptions {
  /** Names the stream among all others. */
  readonly id: string
  readonly state: State
  readonly from: StreamDBSnapshot | undefined
  readonly maxTransactionMessages: number | undefined
  /** Runs what tells subscribers: what they throw is not thrown here. */
  readonly guard: (step: () => void) => void
}

/**
 * What a stream has said so far: what of it is visible, what is to be, and where reading on loses nothing.
 *
 * What always holds: rows, seen transactions and `place` change together, with no turn of the event loop between; `place` is
 * never ahead of what is visible, so reading on from it loses nothing (and may say again what is known, which changes
 * nothing).
 */
export class Contents {
  readonly waits = new TransactionWaits()
  readonly set: CollectionSet
  readonly #state: State
  readonly #types: ReadonlySet<string>
  readonly #from: StreamDBSnapshot | undefined
  readonly #guard: ContentsOptions['guard']
  readonly #buffer: TransactionBuffer
  #rows: RowState
  #place: SourcePlace | undefined
  /** Where `place` will be when all that was taken is visible. */
  #reached: SourcePlace | undefined
  /** Transactions with a change of a type that is shown here, and whether the last was in a snapshot. */
  readonly #ours = new Map<string, { readonly inSnapshot: boolean }>()
  /** Those of them that are whole, and not visible yet. */
  #whole: { readonly txid: string; readonly inSnapshot: boolean }[] = []
  /** Messages that were taken since `#reached`, and how many were visible beyond `place` when it was shown last. */
  #since = 0
  #beyond = 0
  /** How many messages are still to be read again until what comes is news. */
  #known = 0
  #hasBegun = false
  /** Another one once something was dropped, so that who is in the middle of showing notices. */
  #era = Symbol('contents')

  constructor({ id, state, from, maxTransactionMessages: most, guard }: ContentsOptions) {
    this.#state = state
    this.#types = new Set(Object.values(state).map(({ type }) => type))
    this.#from = from
    this.#guard = guard
    this.#buffer = new TransactionBuffer(most === undefined ? {} : { most })
    this.#rows = new RowState(this.#types)
    this.set = new CollectionSet(id, state, (type) => this.#rows.rows(type))
    this.#place = from?.place
    this.#reached = from?.place
  }

  get place(): SourcePlace | undefined {
    return this.#place
  }

  /** Rows that are visible. */
  get size(): number {
    return this.#rows.size
  }

  /**
   * A reading begins at `place`; the first one shows what the caller kept. What is visible beyond it will be said again: in
   * between nothing is shown, which would be what had been long ago.
   */
  begin(): void {
    const from = this.#from
    if (!this.#hasBegun && from !== undefined) {
      for (const [name, rows] of Object.entries(from.rows)) {
        const type = this.#state[name]?.type
        if (type !== undefined) for (const [key, row] of rows) this.#rows.put(type, key, row)
      }
    }
    this.#known = this.#beyond
    // At the start nobody can tell whether it is still the same life: what is not said again is gone.
    if (this.#place === undefined) this.#rows.reset()
    if (!this.#hasBegun) this.show()
  }

  /**
   * Takes what was said up to a place; nothing of it is visible before `show`.
   *
   * @param count of all that was said, what cannot be used included
   * @returns whether a transaction has become too long to be kept back, and will be shown in part
   */
  take(messages: readonly StateMessage[], count: number, upToDate: boolean, place: SourcePlace): boolean {
    const { ready, whole, overflowed } = this.#buffer.take(messages, upToDate)
    for (const message of ready) {
      if ('type' in message && message.headers.txid !== undefined && this.#types.has(message.type)) {
        this.#ours.set(message.headers.txid, { inSnapshot: this.#rows.inSnapshot })
      }
      this.#rows.apply(message)
    }
    for (const txid of whole) {
      const how = this.#ours.get(txid)
      if (how !== undefined) this.#whole.push({ txid, inSnapshot: how.inSnapshot })
      this.#ours.delete(txid)
    }
    this.#since += count
    this.#known = upToDate ? 0 : Math.max(0, this.#known - count)
    // Nothing that waits is behind it, so reading on from here misses nothing.
    if (this.#buffer.waiting === 0 && !this.#rows.inSnapshot) {
      this.#reached = place
      this.#since = 0
    }
    return overflowed
  }

  /** Makes visible what was taken, but for what is in a transaction or a snapshot that has not ended. */
  show(): void {
    if (this.#known > 0) return
    this.#hasBegun = true
    const era = this.#era
    const changes = this.#rows.take()
    if (changes.size > 0) this.#guard(() => this.set.commit(changes))
    // A subscriber may have closed all this.
    if (era !== this.#era) return
    this.#place = this.#reached
    this.#beyond = this.#since
    const isSeen = ({ inSnapshot }: { readonly inSnapshot: boolean }) => !inSnapshot || !this.#rows.inSnapshot
    const seen = this.#whole.filter(isSeen)
    this.#whole = this.#whole.filter((each) => !isSeen(each))
    for (const { txid } of seen) this.waits.saw(txid)
  }

  /** The stream has begun a new life: nothing of the old one is left. */
  restart(): void {
    this.abandon()
    this.#rows.reset()
    this.waits.forget()
    this.#reached = undefined
    this.#beyond = 0
    this.show()
  }

  /** Forgets what was taken and is not visible: it will be read again. */
  abandon(): void {
    this.#era = Symbol('contents')
    this.#buffer.clear()
    this.#rows.abandon()
    this.#ours.clear()
    this.#whole = []
    this.#since = 0
    this.#known = 0
    this.#reached = this.#place
  }

  /** As it was before anything was read. */
  async release(): Promise<void> {
    this.abandon()
    this.#rows = new RowState(this.#types)
    this.#hasBegun = false
    this.#beyond = 0
    this.#place = this.#from?.place
    this.#reached = this.#place
    this.waits.forget()
    await this.set.release()
  }

  /** What is visible, to begin with another time; null before anything is. */
  snapshot(): StreamDBSnapshot | null {
    if (this.#place === undefined) return null
    const rows = Object.entries(this.#state).map(([name, { type }]) => [name, [...this.#rows.rows(type)]])
    return { place: this.#place, rows: Object.fromEntries(rows) }
  }
}
