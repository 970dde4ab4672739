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
  /** Transactions with a change of a type that is shown here. */
  readonly #ours = new Set<string>()
  /** Those of them that are whole, and not visible yet. */
  #whole: string[] = []
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

  /** Shows the rows that the caller kept, when there are no newer ones. */
  restore(): void {
    const from = this.#from
    if (from === undefined || this.#place !== from.place || this.#rows.size > 0) return
    for (const [name, rows] of Object.entries(from.rows)) {
      const type = this.#state[name]?.type
      if (type !== undefined) for (const [key, row] of rows) this.#rows.put(type, key, row)
    }
    this.show()
  }

  /**
   * Takes what was said up to a place; nothing of it is visible before `show`.
   *
   * @returns whether a transaction has become too long to be kept back, and will be shown in part
   */
  take(messages: readonly StateMessage[], upToDate: boolean, place: SourcePlace): boolean {
    const { ready, whole, overflowed } = this.#buffer.take(messages, upToDate)
    for (const message of ready) {
      this.#rows.apply(message)
      if ('type' in message && message.headers.txid !== undefined && this.#types.has(message.type)) {
        this.#ours.add(message.headers.txid)
      }
    }
    for (const txid of whole) if (this.#ours.delete(txid)) this.#whole.push(txid)
    // Nothing that waits is behind it, so reading on from here misses nothing.
    if (this.#buffer.waiting === 0 && !this.#rows.inSnapshot) this.#reached = place
    return overflowed
  }

  /** Makes visible what was taken, but for what is in a transaction or a snapshot that has not ended. */
  show(): void {
    const era = this.#era
    const changes = this.#rows.take()
    if (changes.size > 0) this.#guard(() => this.set.commit(changes))
    // A subscriber may have closed all this.
    if (era !== this.#era) return
    this.#place = this.#reached
    if (!this.#rows.inSnapshot) for (const txid of this.#whole.splice(0)) this.waits.saw(txid)
  }

  /** The stream has begun a new life: nothing of the old one is left. */
  restart(): void {
    this.abandon()
    this.#rows.reset()
    this.waits.forget()
    this.#reached = undefined
    this.show()
  }

  /** Forgets what was taken and is not visible: it will be read again. */
  abandon(): void {
    this.#era = Symbol('contents')
    this.#buffer.clear()
    this.#rows.abandon()
    this.#ours.clear()
    this.#whole = []
    this.#reached = this.#place
  }

  /** As it was before anything was read. */
  async release(): Promise<void> {
    this.abandon()
    this.#rows = new RowState(this.#types)
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
