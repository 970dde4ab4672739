import type { StreamApi } from '../../itx/handle.ts'

/**
 * The first event at or after a time, by halving: times of a log never decrease. Null when all are older.
 *
 * @param time milliseconds since 1970
 */
export async function offsetAt(stream: Pick<StreamApi, 'read'>, time: number): Promise<number | null> {
  const first = await eventAfter(stream, 0)
  if (first === null) return null
  const { maxOffset } = first
  // All events up to `low` are older; the one at `high`, if there is one, is not.
  let low = first.offset - 1
  let high = maxOffset + 1
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2)
    const event = await eventAfter(stream, middle - 1)
    if (event === null || event.offset >= high) high = middle
    else if (event.createdAt < time) low = event.offset
    else high = middle
  }
  return high > maxOffset ? null : high
}

async function eventAfter(
  stream: Pick<StreamApi, 'read'>,
  after: number,
): Promise<{ readonly offset: number; readonly createdAt: number; readonly maxOffset: number } | null> {
  const { events, maxOffset } = await stream.read({ after, limit: 1 })
  const [event] = events
  return event ? { offset: event.offset, createdAt: Date.parse(event.createdAt), maxOffset } : null
}
