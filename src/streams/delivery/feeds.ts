import type { CoreState } from '../core/state.ts'
import type { EncodedEvent } from '../event.ts'
import { type StreamPath, isBelow } from '../path.ts'
import type { Scheduler } from '../scheduler.ts'
import type { CloseReason, OnBatch, Pace, SubscribeOptions, Subscription } from './batch.ts'
import { StreamFeed } from './stream-feed.ts'

/** The feeds of one project: one per stream that somebody follows. */
export class Feeds {
  readonly #readPage: (path: StreamPath, after: number) => readonly EncodedEvent[]
  readonly #scheduler: Scheduler
  readonly #feeds = new Map<StreamPath, StreamFeed>()

  constructor(readPage: (path: StreamPath, after: number) => readonly EncodedEvent[], scheduler: Scheduler) {
    this.#readPage = readPage
    this.#scheduler = scheduler
  }

  get size(): number {
    return this.#feeds.size
  }

  /** How many readers there are, of all streams. */
  get subscribers(): number {
    let count = 0
    for (const feed of this.#feeds.values()) count += feed.size
    return count
  }

  has(path: StreamPath): boolean {
    return this.#feeds.has(path)
  }

  /** Adds a reader to a stream; `state` is its committed state if nobody follows it yet. */
  subscribe(
    path: StreamPath,
    state: CoreState | null,
    options: SubscribeOptions,
    onBatch: OnBatch,
    pace?: Pace,
  ): Subscription {
    const feed = this.#feeds.get(path) ?? this.#newFeed(path, state)
    // Entered before the first batch is sent, in this very turn: whoever gets it may subscribe, or fail and be gone.
    this.#feeds.set(path, feed)
    try {
      return feed.subscribe(options, onBatch, pace)
    } finally {
      if (feed.size === 0) this.#feeds.delete(path)
    }
  }

  /** A stream's committed state has moved on. Without events the readers read them as pages. */
  publish(path: StreamPath, events: readonly EncodedEvent[], state: CoreState): void {
    const feed = this.#feeds.get(path)
    if (feed && (events.length > 0 || feed.state !== state)) feed.publish(events, state)
  }

  /** A life of a stream, and perhaps of all below it, is over. */
  end(path: StreamPath, reason: CloseReason, below: boolean): void {
    for (const [each, feed] of this.#feeds) {
      if (each === path || (below && isBelow(each, path))) feed.close(reason)
    }
  }

  endAll(reason: CloseReason): void {
    for (const feed of this.#feeds.values()) feed.close(reason)
  }

  #newFeed(path: StreamPath, state: CoreState | null): StreamFeed {
    const feed: StreamFeed = new StreamFeed(
      path,
      state,
      (after) => this.#readPage(path, after),
      () => {
        if (this.#feeds.get(path) === feed) this.#feeds.delete(path)
      },
      this.#scheduler,
    )
    return feed
  }
}
