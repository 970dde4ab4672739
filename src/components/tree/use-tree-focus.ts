import { type FocusEvent, type RefObject, useCallback, useLayoutEffect, useRef, useState } from 'react'
import { ROW } from './row-key.ts'
import type { TreeRow, TreeRows } from './tree-rows.ts'

/** Where the focus is: a stream by its path, another row by its place; and the index, for when neither is there any more. */
interface Focused {
  readonly path: string | null
  readonly parent: string | null
  readonly place: number | null
  readonly index: number
}

export interface TreeFocus {
  /** The row that Tab reaches, and that has the focus when the tree has it. */
  readonly index: number
  /** Has the row at an index have the focus from the next drawing on. */
  readonly go: (index: number) => void
  /** Has the row of a stream be the one that Tab reaches; with `focus` it is focused as soon as there is one. */
  readonly point: (path: string, focus?: boolean) => void
  /** To be called for the tree. */
  readonly onFocus: (event: FocusEvent<HTMLElement>) => void
  readonly onBlur: (event: FocusEvent<HTMLElement>) => void
}

/**
 * One row of the tree has the focus, and keeps it while rows come and go, are loaded, or are drawn anew elsewhere. When
 * its stream vanishes, the row that takes its place has it.
 *
 * @param open the open stream: its row has it at first, and whenever another is opened
 */
export function useTreeFocus(tree: RefObject<HTMLElement | null>, rows: TreeRows, open: string | null): TreeFocus {
  const [focused, setFocused] = useState<Focused | null>(null)
  const [shown, setShown] = useState(open)
  if (shown !== open) {
    setShown(open)
    setFocused(null)
  }
  const current = rows.indexOf(open ?? '/')
  const isInside = useRef(false)
  const wanted = useRef(false)
  const known = focused ? find(rows, focused) : current
  const index = Math.max(0, Math.min(known, rows.count - 1))

  const set = useCallback((row: TreeRow | null, at: number) => {
    if (!row) return
    const path = row.kind === 'stream' ? row.stream.path : null
    const place = row.kind === 'stream' || row.kind === 'pending' ? row.place : null
    setFocused({ path, parent: row.parent, place, index: at })
  }, [])

  useLayoutEffect(() => {
    const list = tree.current
    if (!list || (!wanted.current && !isInside.current)) return
    // The one it is for is on its way.
    if (wanted.current && known < 0) return
    // Something in a row has it: the name of a new stream is being typed.
    if (!wanted.current && list.contains(document.activeElement)) return
    // Gone to another part of the page without a word: a click on nothing leaves it with the body.
    if (!wanted.current && document.activeElement !== document.body) return
    const key = rows.at(index)?.key
    const element = [...list.querySelectorAll<HTMLElement>(`[${ROW}]`)].find((each) => each.getAttribute(ROW) === key)
    if (!element) return
    wanted.current = false
    // Where a name is typed it is the field that takes the keys.
    ;(element.querySelector('input') ?? element).focus({ preventScroll: true })
  })

  return {
    index,
    go: (to) => {
      wanted.current = true
      set(rows.at(to), to)
    },
    point: (path, andFocus = false) => {
      wanted.current ||= andFocus
      setFocused({ path, parent: null, place: null, index: rows.indexOf(path) })
    },
    onFocus: ({ target }) => {
      isInside.current = true
      const key = target.closest(`[${ROW}]`)?.getAttribute(ROW)
      const at = key === undefined || key === null ? -1 : indexOfKey(rows, key, index)
      if (at >= 0) set(rows.at(at), at)
    },
    onBlur: ({ target, relatedTarget }) => {
      if (relatedTarget instanceof Node && tree.current?.contains(relatedTarget)) return
      // A row that goes away takes the focus with it, and is no more; one that is there has lost it to somebody.
      if (relatedTarget !== null || target.isConnected) isInside.current = false
    },
  }
}

function find(rows: TreeRows, { path, parent, place, index }: Focused): number {
  const byPath = path === null ? -1 : rows.indexOf(path)
  if (byPath >= 0) return byPath
  const byPlace = path === null && parent !== null && place !== null ? rows.indexOfPlace(parent, place) : -1
  return byPlace >= 0 ? byPlace : index
}

/** The row with a key: a path, or a row near the one that had the focus. */
function indexOfKey(rows: TreeRows, key: string, near: number): number {
  const byPath = key.includes(' ') ? -1 : rows.indexOf(key)
  if (byPath >= 0) return byPath
  for (let away = 0; away < NEAR; away++) {
    if (rows.at(near + away)?.key === key) return near + away
    if (rows.at(near - away)?.key === key) return near - away
  }
  return -1
}

const NEAR = 200
