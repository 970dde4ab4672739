import { type Flatness, type Sample, flatness } from './flatness.ts'
import type { Round } from './mixed-run.ts'

/**
 * Rounds before the memory is judged: in them caches fill, SQLite takes its pages and most of the program is compiled.
 * A share of them all, because the compiler goes on for minutes, and never fewer than these.
 */
const LEAST_WARM_UP_ROUNDS = 4
const WARM_UP_SHARE = 0.2

/**
 * Bytes of live objects that the line may rise by and still be flat: five times what it rose by in ten minutes that leave
 * nothing behind (0.2 MiB; what is off the line is less). Two snapshots of the heap, 70 rounds apart, said what that was:
 * the lists in which V8 notes which compiled code depends on which shapes of objects, and the budgets of credentials, which
 * are remembered up to a bound. In the rounds that are judged some 240,000 requests are answered and 1,000 streams live
 * and die: 5 bytes for each request, or a kibibyte for each stream, are found.
 */
export const LIVE_ALLOWED = 2 ** 20

/**
 * Pages are a rough measure: the allocator keeps what was freed, in pieces that the next request fits or does not, and
 * takes more in steps of megabytes whenever a round happens to be busier than all before it. In runs that leave nothing
 * behind the line rose by 3 to 8 MiB. It is for what is no object: memory that SQLite, zlib or a socket has got and does
 * not give back.
 */
export const RSS_ALLOWED = 32 * 2 ** 20

/** A line needs so many; a run goes on until it has them. */
export const LEAST_ROUNDS = LEAST_WARM_UP_ROUNDS + 10

export interface Judged {
  readonly judgedRounds: number
  readonly live: Flatness
  readonly rss: Flatness
}

/** Whether the server has grown over the rounds that follow its warm-up. */
export function judge(rounds: readonly Round[]): Judged {
  const warmUp = Math.max(LEAST_WARM_UP_ROUNDS, Math.floor(rounds.length * WARM_UP_SHARE))
  const judged = rounds.slice(warmUp)
  const of = (what: 'live' | 'rss'): Sample[] => judged.map((round) => ({ seconds: round.seconds, bytes: round[what] }))
  return {
    judgedRounds: judged.length,
    live: flatness(of('live'), LIVE_ALLOWED),
    rss: flatness(of('rss'), RSS_ALLOWED),
  }
}

/** What is wrong with it, or null. */
export function growth({ live, rss }: Judged): string | null {
  const grown = Object.entries({ 'live objects': live, pages: rss }).filter(([, { flat }]) => !flat)
  if (grown.length === 0) return null
  return grown
    .map(([what, { growth: bytes, level }]) => `${what} grew by ${mebibytes(bytes)} MiB of ${mebibytes(level)} MiB`)
    .join('; ')
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(2)
}
