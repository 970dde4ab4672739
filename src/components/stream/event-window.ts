import type { EncodedEvent } from '../../streams/event.ts'

/** Rows a view holds at its live end. */
export const LIVE_ROWS = 500
/** Older rows it may hold beside them: the page stays bounded however long somebody looks. */
export const OLDER_ROWS = 1000

/**
 * What of a stream is on the screen: a gapless run of events, oldest first. While it follows, its end is the stream's;
 * while it is held, nothing in it moves.
 */
export interface EventWindow {
  readonly rows: readonly EncodedEvent[]
  readonly following: boolean
  /** Held by the Pause button: only the same button, or a jump, lets it follow again. */
  readonly paused: boolean
  /** How many rows were loaded by going back. */
  readonly older: number
  /** The tail's events that were taken last. */
  readonly seen: readonly EncodedEvent[]
}

export function openWindow(tail: readonly EncodedEvent[]): EventWindow {
  return { rows: tail, following: true, paused: false, older: 0, seen: tail }
}

/** The offset of the last row; 0 without one. */
export function lastShown(window: EventWindow): number {
  return window.rows.at(-1)?.offset ?? 0
}

/** Whether the tail goes on where the rows end, so that following again leaves nothing out. */
export function joins(window: EventWindow, tail: readonly EncodedEvent[]): boolean {
  const first = tail[0]?.offset
  return first === undefined || window.rows.length === 0 || first <= lastShown(window) + 1
}

/**
 * Takes what the tail has now. A window that is held stays as it is, unless the tail is of another life of the stream:
 * then what is shown is gone.
 */
export function takeTail(window: EventWindow, tail: readonly EncodedEvent[]): EventWindow {
  if (window.seen === tail) return window
  const newest = tail.at(-1)?.offset ?? 0
  const restarted = newest < lastShown(window)
  if (restarted) return { ...openWindow(tail), paused: window.paused, following: window.following }
  // A view of nothing cannot be lost by showing something; it is held with its first rows.
  if (!window.following && window.rows.length > 0) return { ...window, seen: tail }
  return join(window, tail)
}

/** Follows the end (again). Rows that lie before a gap are dropped: a window is one run. */
export function follow(window: EventWindow, tail: readonly EncodedEvent[]): EventWindow {
  return join({ ...window, following: true, paused: false }, tail)
}

/** Holds what is shown. */
export function hold(window: EventWindow, paused = false): EventWindow {
  if (!window.following && window.paused === paused) return window
  return { ...window, following: false, paused: window.paused || paused }
}

/**
 * Puts an older page in front of the rows. Beyond the bound the other end goes, where the window is held; its way back
 * is to follow.
 *
 * @param page newest first, as it is read
 */
export function prependOlder(window: EventWindow, page: readonly EncodedEvent[]): EventWindow {
  const first = window.rows[0]?.offset
  // The answer to a question that was asked of another window.
  if (page.length === 0 || page[0]?.offset !== (first ?? 0) - 1) return window
  const older = Math.min(window.older + page.length, OLDER_ROWS)
  const rows = [...page.toReversed(), ...window.rows]
  const most = LIVE_ROWS + OLDER_ROWS
  return { ...window, older, rows: window.following ? rows.slice(-most) : rows.slice(0, most) }
}

function join(window: EventWindow, tail: readonly EncodedEvent[]): EventWindow {
  if (!joins(window, tail)) return { ...window, rows: tail, older: 0, seen: tail }
  const last = lastShown(window)
  const rows = [...window.rows, ...tail.filter((event) => event.offset > last)].slice(-(LIVE_ROWS + window.older))
  return { ...window, rows, seen: tail }
}
