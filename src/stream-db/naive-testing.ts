import type { ChangeEvent, StateMessage } from './messages.ts'

// What the database is held against: plain Maps, everything played again from the start whenever it is asked for, and
// everything decided by trying. Slow, and easy to believe.

/** Rows by key, by type. */
export type Tables = Readonly<Record<'user' | 'post', Readonly<Record<string, object>>>>

export const EMPTY: Tables = { user: {}, post: {} }

type Rows = Map<string, Map<string, object>>

const mapsOf = (tables: Tables): Rows => new Map(Object.entries(tables).map(([type, rows]) => [type, mapOf(rows)]))
const mapOf = (rows: Readonly<Record<string, object>>) => new Map(Object.entries(rows))

/** What messages leave of these rows; what a snapshot that has not ended brought is not in it. */
export function replayed(tables: Tables, messages: readonly StateMessage[]): { tables: Tables; inSnapshot: boolean } {
  let rows = mapsOf(tables)
  let aside: Rows | null = null
  for (const message of messages) {
    if ('operation' in message.headers) {
      const { type, key, value, headers } = message as ChangeEvent<object>
      const table = (aside ?? rows).get(type)
      if (headers.operation === 'delete') table?.delete(key)
      else table?.set(key, value as object)
    } else if (message.headers.control === 'reset') {
      rows = mapsOf(EMPTY)
      aside = null
    } else if (message.headers.control === 'snapshot-start') aside = mapsOf(EMPTY)
    else {
      rows = aside ?? rows
      aside = null
    }
  }
  const shown = Object.fromEntries([...rows].map(([type, table]) => [type, Object.fromEntries(table)]))
  return { tables: shown as unknown as Tables, inSnapshot: aside !== null }
}

export const txidOf = ({ headers }: StateMessage) => ('operation' in headers ? headers.txid : undefined)

/** How many of `messages` may be shown without showing a transaction in part, by trying. */
export function mayBeShown(messages: readonly StateMessage[], upToDate: boolean): number {
  const last = messages.at(-1)
  const open = last && txidOf(last)
  if (upToDate || open === undefined) return messages.length
  for (let cut = messages.length; cut >= 0; cut--) {
    const after = new Set(messages.slice(cut).map(txidOf))
    const splits = messages.slice(0, cut).some((one) => txidOf(one) !== undefined && after.has(txidOf(one)))
    if (after.has(open) && !splits) return cut
  }
  return 0
}

/** What is visible, and the message of the stream after which reading on misses nothing, counted; null before any. */
export interface Visible {
  readonly tables: Tables
  readonly place: number | null
}

/** What a database may show while it is told the messages of a stream, piece by piece. */
export class NaiveDatabase implements Visible {
  readonly #base: Tables
  #shown: StateMessage[] = []
  #waiting: StateMessage[] = []
  /** What was visible at `place`, which what follows builds upon. */
  atPlace: Visible

  constructor(from: Visible = { tables: EMPTY, place: null }) {
    this.#base = from.tables
    this.atPlace = from
  }

  get place(): number | null {
    return this.atPlace.place
  }

  get tables(): Tables {
    return replayed(this.#base, this.#shown).tables
  }

  get inSnapshot(): boolean {
    return replayed(this.#base, this.#shown).inSnapshot
  }

  /** Whether the transaction is seen, all of it; one whose id comes again after it was shown was whole before. */
  isSeen(txid: string): boolean {
    const controls = this.#shown.map(({ headers }) => ('control' in headers ? headers.control : null))
    const end = this.inSnapshot ? controls.lastIndexOf('snapshot-start') : this.#shown.length
    return this.#shown.slice(0, end).some((message) => txidOf(message) === txid)
  }

  /** `end` counts the messages of the stream up to here, unusable ones included. */
  take(usable: readonly StateMessage[], upToDate: boolean, end: number): void {
    const all = [...this.#waiting, ...usable]
    const cut = mayBeShown(all, upToDate)
    this.#shown.push(...all.slice(0, cut))
    this.#waiting = all.slice(cut)
    if (this.#waiting.length === 0 && !this.inSnapshot) this.atPlace = { tables: this.tables, place: end }
  }

  now(): Visible {
    const { tables, place } = this
    return { tables, place }
  }
}
