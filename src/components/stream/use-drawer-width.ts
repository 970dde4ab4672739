import { useCallback, useSyncExternalStore } from 'react'

/** In pixels. */
export const DRAWER_WIDTH = { least: 288, usual: 416, most: 960 } as const

/**
 * How wide the reader has made the event drawer, in all tabs and for the next visit. Undefined on the server and where
 * nobody has moved it: it is as wide as the styles say then.
 */
export function useDrawerWidth(): readonly [number | undefined, (width: number, keep: boolean) => void] {
  const width = useSyncExternalStore(subscribe, current, () => undefined)
  const change = useCallback((next: number, keep: boolean) => {
    chosen = next
    if (keep) remember(next)
    for (const listener of listeners) listener()
  }, [])
  return [width, change]
}

const KEY = 'tributary-event-drawer'
const listeners = new Set<() => void>()
/** Null until the browser's storage was asked. */
let chosen: number | undefined | null = null

function current(): number | undefined {
  chosen ??= remembered()
  return chosen
}

function remembered(): number | undefined {
  try {
    const width = Number(localStorage.getItem(KEY) ?? Number.NaN)
    return width >= DRAWER_WIDTH.least && width <= DRAWER_WIDTH.most ? width : undefined
  } catch {
    return undefined
  }
}

function remember(width: number): void {
  try {
    localStorage.setItem(KEY, String(width))
  } catch {
    // Forbidden, or full: it lasts as long as the page then.
  }
}

function subscribe(listener: () => void): () => void {
  const elsewhere = (event: StorageEvent) => {
    if (event.key !== KEY) return
    chosen = remembered()
    listener()
  }
  listeners.add(listener)
  window.addEventListener('storage', elsewhere)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('storage', elsewhere)
  }
}
