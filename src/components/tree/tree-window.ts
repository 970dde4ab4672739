/** What a list of rows of one height is looked at through. Lengths are in pixels. */
export interface Viewport {
  readonly scrollTop: number
  readonly height: number
  readonly rowHeight: number
}

export interface Window {
  /** The first row that is rendered. */
  readonly first: number
  /** The row after the last that is rendered. */
  readonly end: number
  /** The height of the element that scrolls by. */
  readonly tall: number
  /** Where a row stands in it. */
  top(index: number): number
}

/** Browsers cap an element: Firefox near 17.9 million pixels, Chromium at 33.5 million. */
export const TALLEST = 15_000_000
/** Rows that are rendered beyond either edge. */
const OVERSCAN = 12

/**
 * Which of `count` rows are rendered. Where they are too many for one element, the element stays below the cap and is
 * scrolled through in proportion: each step of the wheel goes further, and every row is still reached.
 */
export function windowOf(count: number, { scrollTop, height, rowHeight }: Viewport): Window {
  const all = count * rowHeight
  const tall = Math.min(all, Math.max(TALLEST, height))
  const at = toList(scrollTop, all, tall, height)
  const shift = clamp(scrollTop, 0, tall - height) - at
  const first = Math.max(0, Math.floor(at / rowHeight) - OVERSCAN)
  const end = Math.min(count, Math.ceil((at + height) / rowHeight) + OVERSCAN)
  return { first: Math.min(first, end), end, tall, top: (index) => index * rowHeight + shift }
}

/** The first row of which something is seen, and how far it is scrolled out at the top. */
export function topRow(count: number, viewport: Viewport): { readonly index: number; readonly hidden: number } {
  const { rowHeight, height, scrollTop } = viewport
  const all = count * rowHeight
  const at = toList(scrollTop, all, Math.min(all, Math.max(TALLEST, height)), height)
  const index = Math.floor(at / rowHeight)
  return { index, hidden: at - index * rowHeight }
}

/** Where to scroll to, for a row to stand so far below the upper edge. */
export function scrollTopFor(count: number, index: number, below: number, { height, rowHeight }: Viewport): number {
  const all = count * rowHeight
  const tall = Math.min(all, Math.max(TALLEST, height))
  const at = clamp(index * rowHeight - below, 0, all - height)
  if (all <= tall) return at
  return (at / Math.max(1, all - height)) * (tall - height)
}

/** Where to scroll to, for a row to be in sight; as it is when it is already. */
export function scrollTopToShow(count: number, index: number, viewport: Viewport): number {
  const { height, rowHeight, scrollTop } = viewport
  const { index: top, hidden } = topRow(count, viewport)
  const at = (index - top) * rowHeight - hidden
  if (at < 0) return scrollTopFor(count, index, 0, viewport)
  if (at + rowHeight <= height) return scrollTop
  return scrollTopFor(count, index, Math.max(0, height - rowHeight), viewport)
}

/** Pixels of the whole list above the upper edge. */
function toList(scrollTop: number, all: number, tall: number, height: number): number {
  const at = clamp(scrollTop, 0, tall - height)
  if (all <= tall) return at
  return (at / Math.max(1, tall - height)) * (all - height)
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(value, high))
}
