import { CHILDREN_PAGE } from '../../itx/queries.ts'
import {
  type Level,
  type Stream,
  type TreeShape,
  courseBelow,
  placeOf,
  streamAt,
  totalOf,
  unknownStream,
} from './tree-shape.ts'

/** Rows that a failed level takes up: its reason should be readable. */
export const FAILED_ROWS = 3

/** What stands in a slot of a branch: a row, or a slot of the branch below an open child. */
export type Found =
  | { readonly below: Branch; readonly slot: number; readonly rail: string }
  | { readonly below: null; readonly what: 'draft'; readonly rail: string }
  | {
      readonly below: null
      readonly what: 'failed'
      readonly rail: string
      readonly error: Error
      readonly part: number
    }
  | {
      readonly below: null
      readonly what: 'child'
      readonly rail: string
      readonly stream: Stream | null
      readonly place: number | null
    }

interface OpenChild {
  readonly path: string
  /** Its number among the children that stand in their places. */
  readonly ordinal: number
  /** Where its own row stands, counted from the first of them. */
  readonly slot: number
  readonly below: Branch
}

/**
 * Everything below an open stream, as a row of slots: the draft; the child on the way to the open stream, where it stands
 * on no page that is known ("lifted": shown first, and left out at its place once that is known); then the children in
 * their places, each followed by what is below it, or, when nothing is known of them, why.
 */
export class Branch {
  readonly path: string
  readonly setSize: number
  readonly size: number
  readonly courseChild: string | null
  readonly #level: Level
  readonly #draft: number
  readonly #lifted: { readonly stream: Stream; readonly below: Branch | null } | null
  /** Slots of the lifted child and what is below it. */
  readonly #liftedSize: number
  /** The place of the lifted child, which is left out there. */
  readonly #hole: number | null
  readonly #failure: Error | null
  /** Children that stand in their places. */
  readonly #inPlace: number
  /** In the order of their places. */
  readonly #open: readonly OpenChild[]
  /** The ordinal of the course's child; -1 when it is lifted, or there is none. */
  readonly #courseOrdinal: number

  constructor(shape: TreeShape, path: string, depth: number) {
    this.path = path
    this.#level = shape.level(path)
    const { failed, pages } = this.#level
    this.courseChild = courseBelow(shape, path)
    this.#draft = shape.draft === path ? 1 : 0
    const total = totalOf(this.#level, shape.stream(path))
    this.#failure = pages.size === 0 ? (failed.get(0) ?? null) : null
    const coursePlace = this.courseChild === null ? -1 : placeOf(this.#level, this.courseChild)
    const lift = this.courseChild !== null && (coursePlace < 0 || coursePlace >= CHILDREN_PAGE)
    this.#lifted =
      lift && this.courseChild !== null
        ? {
            stream: shape.stream(this.courseChild) ?? unknownStream(this.courseChild),
            below: branchOf(shape, this.courseChild, depth + 1),
          }
        : null
    this.#liftedSize = this.#lifted ? 1 + (this.#lifted.below?.size ?? 0) : 0
    this.#hole = lift && coursePlace >= 0 ? coursePlace : null
    this.setSize = total ?? 1
    this.#inPlace = this.#failure ? 0 : this.setSize - (this.#hole === null ? 0 : 1)
    this.#courseOrdinal = lift ? -1 : coursePlace
    this.#open = this.#failure ? [] : this.#openChildren(shape, depth)
    const below = this.#open.reduce((sum, { below: { size } }) => sum + size, 0)
    this.size = this.#draft + this.#liftedSize + (this.#failure ? FAILED_ROWS : this.#inPlace + below)
  }

  failureAt(place: number): Error | null {
    return this.#level.failed.get(Math.floor(place / CHILDREN_PAGE)) ?? null
  }

  find(slot: number): Found {
    const some = this.#inPlace > 0 || this.#failure !== null
    if (slot < this.#draft) {
      return { below: null, what: 'draft', rail: this.courseChild === null ? (some ? '1' : '0') : '2' }
    }
    let rest = slot - this.#draft
    if (this.#lifted && rest < this.#liftedSize) {
      const rail = some ? '1' : '0'
      const { stream, below } = this.#lifted
      if (rest === 0 || !below) return { below: null, what: 'child', rail, stream, place: this.#hole }
      return { below, slot: rest - 1, rail }
    }
    rest -= this.#liftedSize
    if (this.#failure) return { below: null, what: 'failed', rail: '0', error: this.#failure, part: rest }
    const open = this.#lastOpenUpTo(rest)
    const past = open ? rest - open.slot : 0
    if (open && past > 0 && past <= open.below.size) {
      return { below: open.below, slot: past - 1, rail: this.#railAfter(open.ordinal) }
    }
    const ordinal = open ? open.ordinal + (past === 0 ? 0 : past - open.below.size) : rest
    const place = ordinal + (this.#hole !== null && ordinal >= this.#hole ? 1 : 0)
    return { below: null, what: 'child', rail: this.#railAfter(ordinal), stream: streamAt(this.#level, place), place }
  }

  slotOf(child: string): number {
    if (this.#lifted?.stream.path === child) return this.#draft
    return this.slotOfPlace(placeOf(this.#level, child))
  }

  slotOfPlace(place: number): number {
    if (place === this.#hole && this.#lifted) return this.#draft
    const ordinal = place - (this.#hole !== null && place > this.#hole ? 1 : 0)
    if (place < 0 || ordinal >= this.#inPlace) return -1
    let slot = ordinal
    for (const each of this.#open) if (each.ordinal < ordinal) slot += each.below.size
    return this.#draft + this.#liftedSize + slot
  }

  belowOf(child: string): Branch | null {
    if (this.#lifted?.stream.path === child) return this.#lifted.below
    return this.#open.find(({ path }) => path === child)?.below ?? null
  }

  #openChildren(shape: TreeShape, depth: number): OpenChild[] {
    const places = shape
      .opened(this.path)
      .filter((path) => path !== this.#lifted?.stream.path)
      .map((path) => ({ path, place: placeOf(this.#level, path) }))
      // Where one stands that is on no known page is not known, and with it all below.
      .filter(({ place }) => place >= 0)
      .toSorted((a, b) => a.place - b.place)
    let before = 0
    return places.flatMap(({ path, place }) => {
      const below = branchOf(shape, path, depth + 1)
      const ordinal = place - (this.#hole !== null && place > this.#hole ? 1 : 0)
      if (!below || ordinal >= this.#inPlace) return []
      const slot = ordinal + before
      before += below.size
      return [{ path, ordinal, slot, below }]
    })
  }

  #lastOpenUpTo(slot: number): OpenChild | null {
    let low = 0
    let high = this.#open.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#open[middle]?.slot ?? Infinity) <= slot) low = middle + 1
      else high = middle
    }
    return this.#open[low - 1] ?? null
  }

  #railAfter(ordinal: number): string {
    if (this.#courseOrdinal > ordinal) return '2'
    return ordinal < this.#inPlace - 1 ? '1' : '0'
  }
}

/** A path has at most 32 levels: whoever says otherwise is not followed. */
const DEEPEST = 40

export function branchOf(shape: TreeShape, path: string, depth: number): Branch | null {
  if (!shape.isOpen(path) || depth > DEEPEST) return null
  const branch = new Branch(shape, path, depth)
  return branch.size === 0 ? null : branch
}
