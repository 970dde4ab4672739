import type { AppendLimits } from '../event.ts'
import { parsePath } from '../path.ts'
import type { StreamPath } from '../path.ts'
import type { Random } from './random.ts'
import { type DiskFaults, NO_FAULTS } from './simulated-disk.ts'

/**
 * What a run is like. Each seed draws another one, and leaves things out: a fault that happens all the time hides what
 * only shows without it.
 */
export interface Profile {
  readonly turns: number
  readonly paths: readonly StreamPath[]
  /** How much of what happens, happens to one stream at a time. */
  readonly focus: number
  readonly limits: AppendLimits
  readonly writers: number
  readonly subscribers: number
  /** Who acts, by weight. */
  readonly weights: {
    readonly write: number
    readonly operate: number
    readonly subscribe: number
    readonly read: number
    readonly process: number
  }
  /** Arrivals per turn, at most. */
  readonly arrivals: number
  /** Per append: a batch of hundreds of events, or a payload of hundreds of kilobytes. */
  readonly large: number
  /** Keys that writers share, per path. */
  readonly keys: number
  readonly faults: DiskFaults
  /** Per step. */
  readonly crash: number
  readonly restart: number
  readonly clockJump: number
  /** Per start: rows that an older version has left. */
  readonly aging: number
  /** Per operation: what destroys a stream. */
  readonly destruction: number
  /** Null: there are none. */
  readonly processors: ProcessorsProfile | null
}

export interface ProcessorsProfile {
  /** Where they attach by themselves. */
  readonly patterns: readonly string[]
  /** Per effect: it fails before or after it has appended; or always. */
  readonly failing: number
  readonly poison: number
}

const PATHS = ['/', '/a', '/a/b', '/a/b/c', '/a-1', '/a/b-1', '/d/e', '/d/e/f/g', '/h']

export function drawProfile(random: Random): Profile {
  const sometimes = (likely: number, most: number) => (random.chance(likely) ? random.next() * most : 0)
  const count = random.between(1, PATHS.length)
  const paths = PATHS.filter((_, i) => i === 1 || random.chance(count / PATHS.length))
  const calm = random.chance(0.15)
  const processors = random.chance(0.4) ? drawProcessors(random) : null
  return {
    processors,
    turns: random.between(20, 130),
    paths: paths.map((path) => parsePath(path)),
    focus: random.chance(0.6) ? random.next() : 0,
    limits: { eventBytes: 700_000, batchEvents: 800, batchBytes: 1_500_000 },
    writers: random.between(1, 5),
    subscribers: random.between(0, 6),
    weights: {
      write: random.between(3, 10),
      operate: random.between(0, 3),
      subscribe: random.between(1, 5),
      read: random.between(0, 3),
      process: processors ? random.between(1, 4) : 0,
    },
    arrivals: random.between(1, 8),
    // Processors act on each of these events.
    large: random.chance(0.12) ? random.next() * (processors ? 0.03 : 0.2) : 0,
    keys: random.between(1, 12),
    faults: calm
      ? NO_FAULTS
      : {
          lost: sometimes(0.5, 0.1),
          stored: sometimes(0.4, 0.15),
          unsynced: sometimes(0.4, 0.1),
          crash: sometimes(0.4, 0.08),
          full: sometimes(0.3, 0.06),
          busy: sometimes(0.3, 0.05),
          read: sometimes(0.3, 0.01),
        },
    crash: calm ? 0 : sometimes(0.5, 0.02),
    restart: sometimes(0.3, 0.03),
    clockJump: sometimes(0.5, 0.1),
    aging: random.chance(0.5) ? random.next() : 0,
    destruction: sometimes(0.6, 0.5),
  }
}

function drawProcessors(random: Random): ProcessorsProfile {
  return {
    patterns: random.pick([[], ['/**'], ['/a/**', '/h'], ['/*']]),
    failing: random.chance(0.5) ? random.next() * 0.3 : 0,
    poison: random.chance(0.4) ? random.next() * 0.1 : 0,
  }
}
