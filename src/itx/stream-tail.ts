import type { Batch, CloseReason, Subscription } from '../streams/delivery/batch.ts'
import type { CoreState } from '../streams/core/state.ts'
import { itxErrorCode } from '../streams/errors.ts'
import { type EncodedEvent, RESERVED_PREFIX } from '../streams/event.ts'
import type { StreamPath } from '../streams/path.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'

/** One life of a stream. */
export interface StreamLife {
  readonly path: StreamPath
  readonly incarnationId: string
}

/** Somebody at a tail. What it is told, it is told in one turn with all others: it must not throw, nor take long. */
export interface TailListener {
  /** The tail has moved on from an offset; the events that callers may see. Also: the stream was closed. */
  news(events: readonly EncodedEvent[], from: number): void
  /** There will be no more. */
  ended(reason: CloseReason): void
}

/**
 * The end of one stream as all who wait at it over HTTP share it: a single subscription, however many they are.
 *
 * Invariant: every visible event above the position at which somebody joined is told to it once, in order.
 */
export class StreamTail {
  static readonly #all = new WeakMap<ProjectStreams, Map<string, StreamTail>>()

  readonly #listeners = new Set<TailListener>()
  readonly #forget: () => void
  /** Resolves, and never rejects, when it is known where the tail is, or that there is none. */
  readonly ready: Promise<void>
  #subscription: Subscription | null = null
  #state: CoreState | null = null
  /** Null until the first batch, which comes at once and says where the end is. */
  #position: number | null = null
  #visible = 0
  #over: CloseReason | null = null

  private constructor(streams: ProjectStreams, { path, incarnationId }: StreamLife, forget: () => void) {
    this.#forget = forget
    this.ready = streams
      .subscribe(path, { after: 'now', incarnationId, state: true }, (batch) => this.#take(batch))
      .then(
        (subscription) => this.#follow(subscription),
        (error: unknown) => this.#end(reasonOf(error)),
      )
  }

  /** The tail of a stream, with whoever is there already. Who asks joins it in the same turn. */
  static of(streams: ProjectStreams, life: StreamLife): StreamTail {
    const tails = this.#all.get(streams) ?? new Map<string, StreamTail>()
    this.#all.set(streams, tails)
    const key = `${life.incarnationId} ${life.path}`
    const known = tails.get(key)
    if (known) return known
    const tail: StreamTail = new StreamTail(streams, life, () => {
      if (tails.get(key) === tail) tails.delete(key)
    })
    tails.set(key, tail)
    return tail
  }

  join(listener: TailListener): void {
    this.#listeners.add(listener)
  }

  /** The last to leave ends the subscription: the tail is over then. */
  leave(listener: TailListener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return
    this.#forget()
    this.#over ??= 'unsubscribed'
    this.#subscription?.unsubscribe()
  }

  /** Everything at or below it was told, or was there before. */
  get position(): number {
    return this.#position ?? 0
  }

  /** The last visible event at or below the position; 0 where there is none. */
  get visible(): number {
    return this.#visible
  }

  /** The last visible event that is committed: at the position, or soon to be told. */
  get lastVisible(): number {
    return this.#state?.lastVisibleOffset ?? 0
  }

  /** Whether the stream is closed: after the last visible event there will never be another. */
  get closed(): boolean {
    return this.#state?.closed === true
  }

  /** Whether the stream ends after a time without use. */
  get expires(): boolean {
    return this.#state?.expiry !== undefined
  }

  #follow(subscription: Subscription): void {
    this.#subscription = subscription
    // Everybody left before it had begun.
    if (this.#over) return subscription.unsubscribe()
    void subscription.closed().then(({ reason }) => this.#end(reason))
  }

  #take({ events, through, state }: Batch): void {
    if (this.#over) return
    const wasClosed = this.closed
    if (state) this.#state = state
    const from = this.#position
    this.#position = through
    if (from === null) {
      this.#visible = state?.lastVisibleOffset ?? 0
      return
    }
    const visible = events.filter(isVisible)
    this.#visible = visible.at(-1)?.offset ?? this.#visible
    if (visible.length === 0 && this.closed === wasClosed) return
    for (const listener of this.#listeners) listener.news(visible, from)
  }

  #end(reason: CloseReason): void {
    this.#forget()
    if (this.#over) return
    this.#over = reason
    for (const listener of this.#listeners) listener.ended(reason)
  }
}

function isVisible({ type }: EncodedEvent): boolean {
  return !type.startsWith(RESERVED_PREFIX)
}

/** Why a subscription could not begin, in the words of one that has ended. */
function reasonOf(error: unknown): CloseReason {
  switch (itxErrorCode(error)) {
    case 'CONFLICT':
      return 'incarnation'
    case 'NOT_FOUND':
      return 'deleted'
    default:
      return 'storage'
  }
}
