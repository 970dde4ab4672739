import { useCallback, useState } from 'react'
import type { TailSnapshot } from '../../itx/client/stream-tail.ts'
import { useItxConnection } from '../../itx/react/provider.ts'
import { type EventWindow, follow, hold, joins, lastShown, openWindow, prependOlder, takeTail } from './event-window.ts'

/** Events that going back brings at a time. */
const OLDER_PAGE = 100

export interface LiveWindow {
  readonly window: EventWindow
  /** Events of the stream after the last row. */
  readonly newer: number
  /** Whether there are events before the first row. */
  readonly hasOlder: boolean
  /** The view reached its end by itself: it follows again, unless it is paused or something lies in between. */
  reachEnd(): void
  jumpToEnd(): void
  holdHere(): void
  pause(): void
  readonly loadingOlder: boolean
  readonly olderError: unknown
  loadOlder(): Promise<void>
}

/** The window of a view on a stream's tail. */
export function useEventWindow(projectId: string, path: string, tail: TailSnapshot): LiveWindow {
  const connection = useItxConnection()
  const [held, setHeld] = useState(() => openWindow(tail.events))
  const [loadingOlder, setLoadingOlder] = useState(false)
  const [olderError, setOlderError] = useState<unknown>(null)
  const window = takeTail(held, tail.events)
  // Derived while rendering, so that no frame shows rows that the tail has already left behind.
  if (window !== held) setHeld(window)
  // The same function for good: rows are told apart by it.
  const holdHere = useCallback(() => setHeld((now) => hold(now)), [])
  const first = window.rows[0]?.offset
  const loadOlder = async () => {
    if (first === undefined || connection === null) return
    setLoadingOlder(true)
    setOlderError(null)
    try {
      using handle = await connection.project(projectId)
      using stream = handle.streams.get(path)
      const page = await stream.read({ before: first, order: 'desc', limit: OLDER_PAGE })
      setHeld((now) => prependOlder(now, page.events))
    } catch (error) {
      setOlderError(error)
    } finally {
      setLoadingOlder(false)
    }
  }
  return {
    window,
    newer: window.following ? 0 : Math.max(0, tail.maxOffset - lastShown(window)),
    hasOlder: first !== undefined && first > (tail.state?.firstOffset ?? 1),
    reachEnd: () =>
      setHeld((now) => (now.following || now.paused || !joins(now, tail.events) ? now : follow(now, tail.events))),
    jumpToEnd: () => setHeld((now) => follow(now, tail.events)),
    holdHere,
    pause: () => setHeld((now) => hold(now, true)),
    loadingOlder,
    olderError,
    loadOlder,
  }
}
