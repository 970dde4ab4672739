import type { ChangeEvent, StateMessage } from './messages.ts'

/** The rows of one type, by the key of their events. */
export type Rows = ReadonlyMap<string, object>

/** What becomes of rows: what they are now, or null for those that are gone. */
export type RowChanges = ReadonlyMap<string, object | null>

/**
 * What messages do to the rows of all types. Pure: nothing is shown here.
 *
 * What always holds: `rows` is what every change that was taken has left, so whoever applies all of them, in order, has the
 * same rows. Rows are told apart by key alone and never merged. What a snapshot brings is kept aside until its end, and then
 * replaces everything; a snapshot that begins anew, or a reset, forgets what was kept aside.
 */
export class RowState {
  readonly #rows = new Map<string, Map<string, object>>()
  #changes: Map<string, Map<string, object | null>>
  #snapshot: Map<string, Map<string, object>> | null = null

  /** Messages of other types are passed over. */
  constructor(types: Iterable<string>) {
    for (const type of types) this.#rows.set(type, new Map())
    this.#changes = this.#none()
  }

  /** A snapshot has begun and not ended: what it brings cannot be seen yet. */
  get inSnapshot(): boolean {
    return this.#snapshot !== null
  }

  get size(): number {
    return [...this.#rows.values()].reduce((sum, rows) => sum + rows.size, 0)
  }

  rows(type: string): Rows {
    return this.#rows.get(type) ?? new Map()
  }

  apply(message: StateMessage): void {
    if ('operation' in message.headers) return this.#change(message as ChangeEvent)
    switch (message.headers.control) {
      case 'reset':
        return this.reset()
      case 'snapshot-start':
        this.#snapshot = this.#none()
        return
      case 'snapshot-end':
        return this.#replace()
    }
  }

  /** Every row is gone. */
  reset(): void {
    this.#snapshot = null
    for (const [type, rows] of this.#rows) {
      this.#changes.set(type, new Map(Array.from(rows.keys(), (key): [string, null] => [key, null])))
    }
  }

  /** Forgets a snapshot that was begun: its messages will be read again. */
  abandon(): void {
    this.#snapshot = null
    this.#changes = this.#none()
  }

  /** Sets a row without the word of the stream, as for rows that were kept. */
  put(type: string, key: string, row: object): void {
    this.#changes.get(type)?.set(key, row)
  }

  /** What has changed since it was last asked, by type; only types with changes, only rows that were or are. */
  take(): ReadonlyMap<string, RowChanges> {
    const taken = new Map<string, RowChanges>()
    for (const [type, changes] of this.#changes) {
      const rows = this.#rows.get(type)
      if (rows === undefined) continue
      for (const [key, row] of changes) {
        if (row !== null) rows.set(key, row)
        else if (!rows.delete(key)) changes.delete(key)
      }
      if (changes.size > 0) taken.set(type, changes)
    }
    this.#changes = this.#none()
    return taken
  }

  #change({ type, key, value, headers }: ChangeEvent): void {
    const isDelete = headers.operation === 'delete'
    if (this.#snapshot === null) this.#changes.get(type)?.set(key, isDelete ? null : (value as object))
    else if (isDelete) this.#snapshot.get(type)?.delete(key)
    else this.#snapshot.get(type)?.set(key, value as object)
  }

  #replace(): void {
    const snapshot = this.#snapshot
    // An end without a beginning: the reading began in the middle of a snapshot.
    if (snapshot === null) return
    this.reset()
    for (const [type, rows] of snapshot) for (const [key, row] of rows) this.put(type, key, row)
  }

  #none<V>(): Map<string, Map<string, V>> {
    return new Map(Array.from(this.#rows.keys(), (type): [string, Map<string, V>] => [type, new Map()]))
  }
}
