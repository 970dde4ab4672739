import type { CoreState } from '../core/state.ts'
import { ItxError, trimmedBelow } from '../errors.ts'
import { type EncodedEvent, encodedBytes } from '../event.ts'
import type { StreamPath } from '../path.ts'
import { type Scheduler, nodeScheduler } from '../scheduler.ts'
import type { CloseReason, OnBatch, Pace, SubscribeOptions, Subscription } from './batch.ts'
import { Subscriber } from './subscriber.ts'

/** Recent events kept in memory for subscribers at the tail; whoever is further behind reads pages. */
const RING_EVENTS = 1000
const RING_BYTES = 1024 * 1024

/** Reads committed events after an offset. Synchronous, one short statement. */
export type ReadPage = (after: number) => readonly EncodedEvent[]

/**
 * The live readers of one stream and the shared ring of its recent committed events.
 *
 * Invariant: the ring is the gapless end of the committed log, up to `state.maxOffset`.
 */
export class StreamFeed {
  readonly path: StreamPath
  readonly #readPage: ReadPage
  readonly #subscribers = new Set<Subscriber>()
  readonly #onIdle: () => void
  readonly scheduler: Scheduler
  #state: CoreState | null
  #ring: EncodedEvent[] = []
  #ringBytes = 0

  constructor(
    path: StreamPath,
    state: CoreState | null,
    readPage: ReadPage,
    onIdle: () => void,
    scheduler: Scheduler = nodeScheduler,
  ) {
    this.path = path
    this.#state = state
    this.#readPage = readPage
    this.#onIdle = onIdle
    this.scheduler = scheduler
  }

  /** The committed state; null while the stream does not exist. */
  get state(): CoreState | null {
    return this.#state
  }

  get size(): number {
    return this.#subscribers.size
  }

  /**
   * Adds a reader. Its first batch comes at once, even when empty.
   *
   * @throws {ItxError} CONFLICT `incarnation` when the given one is not this stream's, or `after` is beyond its end;
   *   NOT_FOUND `trimmed` when `after` lies before the beginning of its log.
   */
  subscribe(options: SubscribeOptions, onBatch: OnBatch, pace?: Pace): Subscription {
    const head = this.#state?.maxOffset ?? 0
    const start = (this.#state?.firstOffset ?? 1) - 1
    const after =
      options.after === 'start' ? start : options.after === undefined || options.after === 'now' ? head : options.after
    const incarnationId = this.#state?.incarnationId ?? null
    if ((options.incarnationId !== undefined && options.incarnationId !== incarnationId) || after > head) {
      throw new ItxError('CONFLICT', `${this.path} is not the stream that offset ${after} belongs to`, {
        reason: 'incarnation',
        path: this.path,
        incarnationId,
        maxOffset: head,
      })
    }
    if (after < start) throw trimmedBelow(this.path, after, start + 1)
    const onEnd = () => {
      this.#subscribers.delete(subscriber)
      if (this.#subscribers.size === 0) this.#onIdle()
    }
    const subscriber: Subscriber = new Subscriber(this, { ...options, after }, onBatch, onEnd, pace)
    this.#subscribers.add(subscriber)
    subscriber.start()
    return subscriber
  }

  /** Takes over what a group has committed and wakes the readers. Events may be absent: they are read as pages then. */
  publish(events: readonly EncodedEvent[], state: CoreState): void {
    const first = events[0]?.offset
    const last = events.at(-1)?.offset
    if (first === undefined || first !== (this.#ring.at(-1)?.offset ?? 0) + 1) this.#clearRing()
    // Only a gapless run that reaches the head may stand in the ring; otherwise readers use pages.
    if (first !== undefined && last === state.maxOffset && events.length === last - first + 1) {
      for (const event of events) {
        this.#ring.push(event)
        this.#ringBytes += encodedBytes(event)
      }
      if (this.#ring.length > RING_EVENTS || this.#ringBytes > RING_BYTES) this.#trimRing()
    } else this.#clearRing()
    this.#state = state
    for (const subscriber of this.#subscribers) subscriber.wake()
  }

  /** Committed events after `offset`: from the ring when it reaches back that far, else a page from storage. */
  eventsAfter(offset: number, limit: number): readonly EncodedEvent[] {
    const first = this.#ring[0]
    if (first && first.offset <= offset + 1) {
      const from = offset + 1 - first.offset
      return this.#ring.slice(from, from + limit)
    }
    return this.#readPage(offset)
  }

  close(reason: CloseReason): void {
    for (const subscriber of this.#subscribers) subscriber.end({ reason })
  }

  /** Keeps the newest half: trimming by one would move the whole array for every event. */
  #trimRing(): void {
    let from = this.#ring.length
    let bytes = 0
    while (from > 0 && this.#ring.length - from < RING_EVENTS / 2) {
      const event = this.#ring[from - 1]
      const size = event ? encodedBytes(event) : 0
      if (bytes + size > RING_BYTES / 2) break
      bytes += size
      from--
    }
    this.#ring = this.#ring.slice(from)
    this.#ringBytes = bytes
  }

  #clearRing(): void {
    this.#ring = []
    this.#ringBytes = 0
  }
}
