import { useSyncExternalStore } from 'react'

/** Whether the browser has taken over: false on the server and in the first render, which must be the same. */
export function useHydrated(): boolean {
  return useSyncExternalStore(
    never,
    () => true,
    () => false,
  )
}

function never(): () => void {
  return () => {}
}
