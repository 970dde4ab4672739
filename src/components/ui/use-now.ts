import { useSyncExternalStore } from 'react'

/** "3 minutes ago" need not be more exact than this. */
const TICK_MS = 10_000

let now: number | null = null
let timer: ReturnType<typeof setInterval> | undefined
const listeners = new Set<() => void>()

/** The time, moved on every ten seconds for all who show it; null on the server, in the first render, and if unwanted. */
export function useNow(wanted: boolean): number | null {
  return useSyncExternalStore(wanted ? subscribe : never, wanted ? current : nothing, nothing)
}

function current(): number {
  now ??= Date.now()
  return now
}

function subscribe(changed: () => void): () => void {
  if (listeners.size === 0) {
    // It may have stood still since somebody last looked.
    now = Date.now()
    timer = setInterval(tick, TICK_MS)
    document.addEventListener('visibilitychange', tick)
  }
  listeners.add(changed)
  return () => {
    listeners.delete(changed)
    if (listeners.size > 0) return
    clearInterval(timer)
    document.removeEventListener('visibilitychange', tick)
  }
}

function tick(): void {
  if (document.hidden) return
  now = Date.now()
  for (const changed of listeners) changed()
}

function nothing(): null {
  return null
}

function never(): () => void {
  return () => {}
}
