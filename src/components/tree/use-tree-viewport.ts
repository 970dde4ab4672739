import { type RefObject, useCallback, useLayoutEffect, useRef, useState } from 'react'
import type { TreeRow, TreeRows } from './tree-rows.ts'
import { scrollLeftToShow } from './tree-indent.ts'
import { TALLEST, type Viewport, scrollTopFor, scrollTopToShow, topRow } from './tree-window.ts'

/** Rows that are looked through, from the top of the view, for one that is still there after a change. */
const ANCHORS = 40

/** Rows that the server renders, at most, and with them the first paint. */
export const FIRST_ROWS = 50

export interface TreeViewport {
  /** What scrolls. */
  readonly scroller: RefObject<HTMLDivElement | null>
  /** As high as a row. */
  readonly probe: RefObject<HTMLSpanElement | null>
  /** Null until the browser has taken over: the rows stand one below the other then, as the server rendered them. */
  readonly viewport: Viewport | null
  /** Scrolls as far as is needed to have a row in sight. */
  readonly show: (index: number) => void
  /** How many rows are seen at once. */
  readonly seen: () => number
}

/**
 * What of the tree is in sight. When rows come or go above, what is seen stays where it is.
 *
 * @param current the index of the open stream's row: where it is in the first paint, it stays
 */
export function useTreeViewport(rows: TreeRows, current: number): TreeViewport {
  const scroller = useRef<HTMLDivElement>(null)
  const probe = useRef<HTMLSpanElement>(null)
  const [viewport, setViewport] = useState<Viewport | null>(null)
  const shown = useRef(rows)
  const begun = useRef(false)
  /** What was last scrolled to: a list that has become shorter has the browser scroll by itself. */
  const scrolled = useRef(0)

  const look = useCallback(() => {
    const now = scroller.current
    // A drawer that is closed has no height: what it showed is kept.
    if (!now || now.clientHeight === 0) return
    const rowHeight = probe.current?.getBoundingClientRect().height ?? 0
    if (rowHeight <= 0) return
    scrolled.current = now.scrollTop
    const next = { scrollTop: now.scrollTop, height: now.clientHeight, rowHeight }
    setViewport((before) => (before && isNear(before, next, shown.current.count) ? before : next))
  }, [])

  useLayoutEffect(() => {
    const observed = scroller.current
    if (!observed) return undefined
    const resized = new ResizeObserver(look)
    for (const each of [observed, probe.current]) if (each) resized.observe(each)
    observed.addEventListener('scroll', look, { passive: true })
    look()
    return () => {
      resized.disconnect()
      observed.removeEventListener('scroll', look)
    }
  }, [look])

  const scrollTo = useCallback(
    (top: number) => {
      if (!scroller.current || Math.abs(scroller.current.scrollTop - top) < 1) return
      scroller.current.scrollTo({ top })
      look()
    },
    [look],
  )

  useLayoutEffect(() => {
    if (!viewport || begun.current || !scroller.current) return
    begun.current = true
    // The open stream's row stays at the height at which it was in the first paint, if that is in sight.
    const { rowHeight, height } = viewport
    const before = firstRows(rows, current).indexOf(current)
    const below = (before + 1) * rowHeight <= height ? before * rowHeight : height / 2
    if (current > before) scrollTo(scrollTopFor(rows.count, current, below, viewport))
  }, [viewport, rows, current, scrollTo])

  useLayoutEffect(() => {
    const before = shown.current
    shown.current = rows
    if (before === rows || !viewport || !scroller.current) return
    const now = scroller.current
    const isAtEnd = now.scrollTop + now.clientHeight >= now.scrollHeight - 1
    const was = { ...viewport, scrollTop: isAtEnd ? Math.max(now.scrollTop, scrolled.current) : now.scrollTop }
    const top = topRow(before.count, was)
    if (top.index === 0) return
    for (let down = 0; down < ANCHORS; down++) {
      const index = indexIn(rows, before.at(top.index + down))
      if (index < 0) continue
      return scrollTo(scrollTopFor(rows.count, index, down * was.rowHeight - top.hidden, was))
    }
  }, [rows, viewport, scrollTo])

  const show = useCallback(
    (index: number) => {
      const now = scroller.current
      const rowHeight = probe.current?.getBoundingClientRect().height ?? 0
      if (!now || rowHeight <= 0 || now.clientHeight === 0) return
      const at = { scrollTop: now.scrollTop, height: now.clientHeight, rowHeight }
      scrollTo(scrollTopToShow(shown.current.count, index, at))
      const level = shown.current.at(index)?.level ?? 1
      const left = scrollLeftToShow(level, { scrollLeft: now.scrollLeft, width: now.clientWidth })
      if (left !== now.scrollLeft) now.scrollTo({ left })
    },
    [scrollTo],
  )
  const seen = useCallback(() => Math.floor((viewport?.height ?? 0) / (viewport?.rowHeight ?? 1)), [viewport])
  return { scroller, probe, viewport, show, seen }
}

/** Whether both show the same rows: a step of less than four rows is covered by those beyond the edges. */
function isNear(before: Viewport, next: Viewport, count: number): boolean {
  if (before.height !== next.height || before.rowHeight !== next.rowHeight) return false
  if (before.scrollTop === next.scrollTop) return true
  // Of a list that is scrolled through in proportion each row moves with each step.
  if (count * next.rowHeight > TALLEST) return false
  const step = 4 * next.rowHeight
  return Math.floor(before.scrollTop / step) === Math.floor(next.scrollTop / step)
}

function indexIn(rows: TreeRows, row: TreeRow | null): number {
  return row?.kind === 'stream' ? rows.indexOf(row.stream.path) : -1
}

/**
 * The rows of the first paint: from the top, or where the open stream is far down, from a little above it, with the
 * streams above it before them.
 */
export function firstRows(rows: TreeRows, current: number): number[] {
  const start = current < FIRST_ROWS / 2 ? 0 : current - FIRST_ROWS / 5
  const above: number[] = []
  for (let parent = rows.at(current)?.parent ?? null; parent !== null;) {
    const index = rows.indexOf(parent)
    if (index >= 0 && index < start) above.unshift(index)
    parent = rows.at(index)?.parent ?? null
  }
  const rest = Math.min(rows.count - start, FIRST_ROWS - above.length)
  return [...above, ...Array.from({ length: Math.max(0, rest) }, (_, at) => start + at)]
}
