import { ItxError } from '../errors.ts'
import { utf8Bytes } from '../utf8.ts'

/** Bytes of a processor's state, at most: it is written with every batch, and a value in a Durable Object has a limit. */
export const MAX_STATE_BYTES = 1024 * 1024
/** Offsets between the snapshots that are kept while a log is short. */
const SPACING = 10_000
/** Snapshots of one processor that are kept beside its newest, at most about so many. */
const KEPT = 64

/**
 * Which older snapshots are not worth keeping: of every interval of the log the newest one is kept, and the intervals
 * grow with the log. So the state at any offset is at most one interval of events away from a snapshot, and a log of any
 * length has a bounded number of them.
 *
 * @param offsets of all snapshots, ascending; the last one is the checkpoint and always stays
 */
export function superfluous(offsets: readonly number[]): number[] {
  const newest = offsets.at(-1) ?? 0
  let interval = SPACING
  while (newest / interval > KEPT) interval *= 2
  return offsets.filter((offset, index) => {
    const next = offsets[index + 1]
    return next !== undefined && Math.floor(offset / interval) === Math.floor(next / interval)
  })
}

/**
 * A state as it is stored.
 *
 * @throws {ItxError} BAD_REQUEST `state` for one that is no JSON, or too large.
 */
export function encodeState(state: unknown, slug: string): string {
  const text = JSON.stringify(state) as string | undefined
  if (text === undefined) {
    throw new ItxError('BAD_REQUEST', `the state of ${slug} cannot be written as JSON`, { reason: 'state' })
  }
  const bytes = utf8Bytes(text)
  if (bytes > MAX_STATE_BYTES) {
    throw new ItxError('BAD_REQUEST', `the state of ${slug} has ${bytes} bytes; at most ${MAX_STATE_BYTES}`, {
      reason: 'too-large',
      size: bytes,
      limit: MAX_STATE_BYTES,
    })
  }
  return text
}
