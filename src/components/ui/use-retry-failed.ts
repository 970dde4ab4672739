import { type Query, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useItxStatus } from '../../itx/react/hooks.ts'

const hasFailed = ({ state }: Query) => state.error !== null

/** Asks again for everything on the page that could not be had. */
export function useRetryFailed(): { readonly retry: () => void; readonly busy: boolean } {
  const queryClient = useQueryClient()
  const [busy, setBusy] = useState(false)
  const retry = () => {
    setBusy(true)
    // What fails again says so at its own place.
    void queryClient.refetchQueries({ type: 'active', predicate: hasFailed }).finally(() => setBusy(false))
  }
  return { retry, busy }
}

/** Calls when the connection, after it was gone, is there again. */
export function useOnReturn(act: () => void): void {
  const isConnected = useItxStatus().state === 'connected'
  const before = useRef(isConnected)
  const latest = useRef(act)
  useEffect(() => {
    latest.current = act
  })
  useEffect(() => {
    if (isConnected && !before.current) latest.current()
    before.current = isConnected
  }, [isConnected])
}

/**
 * What failed while the server was away is asked for again when it is back, on every page. When the session ends all is
 * asked for once more: it is refused here, without the server, and each part of the page says that it is not live.
 */
export function Recovery(): null {
  const queryClient = useQueryClient()
  const isSignedOut = useItxStatus().state === 'signed-out'
  useOnReturn(() => void queryClient.refetchQueries({ type: 'active', predicate: hasFailed }))
  useEffect(() => {
    if (isSignedOut) void queryClient.refetchQueries({ type: 'active' })
  }, [queryClient, isSignedOut])
  return null
}
