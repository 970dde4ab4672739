import { useLocation } from '@tanstack/react-router'
import { useEffect, useState, useSyncExternalStore } from 'react'
import type { ConnectionStatus } from '../../itx/client/connection.ts'
import { useItxStatus } from '../../itx/react/hooks.ts'
import { PauseIcon } from '../ui/icons.tsx'

interface ConnectionStateProps {
  /** The reader has paused what the page shows. */
  readonly isPaused: boolean
}

/** Whether the page is live, and why not: said politely when it changes, counted down for the eye alone. */
export function ConnectionState({ isPaused }: ConnectionStateProps) {
  const status = useItxStatus()
  const here = useLocation({ select: (location) => location.href })
  const isOnline = useSyncExternalStore(
    watchNetwork,
    () => navigator.onLine,
    () => true,
  )
  const standsStill = isPaused && status.state === 'connected'
  const seconds = useSecondsUntil(isOnline ? status.retryAt : undefined)
  const isOut = status.state === 'signed-out'
  return (
    <div role="status" className="flex min-h-6 items-center gap-2 text-small whitespace-nowrap">
      {standsStill ? <PauseIcon className="scale-75 text-warn" /> : <Dot state={status.state} />}
      <span
        // Where there is room for one of both, the link says enough.
        className={`${isOut ? 'max-sm:sr-only' : ''} ${
          !standsStill && (status.state === 'connected' || status.state === 'idle') ? 'text-soft' : 'text-warn'
        }`}
      >
        {standsStill ? 'Paused' : isOnline || status.state === 'connected' ? words(status) : 'Offline'}
        {seconds !== null && (
          <span aria-hidden="true" className="max-sm:hidden">
            {' '}
            in {seconds} s
          </span>
        )}
      </span>
      {isOut && (
        <a
          href={status.reason === 'access changed' ? here : `/sign-in?redirect=${encodeURIComponent(here)}`}
          className="link"
        >
          {status.reason === 'access changed' ? 'Reload' : 'Sign in'}
        </a>
      )}
    </div>
  )
}

/** What the browser knows of its own network; whether the server can be reached is another matter. */
function watchNetwork(changed: () => void): () => void {
  window.addEventListener('online', changed)
  window.addEventListener('offline', changed)
  return () => {
    window.removeEventListener('online', changed)
    window.removeEventListener('offline', changed)
  }
}

function words({ state, reason }: ConnectionStatus): string {
  switch (state) {
    case 'idle':
      return ''
    case 'connecting':
      return 'Connecting'
    case 'connected':
      return 'Live'
    case 'reconnecting':
      return 'Reconnecting'
    case 'signed-out':
      return reason === 'access changed' ? 'Access changed' : 'Signed out'
  }
}

/** Told apart by shape as well as by colour. */
function Dot({ state }: { readonly state: ConnectionStatus['state'] }) {
  if (state === 'idle') return null
  if (state === 'connected')
    return <span aria-hidden="true" className="size-2 forced-color-adjust-none rounded-full bg-accent" />
  if (state === 'signed-out') return <span aria-hidden="true" className="h-0.5 w-2 forced-color-adjust-none bg-warn" />
  return <span aria-hidden="true" className="size-2 rounded-full border-2 border-warn" />
}

/** Whole seconds until a moment; null when there is none or it has passed. */
function useSecondsUntil(moment: number | undefined): number | null {
  const [now, setNow] = useState<number | null>(null)
  useEffect(() => {
    if (moment === undefined) return
    const tick = () => setNow(Date.now())
    const first = setTimeout(tick)
    const timer = setInterval(tick, 250)
    return () => {
      clearTimeout(first)
      clearInterval(timer)
      setNow(null)
    }
  }, [moment])
  if (moment === undefined || now === null || now >= moment) return null
  return Math.ceil((moment - now) / 1000)
}
