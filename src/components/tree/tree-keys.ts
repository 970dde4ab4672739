import type { KeyboardEvent } from 'react'

/** Rows carry this: the path of their stream, or a name of their own for rows that are no stream. */
export const ROW = 'data-row'

/**
 * The keys of a tree (WAI-ARIA, tree view): up, down, Home, End; right opens, then goes in; left closes, then goes out;
 * a letter goes to the next row that begins with it. Enter is the link's own.
 *
 * @param toggle opens or closes the stream of a row
 */
export function onTreeKey(event: KeyboardEvent<HTMLElement>, toggle: (path: string, open: boolean) => void): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="treeitem"]')]
  const at = rows.findIndex((row) => row === document.activeElement)
  const row = rows[at]
  if (!row) return
  const target = destination(event.key, rows, at, row, toggle)
  if (target === 'not-ours') return
  event.preventDefault()
  target?.focus()
}

function destination(
  key: string,
  rows: readonly HTMLElement[],
  at: number,
  row: HTMLElement,
  toggle: (path: string, open: boolean) => void,
): HTMLElement | undefined | 'not-ours' {
  const path = row.getAttribute(ROW) ?? ''
  const expanded = row.getAttribute('aria-expanded')
  switch (key) {
    case 'ArrowDown':
      return rows[at + 1]
    case 'ArrowUp':
      return rows[at - 1]
    case 'Home':
      return rows[0]
    case 'End':
      return rows.at(-1)
    case 'ArrowRight':
      if (expanded === 'true') return levelOf(rows[at + 1]) > levelOf(row) ? rows[at + 1] : undefined
      if (expanded === 'false') toggle(path, true)
      return undefined
    case 'ArrowLeft':
      if (expanded !== 'true') return rows.slice(0, at).findLast((other) => levelOf(other) < levelOf(row))
      toggle(path, false)
      return undefined
    case ' ':
      row.click()
      return undefined
    default:
      return key.length === 1 ? nextWith(key, rows, at) : 'not-ours'
  }
}

function levelOf(row: HTMLElement | undefined): number {
  return Number(row?.getAttribute('aria-level') ?? 0)
}

function nextWith(letter: string, rows: readonly HTMLElement[], at: number): HTMLElement | undefined {
  const begins = (row: HTMLElement) =>
    (row.getAttribute('aria-label') ?? row.textContent).trim().toLowerCase().startsWith(letter.toLowerCase())
  return [...rows.slice(at + 1), ...rows.slice(0, at)].find(begins)
}
