import { FAILED_ROWS } from './tree-branch.ts'
import type { TreeRow, TreeRows } from './tree-rows.ts'

/** What a key asks of the tree; `stay` is a key of ours that leads nowhere. */
export type TreeMove =
  | { readonly kind: 'go'; readonly index: number }
  | { readonly kind: 'open'; readonly paths: readonly string[] }
  | { readonly kind: 'close'; readonly path: string }
  | { readonly kind: 'press' }
  | { readonly kind: 'create'; readonly below: string }
  | { readonly kind: 'stay' }

/** Streams that `*` opens, at most: those next to the row. */
export const MOST_OPENED = 100

const STAY: TreeMove = { kind: 'stay' }

/**
 * The keys of a tree (WAI-ARIA, tree view): up, down, a page up or down, Home, End; right opens, then goes in; left
 * closes, then goes out; `*` opens what stands beside; `+` makes a stream below. Enter is the link's own. Null for all
 * others: letters are for `Typing`.
 *
 * @param at the row that has the focus
 * @param page how many rows are seen at once
 */
export function treeMove(key: string, rows: TreeRows, at: number, page: number): TreeMove | null {
  const row = rows.at(at)
  if (!row) return null
  switch (key) {
    case 'ArrowDown':
      return stepTo(rows, at, at + 1)
    case 'ArrowUp':
      return stepTo(rows, at, at - 1)
    case 'PageDown':
      return stepTo(rows, at, at + Math.max(1, page - 1))
    case 'PageUp':
      return stepTo(rows, at, at - Math.max(1, page - 1))
    case 'Home':
      return stepTo(rows, at, 0)
    case 'End':
      return stepTo(rows, at, rows.count - 1)
    case 'ArrowRight':
      return inwards(rows, at, row)
    case 'ArrowLeft':
      if (row.kind === 'stream' && row.expanded === true) return { kind: 'close', path: row.stream.path }
      return row.parent === null ? STAY : stepTo(rows, at, rows.indexOf(row.parent))
    case '*':
      return openBeside(rows, row)
    case '+':
      return row.kind === 'stream' ? { kind: 'create', below: row.stream.path } : STAY
    case ' ':
      return { kind: 'press' }
    default:
      return null
  }
}

function inwards(rows: TreeRows, at: number, row: TreeRow): TreeMove {
  if (row.kind !== 'stream' || row.expanded === null) return STAY
  if (!row.expanded) return { kind: 'open', paths: [row.stream.path] }
  return rows.at(at + 1)?.parent === row.stream.path ? stepTo(rows, at, at + 1) : STAY
}

/** To a row, or beyond those that only keep the place of another. */
function stepTo(rows: TreeRows, from: number, to: number): TreeMove {
  let index = Math.max(0, Math.min(to, rows.count - 1))
  const row = rows.at(index)
  if (row?.kind === 'failed' && row.part > 0) {
    const own = index - row.part
    const after = own + FAILED_ROWS
    // From the row itself it goes on beyond them, if there is anything.
    index = own === from && after < rows.count ? after : own
  }
  return index === from ? STAY : { kind: 'go', index }
}

/** The streams on the same level that have children and are closed, on either side of the row. */
function openBeside(rows: TreeRows, row: TreeRow): TreeMove {
  if (row.kind !== 'stream' || row.parent === null || row.place === null) {
    return row.kind === 'stream' && row.expanded === false ? { kind: 'open', paths: [row.stream.path] } : STAY
  }
  const paths: string[] = []
  const look = (place: number) => {
    const beside = place < 0 || place >= row.setSize ? null : rows.at(rows.indexOfPlace(row.parent ?? '/', place))
    if (beside?.kind === 'stream' && beside.expanded === false) paths.push(beside.stream.path)
  }
  look(row.place)
  for (let away = 1; away <= MOST_OPENED && paths.length < MOST_OPENED; away++) {
    look(row.place + away)
    look(row.place - away)
  }
  return paths.length === 0 ? STAY : { kind: 'open', paths: paths.slice(0, MOST_OPENED) }
}

/** After so long a letter begins a new word. */
const WORD_MS = 700
/** Rows that are looked at for a name that begins with what was typed. */
const MOST_LOOKED_AT = 50_000
/** What a name can begin with; `?` and `/` are left to the page. */
const LETTER = /^[A-Za-z0-9\-._~:@!$&'(),;=]$/

/** Goes to the next row whose name begins with what is typed. Several letters in a row are one word. */
export class Typing {
  #word = ''
  #lastAt = -Infinity

  /** @returns the row to go to, or null when none begins so, or the key is no letter. */
  key(key: string, rows: TreeRows, at: number, now: number): number | null {
    if (!LETTER.test(key)) return null
    this.#word = now - this.#lastAt > WORD_MS ? key.toLowerCase() : this.#word + key.toLowerCase()
    this.#lastAt = now
    // The same letter again and again steps from one to the next.
    const same = this.#word.split('').every((letter) => letter === this.#word[0])
    const sought = same ? (this.#word[0] ?? '') : this.#word
    const from = same ? 1 : 0
    const steps = Math.min(rows.count, MOST_LOOKED_AT)
    for (let step = from; step < from + steps; step++) {
      const index = (at + step) % rows.count
      const row = rows.at(index)
      if (row?.kind === 'stream' && row.stream.name.toLowerCase().startsWith(sought)) return index
    }
    return null
  }
}
