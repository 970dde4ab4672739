import type { CoreState } from '../core/state.ts'
import { itxErrorCode, missingEvent } from '../errors.ts'
import type { EncodedEvent } from '../event.ts'
import { nextTurn } from '../scheduler.ts'
import type { Batch, Closed, OnBatch, Pace, SubscribeOptions, Subscription } from './batch.ts'
import type { StreamFeed } from './stream-feed.ts'

/** Unacknowledged batches per subscriber: what a stalled one can hold of the server's memory. */
const MAX_IN_FLIGHT = 4
const BATCH_EVENTS = 500
/** A filtering subscriber hears how far it is after so many events, or so long, that it was not sent. */
const PROGRESS_EVENTS = 5000
const PROGRESS_MS = 5000

type Options = Omit<SubscribeOptions, 'after'> & { readonly after: number }

/**
 * One live reader: a cursor into the log and a bounded window of unacknowledged batches. Behind the head it reads
 * pages, at the head it is fed from the ring; both are the same committed log, so there is no seam to lose events in.
 *
 * Invariant: everything at or below `#cursor` was sent, or filtered out; nothing above it was.
 */
export class Subscriber implements Subscription {
  readonly #feed: StreamFeed
  readonly #options: Options
  readonly #onBatch: OnBatch
  readonly #onEnd: () => void
  readonly #pace: Pace | undefined
  readonly #types: ReadonlySet<string> | null
  readonly #ended = Promise.withResolvers<Closed>()
  #cursor: number
  #reported: number
  #sentState: CoreState | null = null
  #inFlight = 0
  #over = false
  /** Cancels the timer that is running. */
  #progressTimer: (() => void) | undefined
  #progressDue = false
  #wakeUp: (() => void) | null = null

  constructor(feed: StreamFeed, options: Options, onBatch: OnBatch, onEnd: () => void, pace?: Pace) {
    this.#feed = feed
    this.#options = options
    this.#onBatch = onBatch
    this.#onEnd = onEnd
    this.#pace = pace
    this.#types = options.types ? new Set(options.types) : null
    this.#cursor = options.after
    this.#reported = options.after
  }

  start(): void {
    void this.#run()
  }

  /** There may be something new. */
  wake(): void {
    this.#wakeUp?.()
  }

  closed(): Promise<Closed> {
    return this.#ended.promise
  }

  unsubscribe(): void {
    this.end({ reason: 'unsubscribed' })
  }

  end(closed: Closed): void {
    if (this.#over) return
    this.#over = true
    this.#progressTimer?.()
    this.#ended.resolve(closed)
    this.#onEnd()
    this.wake()
  }

  async #run(): Promise<void> {
    try {
      let first = true
      while (!this.#over) {
        if (this.#pace && !this.#pace.ready) {
          await this.#pace.wait()
          continue
        }
        const sent: boolean = this.#inFlight < MAX_IN_FLIGHT && this.#step(first)
        first = first && !sent
        // A turn between batches: a thousand replays share the event loop with everything else.
        if (sent) await nextTurn(this.#feed.scheduler)
        else if (!this.#over) await new Promise<void>((resolve) => (this.#wakeUp = resolve))
      }
    } catch (error) {
      // Reading failed, not the subscriber: it may resume once the cause is gone.
      this.end({ reason: 'storage', code: itxErrorCode(error) ?? 'INTERNAL' })
    }
  }

  /** Sends one batch if there is anything to say. */
  #step(first: boolean): boolean {
    const state = this.#feed.state
    const head = state?.maxOffset ?? 0
    const found = this.#options.events === false ? this.#skipTo(head) : this.#collect(head)
    const wantsState = this.#options.state === true || this.#options.events === false
    const withState = wantsState && state !== null && state !== this.#sentState
    const passed = this.#cursor - this.#reported
    const progress = passed >= PROGRESS_EVENTS || (passed > 0 && this.#progressDue)
    if (!first && found.length === 0 && !withState && !progress) {
      if (passed > 0) this.#progressTimer ??= this.#startProgressTimer()
      return false
    }
    if (withState) this.#sentState = state
    this.#reported = this.#cursor
    this.#progressDue = false
    this.#progressTimer?.()
    this.#progressTimer = undefined
    this.#send({
      events: found,
      through: this.#cursor,
      maxOffset: head,
      incarnationId: state?.incarnationId ?? null,
      ...(withState ? { state } : {}),
    })
    return true
  }

  #startProgressTimer(): () => void {
    return this.#feed.scheduler.timer(PROGRESS_MS, () => {
      this.#progressDue = true
      this.wake()
    })
  }

  /** The next matching events; moves the cursor past everything it looked at. */
  #collect(head: number): readonly EncodedEvent[] {
    const types = this.#types
    while (this.#cursor < head) {
      const all = this.#feed.eventsAfter(this.#cursor, BATCH_EVENTS)
      // After a commit of unknown outcome the log may hold more than was announced: that comes when it is.
      const page = (all.at(-1)?.offset ?? 0) > head ? all.filter((event) => event.offset <= head) : all
      const last = page.at(-1)
      // The head was committed before this ran, so its events can be read: an empty page means they are gone.
      if (!last) throw missingEvent(this.#feed.path, this.#cursor + 1)
      this.#cursor = last.offset
      const found = types ? page.filter((event) => types.has(event.type)) : page
      if (found.length > 0 || this.#cursor - this.#reported >= PROGRESS_EVENTS) return found
    }
    return []
  }

  #skipTo(head: number): readonly EncodedEvent[] {
    this.#cursor = head
    return []
  }

  #send(batch: Batch): void {
    this.#inFlight++
    const failed = () => this.end({ reason: 'failed' })
    try {
      const result = this.#onBatch(batch)
      Promise.resolve(result).then(() => {
        this.#inFlight--
        this.wake()
      }, failed)
    } catch {
      // A subscriber that throws is dropped and told so through `closed`; the stream goes on.
      failed()
    }
  }
}
