import type { StreamPath } from '../path.ts'
import type { Breaker } from './breaker.ts'
import type { StreamConfig } from './config.ts'

/**
 * Version of the shape and the meaning of `CoreState`. A stored state of another version is rebuilt by replay on first
 * touch, so raise it whenever the reducer derives something new from events that were reduced already.
 */
export const CORE_STATE_VERSION = 4

/** A processor that runs over a stream. */
export interface AttachedProcessor {
  readonly slug: string
  /** The version that was attached; the host may run a newer one. */
  readonly version: string
  /** The offset of `stream/processor-attached`: effects of events up to it are not run. */
  readonly attachedAt: number
  /** Detached by somebody: remembered, so that a pattern does not attach it again. */
  readonly detached: boolean
}

/** Processors of one stream, at most. */
export const MAX_PROCESSORS = 32

/** When a stream ends by itself: so long after its last use, or at a time. */
export type Expiry = { readonly ttlSeconds: number } | { readonly expiresAt: string }

/** Who appends so that a retry is known: a producer's name, its own life, and the number of its append in it. */
export interface Producer {
  readonly id: string
  readonly epoch: number
  readonly seq: number
}

/** A stretch of another stream's log, `after` exclusive, that a fork reads as the beginning of its own. */
export interface LogSegment {
  /** The storage's number for the other stream. */
  readonly id: number
  readonly path: StreamPath
  readonly incarnationId: string
  readonly after: number
  readonly through: number
}

/** Where a fork comes from. */
export interface Fork {
  /** The storage's number for the source: its log is kept as long as the fork is. */
  readonly id: number
  readonly path: StreamPath
  readonly incarnationId: string
  /** The last offset of the source that the fork has. */
  readonly offset: number
  /** What the fork repeats of the event after it: so many bytes, or messages. */
  readonly subOffset: number
  /** What is read elsewhere, in the order of offsets, gapless up to `offset`. */
  readonly segments: readonly LogSegment[]
}

/** What a stream knows about itself. O(1): nothing in here grows with the stream or its children. */
export interface CoreState {
  readonly path: StreamPath
  readonly contentType: string
  readonly createdAt: string
  /** One life of the stream between resets. */
  readonly incarnationId: string
  readonly eventCount: number
  /** The offset of the first event that can be read; a fork reads it in the log of its source. */
  readonly firstOffset: number
  /** The offset of the newest event; 0 when the log is empty. */
  readonly maxOffset: number
  /** The offset of the newest event that is not a core event; 0 when there is none. */
  readonly lastVisibleOffset: number
  readonly lastEventAt: string
  readonly paused: boolean
  readonly pauseReason: string | null
  readonly closed: boolean
  readonly config: StreamConfig
  /** What is left in the circuit breaker's bucket; null: it is full. No replay can know it. */
  readonly breaker: Breaker | null
  readonly metadata: Readonly<Record<string, unknown>>
  /** At most 32, those that were detached included. */
  readonly processors: readonly AttachedProcessor[]
  readonly childCount: number
  readonly descendantCount: number
  /** Nobody has asked for it yet: it came into being above a stream that was created. */
  readonly implicit?: true
  /** Absent: it does not end by itself. */
  readonly expiry?: Expiry
  /**
   * When a stream that ends after a time without use was last read, in milliseconds since the epoch, as far as it was
   * written down. Like the breaker, nothing replay can know.
   */
  readonly touchedAt?: number
  /** The append that closed it, where a producer did. */
  readonly closedBy?: Producer
  /** Absent: it began with a log of its own. */
  readonly fork?: Fork
  /** Everything in the log was imported, and more of the import may come. Like the breaker, nothing replay can know. */
  readonly importing?: true
}

export const DEFAULT_CONTENT_TYPE = 'application/json'

/** The state of a stream before its first event. */
export function emptyState(path: StreamPath, incarnationId: string): CoreState {
  return {
    path,
    contentType: DEFAULT_CONTENT_TYPE,
    createdAt: '',
    incarnationId,
    eventCount: 0,
    firstOffset: 1,
    maxOffset: 0,
    lastVisibleOffset: 0,
    lastEventAt: '',
    paused: false,
    pauseReason: null,
    closed: false,
    config: {},
    breaker: null,
    metadata: {},
    processors: [],
    childCount: 0,
    descendantCount: 0,
  }
}
