import type { Fork } from '../core/state.ts'
import { missingEvent } from '../errors.ts'
import type { EncodedEvent } from '../event.ts'
import type { StreamPath } from '../path.ts'
import { eventWeight } from './event-weight.ts'
import type { EventPage, EventRange, StreamRef } from './port.ts'

/** Reads a page of one log, and of no other. */
export type ReadLog = (log: StreamRef, range: EventRange) => EventPage

/** Offsets of one log that a stream is made of: `after` exclusive, `through` inclusive. Null: to wherever the log ends. */
interface Stretch {
  readonly log: StreamRef
  readonly after: number
  readonly through: number | null
}

/**
 * A page of a stream that may begin in the logs of others: what is said of a range and of a page (port.ts) holds for the
 * whole as it does for one log.
 *
 * Segments ascend without a gap, and the own log goes on where the last of them ends. Each row is held against the log
 * it lies in; one that is missing at a seam is missing from the log it belongs to.
 */
export function readStitched(readLog: ReadLog, stream: StreamRef, range: EventRange): EventPage {
  const segments = stream.segments ?? []
  const last = segments.at(-1)
  // Nearly every read: a log of its own, or a fork's reader that is past what it shares.
  if (!last || range.after >= last.through) return readLog(stream, range)
  const stretches: Stretch[] = segments.map((log) => ({ log, after: log.after, through: log.through }))
  stretches.push({ log: stream, after: last.through, through: null })
  const first = stretches[0]?.after ?? 0
  if (!range.descending && range.after < first && range.after + 1 < (range.before ?? Infinity)) {
    throw missingEvent(stretches[0]?.log.path ?? stream.path, range.after + 1)
  }
  return readStretches(readLog, range.descending ? stretches.toReversed() : stretches, range)
}

function readStretches(readLog: ReadLog, stretches: readonly Stretch[], range: EventRange): EventPage {
  const events: EncodedEvent[] = []
  let bytes = 0
  for (const stretch of stretches) {
    const within = clipped(range, stretch)
    if (!within) continue
    const page = readLog(stretch.log, {
      ...within,
      limit: range.limit - events.length,
      maxBytes: range.maxBytes - bytes,
      atLeastOne: range.atLeastOne === true && events.length === 0,
    })
    for (const event of page.events) {
      events.push(event)
      bytes += eventWeight(event)
    }
    if (page.full) return { events, full: true }
    checkSeam(stretch, within, page.events)
  }
  return { events, full: false }
}

/** What of a range lies in a stretch; null: nothing. */
function clipped(range: EventRange, { after, through }: Stretch): EventRange | null {
  const from = Math.max(range.after, after)
  const end = Math.min(range.before ?? Infinity, through === null ? Infinity : through + 1)
  if (from + 1 >= end) return null
  return end === Infinity ? { ...range, after: from } : { ...range, after: from, before: end }
}

/**
 * A log's reader cannot know that the next event should have been there when the rows it asked for end early.
 *
 * Where core events are left out it does: it counts all rows of its range.
 */
function checkSeam({ log, through }: Stretch, range: EventRange, events: readonly EncodedEvent[]): void {
  if (range.visibleOnly) return
  const last = events.at(-1)?.offset
  if (range.descending) {
    // Of an own log without an end nothing is known but where it begins: it may have no events yet.
    const missing = last === undefined ? range.before : last
    if (missing !== undefined && missing - 1 > range.after) throw missingEvent(log.path, missing - 1)
  } else if (through !== null && range.before !== undefined) {
    const missing = (last ?? range.after) + 1
    if (missing < range.before) throw missingEvent(log.path, missing)
  }
}

/**
 * The event that has a key in any of the logs that a stream is made of: its own, then those it begins in, as far as it
 * reads them.
 */
export function findStitched<T extends { readonly offset: number }>(
  find: (log: StreamRef, key: string) => T | null,
  stream: StreamRef,
  key: string,
): T | null {
  const own = find(stream, key)
  if (own || !stream.segments) return own
  for (const segment of stream.segments.toReversed()) {
    const found = find(segment, key)
    if (found && found.offset > segment.after && found.offset <= segment.through) return found
  }
  return null
}

/** Whose logs must be kept as long as a fork is: its source's, and what it reads of others; each once. */
export function sourcesOf({ id, path, segments }: Fork): ReadonlyMap<number, StreamPath> {
  return new Map([[id, path], ...segments.map((segment) => [segment.id, segment.path] as const)])
}
