import type { CoreState } from './core/state.ts'
import { type StreamPath, isBelow } from './path.ts'
import type { CatalogueRow, CommittedReader } from './storage/port.ts'
import { type Refusal, Refusals } from './refusals.ts'
import { COUNTED_SECONDS, SecondCounts } from './second-counts.ts'
import { SecondLevels } from './second-levels.ts'

/** Streams that are listed as recent and as paused, and processors as parked, at most. */
const LISTED = 20
/** Streams that are listed as the busiest, at most. */
const BUSIEST = 10
/** Seconds of each number that is told of a stream. */
const STEP_SECONDS = 5
/** Streams whose events are counted: those that were written to last. */
const COUNTED_STREAMS = 100

/** A stream, and how much was stored in it lately. */
export interface ActiveStream {
  readonly row: CatalogueRow
  /** Events stored in each 5 s of the last 300 whole seconds, the oldest first: 60 numbers. */
  readonly appended: readonly number[]
}

/** A processor that stands still before an event it cannot get past, until somebody restarts it. */
export interface ParkedProcessor {
  readonly path: StreamPath
  /** Its slug. */
  readonly processor: string
  /** The event that failed. */
  readonly offset: number
  readonly error: string
  /** When it was parked, RFC 3339. */
  readonly at: string
}

/** What a project is doing. Whatever was stored counts, core events included. */
export interface ProjectOverview {
  /** When this was told, RFC 3339. */
  readonly at: string
  /** How many streams there are. */
  readonly streams: number
  /**
   * Events stored in each of the last 300 whole seconds, the oldest first. The second that is under way is not among
   * them. Zero where nothing was counted yet: see `since`.
   */
  readonly appended: readonly number[]
  /** Since when events are counted, RFC 3339: the project was opened then. */
  readonly since: string
  /** Live subscriptions, of all callers. */
  readonly subscribers: number
  /** The most live subscriptions in each of the same 300 seconds. */
  readonly subscribed: readonly number[]
  /** Appends that were refused in each of the same 300 seconds, whole batches each. */
  readonly refused: readonly number[]
  /** Why those were refused, the most frequent first. */
  readonly refusals: readonly Refusal[]
  /** Streams by their newest event, the newest first, at most 20. */
  readonly recent: readonly ActiveStream[]
  /**
   * Streams by the events of the last 300 whole seconds, the most first, at most 10: out of the 100 that were written to
   * last.
   */
  readonly busiest: readonly ActiveStream[]
  /** Paused streams by their newest event, the newest first, at most 20. */
  readonly paused: readonly CatalogueRow[]
  /** How many streams are paused. */
  readonly pausedCount: number
  /** Processors that are parked, at most 20, in the order in which their streams were made. */
  readonly parked: readonly ParkedProcessor[]
  /** How many processors are parked. Beyond 200 they are not counted. */
  readonly parkedCount: number
}

export interface OverviewHost {
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** A clock for lengths of time, in milliseconds. */
  readonly elapsed: () => number
  readonly committed: Pick<CommittedReader, 'listRecent' | 'listPaused' | 'countPaused'>
  /** The committed state of the root; null when there is no stream at all. */
  readonly root: () => Promise<CoreState | null>
  /** The committed row of a stream; null when there is none. */
  readonly row: (path: StreamPath) => CatalogueRow | null
  /** Live subscriptions. */
  readonly subscribers: () => number
  readonly parked: (limit: number) => Promise<{ readonly shown: readonly ParkedProcessor[]; readonly count: number }>
}

/**
 * What a project is doing. It counts what is committed, in memory, from when the project was opened; everything else it
 * reads when it is asked, so that nothing has to be kept right meanwhile.
 *
 * Invariants: it has no timer; `#seconds` never goes back, whatever the clock does; at most 100 streams are counted.
 */
export class Overview {
  readonly #host: OverviewHost
  /** Milliseconds of `elapsed` that have gone by since it began. Where the clock goes back, none have. */
  #age = 0
  #clock: number
  readonly #all = new SecondCounts(0)
  readonly #levels = new SecondLevels(0)
  readonly #refusals = new Refusals(0)
  /** In the order in which they were written to, the last one at the end. */
  readonly #counted = new Map<StreamPath, SecondCounts>()

  constructor(host: OverviewHost) {
    this.#host = host
    this.#clock = host.elapsed()
  }

  /** So many events of a stream are on the disk. Called for every stream of every commit: has to be cheap. */
  stored(path: StreamPath, count: number): void {
    if (count === 0) return
    const second = this.#second()
    this.#all.add(second, count)
    const counts = this.#counted.get(path) ?? this.#room(second)
    // Deleted first, it is entered at the end.
    this.#counted.delete(path)
    this.#counted.set(path, counts)
    counts.add(second, count)
  }

  /** Somebody follows a stream, until this is settled. */
  followed(until: Promise<unknown>): void {
    const change = (by: number) => this.#levels.change(this.#second(), by)
    change(1)
    void until.then(() => change(-1))
  }

  /** An append was refused, before it came to its stream or by it. */
  refused(error: unknown): void {
    this.#refusals.add(this.#second(), error)
  }

  /** A life of a stream, and perhaps of all below it, is over: what was stored in it says nothing of the next. */
  ended(path: StreamPath, below: boolean): void {
    for (const each of this.#counted.keys()) {
      if (each === path || (below && isBelow(each, path))) this.#counted.delete(each)
    }
  }

  /** @throws {ItxError} UNAVAILABLE when shutting down; INTERNAL for a damaged row, naming the stream. */
  async told(): Promise<ProjectOverview> {
    const { committed, now, subscribers } = this.#host
    const parked = await this.#host.parked(LISTED)
    const root = await this.#host.root()
    // From here on in one turn: one picture.
    const second = this.#second()
    const at = now()
    return {
      at: rfc3339(at),
      streams: root ? root.descendantCount + 1 : 0,
      appended: this.#all.before(second, 1),
      since: rfc3339(at - this.#age),
      subscribers: subscribers(),
      subscribed: this.#levels.before(second),
      refused: this.#refusals.before(second),
      refusals: this.#refusals.causes(second),
      recent: committed.listRecent(LISTED).map((row) => this.#active(row, second)),
      busiest: this.#busiest(second),
      paused: committed.listPaused(LISTED),
      pausedCount: committed.countPaused(),
      parked: parked.shown,
      parkedCount: parked.count,
    }
  }

  #busiest(second: number): ActiveStream[] {
    return (
      [...this.#counted]
        .map(([path, counts]) => ({ path, total: counts.total(second) }))
        .filter(({ total }) => total > 0)
        // Of those that have as much, the one that was written to last.
        .toReversed()
        .toSorted((a, b) => b.total - a.total)
        .slice(0, BUSIEST)
        .flatMap(({ path }) => this.#host.row(path) ?? [])
        .map((row) => this.#active(row, second))
    )
  }

  #active(row: CatalogueRow, second: number): ActiveStream {
    return { row, appended: this.#counted.get(row.path)?.before(second, STEP_SECONDS) ?? NOTHING }
  }

  /** Counts for another stream: those of the one that was not written to for the longest, where there are enough. */
  #room(second: number): SecondCounts {
    const [longest] = this.#counted
    if (!longest || this.#counted.size < COUNTED_STREAMS) return new SecondCounts(second)
    this.#counted.delete(longest[0])
    longest[1].restart(second)
    return longest[1]
  }

  /** The second that is under way, from 0. */
  #second(): number {
    const clock = this.#host.elapsed()
    this.#age += Math.max(0, clock - this.#clock)
    this.#clock = clock
    return Math.floor(this.#age / 1000)
  }
}

const NOTHING: readonly number[] = Array.from({ length: COUNTED_SECONDS / STEP_SECONDS }, () => 0)

function rfc3339(ms: number): string {
  return new Date(ms).toISOString()
}
