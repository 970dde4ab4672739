import { type Branch, type Found, branchOf } from './tree-branch.ts'
import { type Stream, type TreeShape, ROOT, childTowards, courseBelow, totalOf, unknownStream } from './tree-shape.ts'

interface RowBase {
  /** Tells the row from all others of the tree. */
  readonly key: string
  /** Null for the root. */
  readonly parent: string | null
  /** From 1. */
  readonly level: number
  /**
   * The lines beside the row, one character for each level above it and the last for its own: `0` none goes on below,
   * `1` one goes on, `2` one that leads to the open stream.
   */
  readonly rails: string
}

interface Placed extends RowBase {
  /** Its place among its siblings, from 0; null while nobody knows. */
  readonly place: number | null
  readonly setSize: number
}

export interface StreamRow extends Placed {
  readonly kind: 'stream'
  readonly stream: Stream
  /** Null for one without children. */
  readonly expanded: boolean | null
  /** It is the open stream, or above it. */
  readonly onCourse: boolean
}

/** A stream whose page is not loaded yet, or could not be. */
export interface PendingRow extends Placed {
  readonly kind: 'pending'
  readonly error: Error | null
}

/** Why the children of a stream are not known. It takes up several rows: the others only keep the place. */
export interface FailedRow extends RowBase {
  readonly kind: 'failed'
  readonly error: Error
  /** 0 is the row that is shown. */
  readonly part: number
}

/** Where the name of a new stream is typed. */
export interface DraftRow extends RowBase {
  readonly kind: 'draft'
}

export type TreeRow = StreamRow | PendingRow | FailedRow | DraftRow

/**
 * The rows of a tree by their index, without ever making them all: an index leads to its row, and a path to its index, by
 * way of the streams that are open, whatever the number of siblings.
 *
 * Invariant: `at(indexOf(path))` is the row of that path.
 */
export class TreeRows {
  readonly count: number
  readonly #shape: TreeShape
  readonly #top: Branch | null

  constructor(shape: TreeShape) {
    this.#shape = shape
    this.#top = branchOf(shape, ROOT, 0)
    this.count = 1 + (this.#top?.size ?? 0)
  }

  at(index: number): TreeRow | null {
    if (index < 0 || index >= this.count) return null
    let branch = this.#top
    if (index === 0 || !branch) return this.#root()
    let slot = index - 1
    let rails = ''
    for (let level = 2; ; level++) {
      const found: Found = branch.find(slot)
      if (found.below === null) return this.#row(branch, found, level, rails)
      rails += found.rail
      branch = found.below
      slot = found.slot
    }
  }

  /** The index of a stream's row; -1 when there is none, or where it stands is not known. */
  indexOf(path: string): number {
    if (path === ROOT) return 0
    let index = 1
    for (let branch = this.#top; branch;) {
      const child = childTowards(branch.path, path)
      const slot = child === null ? -1 : branch.slotOf(child)
      if (child === null || slot < 0) return -1
      index += slot
      if (child === path) return index
      index++
      branch = branch.belowOf(child)
    }
    return -1
  }

  /** The index of the child of a stream that has a certain place; -1 when there is none. */
  indexOfPlace(parent: string, place: number): number {
    const above = this.indexOf(parent)
    const branch = above < 0 ? null : this.#branch(parent)
    const slot = branch?.slotOfPlace(place) ?? -1
    return slot < 0 ? -1 : above + 1 + slot
  }

  #branch(path: string): Branch | null {
    let branch = this.#top
    while (branch && branch.path !== path) {
      const child = childTowards(branch.path, path)
      branch = child === null ? null : branch.belowOf(child)
    }
    return branch
  }

  #root(): StreamRow {
    const stream = this.#shape.stream(ROOT) ?? unknownStream(ROOT)
    return {
      kind: 'stream',
      key: ROOT,
      parent: null,
      level: 1,
      rails: '',
      place: 0,
      setSize: 1,
      stream,
      expanded: this.#expanded(stream),
      onCourse: this.#shape.course.includes(ROOT),
    }
  }

  #row(branch: Branch, found: Extract<Found, { below: null }>, level: number, above: string): TreeRow {
    const base = { parent: branch.path, level, rails: above + found.rail }
    const { what } = found
    if (what === 'draft') return { kind: 'draft', key: `${branch.path} new`, ...base }
    if (what === 'failed') {
      return {
        kind: 'failed',
        key: `${branch.path} failed ${found.part}`,
        error: found.error,
        part: found.part,
        ...base,
      }
    }
    const { stream, place } = found
    const placed = { ...base, place, setSize: branch.setSize }
    if (stream === null) {
      return { kind: 'pending', key: `${branch.path} ${place ?? ''}`, error: branch.failureAt(place ?? 0), ...placed }
    }
    const onCourse = stream.path === branch.courseChild
    return { kind: 'stream', key: stream.path, stream, expanded: this.#expanded(stream), onCourse, ...placed }
  }

  #expanded({ path, childCount }: Stream): boolean | null {
    const isOpen = this.#shape.isOpen(path)
    const level = isOpen ? this.#shape.level(path) : null
    // Of an open one that nothing is known of yet there may be children.
    const known = level ? (totalOf(level, this.#shape.stream(path)) ?? 1) : childCount
    const some =
      known > 0 || level?.failed.has(0) || courseBelow(this.#shape, path) !== null || this.#shape.draft === path
    return some ? isOpen : null
  }
}
