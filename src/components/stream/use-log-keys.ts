import { useEffect, useState } from 'react'
import { useShortcut } from '../shortcuts/use-shortcuts.ts'
import type { LiveWindow } from './use-event-window.ts'

/** How long something that was done is said. */
const SAID_MS = 2500

interface LogKeys {
  readonly live: LiveWindow
  /** Follows the end again. */
  readonly jump: () => void
  /** The offset of the open event. */
  readonly at: number | undefined
  /** The offsets of the first and the last event there is. */
  readonly first: number
  readonly last: number
  /** The row that Tab reaches. */
  readonly tabStop: number | undefined
  /** Opens an event. */
  readonly show: (offset: number) => void
}

/** The keys of a log: they hold it, step through its events, and copy a link. Answers what was done last, in words. */
export function useLogKeys({ live, jump, at, first, last, tabStop, show }: LogKeys): { readonly said: string } {
  const [said, setSaid] = useState('')
  useEffect(() => {
    if (said === '') return
    const timer = setTimeout(() => setSaid(''), SAID_MS)
    return () => clearTimeout(timer)
  }, [said])
  const { paused } = live.window
  useShortcut('space', paused ? 'Resume the log' : 'Pause the log', paused ? jump : live.pause)
  const step = (by: number) => {
    // The first press opens where one stands; the next goes on from there.
    if (at === undefined) {
      if (tabStop !== undefined) show(tabStop)
      return
    }
    const next = Math.min(Math.max(at + by, first), last)
    if (next !== at) show(next)
  }
  useShortcut('j', 'Open the next event', () => step(1))
  useShortcut('k', 'Open the previous event', () => step(-1))
  useShortcut('y', 'Copy a link to the open event, or to the stream', () => {
    const { origin, pathname } = window.location
    const link = `${origin}${pathname}${at === undefined ? '' : `?at=${at}`}`
    const what = at === undefined ? 'the stream' : `offset ${at}`
    // Without permission, or in a page that is not served securely, there is no clipboard.
    Promise.resolve()
      .then(() => navigator.clipboard.writeText(link))
      .then(
        () => setSaid(`Copied a link to ${what}`),
        () => setSaid('The browser does not let this page copy'),
      )
  })
  return { said }
}
