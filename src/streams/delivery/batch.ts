import type { CoreState } from '../core/state.ts'
import type { EncodedEvent } from '../event.ts'

/** Where a subscription begins: after an offset, at the first event, or (default) at what comes next. */
export type SubscribeAfter = number | 'start' | 'now'

export interface SubscribeOptions {
  readonly after?: SubscribeAfter
  /** The life of the stream that `after` belongs to: another one is CONFLICT `incarnation`, never a splice. */
  readonly incarnationId?: string
  /** Only these types. */
  readonly types?: readonly string[]
  /** False: state alone. */
  readonly events?: boolean
  /** True: the state, whenever it changed. */
  readonly state?: boolean
}

export interface Batch {
  readonly events: readonly EncodedEvent[]
  /** The offset this batch covers, filtered events included: resume after it. */
  readonly through: number
  readonly maxOffset: number
  /** Null while the stream does not exist. */
  readonly incarnationId: string | null
  readonly state?: CoreState
}

export type CloseReason = 'unsubscribed' | 'failed' | 'incarnation' | 'deleted' | 'shutdown' | 'storage'

export interface Closed {
  readonly reason: CloseReason
  readonly code?: string
}

/** Receives a batch; its result, awaited, is the acknowledgement. A rejection ends the subscription. */
export type OnBatch = (batch: Batch) => unknown

/** Whether whoever gets the batches takes them: several subscriptions may share what carries them. */
export interface Pace {
  /** Whether the next batch may be sent. Asked right before it is made. */
  readonly ready: boolean
  /** Resolves when it is worth asking again. */
  wait(): Promise<void>
}

export interface Subscription {
  /** Resolves once, when the subscription has ended, with the reason. */
  closed(): Promise<Closed>
  /** Ends it: nothing arrives afterwards. */
  unsubscribe(): void
}
