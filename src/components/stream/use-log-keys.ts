import { useEffect, useState } from 'react'
import type { EncodedEvent } from '../../streams/event.ts'
import { useShortcut } from '../shortcuts/use-shortcuts.ts'
import type { LiveWindow } from './use-event-window.ts'

/** How long something that was done is said. */
const SAID_MS = 2500

interface LogKeys {
  readonly live: LiveWindow
  /** Follows the end again. */
  readonly jump: () => void
  readonly rows: readonly EncodedEvent[]
  readonly open: ReadonlySet<number>
  /** The row that Tab reaches. */
  readonly tabStop: number | undefined
  /** Opens one event, and no other. */
  readonly show: (offset: number) => void
}

/** The keys of a log: they hold it, step through its events, and copy a link. Answers what was done last, in words. */
export function useLogKeys({ live, jump, rows, open, tabStop, show }: LogKeys): { readonly said: string } {
  const [said, setSaid] = useState('')
  useEffect(() => {
    if (said === '') return
    const timer = setTimeout(() => setSaid(''), SAID_MS)
    return () => clearTimeout(timer)
  }, [said])
  const { paused } = live.window
  useShortcut('space', paused ? 'Resume the log' : 'Pause the log', paused ? jump : live.pause)
  const step = (by: number) => {
    const at = rows.findIndex(({ offset }) => offset === tabStop)
    // The first press opens where one stands; the next goes on from there.
    const next = rows[tabStop !== undefined && open.has(tabStop) ? at + by : at]
    if (next) show(next.offset)
  }
  useShortcut('j', 'Open the next event', () => step(1))
  useShortcut('k', 'Open the event before', () => step(-1))
  useShortcut('y', 'Copy a link to the open event, or to the stream', () => {
    const offset = tabStop !== undefined && open.has(tabStop) ? tabStop : [...open].at(-1)
    const { origin, pathname } = window.location
    const link = `${origin}${pathname}${offset === undefined ? '' : `?at=${offset}`}`
    const what = offset === undefined ? 'the stream' : `offset ${offset}`
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
