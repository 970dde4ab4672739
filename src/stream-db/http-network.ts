import { pause } from '../itx/client/retry.ts'

/**
 * Tells when the browser says that its network has gone or come back; answers what ends it. Hints, no more: whether a
 * server can be reached only a request can tell. Programs outside of a browser hear nothing.
 */
export function whenNetworkIs(state: 'online' | 'offline', tell: () => void): () => void {
  if (typeof globalThis.addEventListener !== 'function') return () => undefined
  globalThis.addEventListener(state, tell)
  return () => globalThis.removeEventListener(state, tell)
}

/** Waits, but not longer than until the network is back. Resolves with whether it was that. */
export async function pauseUntilOnline(ms: number, signal: AbortSignal): Promise<boolean> {
  const back = new AbortController()
  const leave = whenNetworkIs('online', () => back.abort())
  await pause(ms, AbortSignal.any([signal, back.signal]))
  leave()
  return back.signal.aborted
}
