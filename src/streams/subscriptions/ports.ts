import type { EncodedInput, Receipt } from '../event.ts'
import type { StreamPath } from '../path.ts'
import type { Scheduler } from '../scheduler.ts'
import type { StreamStorage } from '../storage/port.ts'
import type { CommittedStream } from '../stream.ts'
import type { WakeName } from './wake.ts'

/** What the subscriptions of a project need of it. */
export interface SubscriptionPorts {
  readonly storage: StreamStorage
  readonly scheduler: Scheduler
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** A new random identifier. */
  readonly newId: () => string
  /** At least 0, below 1. */
  readonly random: () => number
  /** @throws {ItxError} once the file is closed. */
  checkOpen(): void
  /** What is committed of a stream, its state recovered; null when there is none. */
  committed(path: StreamPath): Promise<CommittedStream | null>
  /** As `committed`, without waiting; `stale` when the state must be rebuilt first. */
  committedNow(path: StreamPath): CommittedStream | null | 'stale'
  append(path: StreamPath, inputs: readonly EncodedInput[]): Promise<readonly Receipt[]>
  /** Null where nothing can be sent anywhere: webhooks are then refused. */
  readonly webhooks: WebhookPort | null
  readonly warn: (message: string) => void
}

/** Brings wakes to the outside. Nothing in this folder knows a network. */
export interface WebhookPort {
  /** @throws {ItxError} BAD_REQUEST `webhook-url` for an address that nothing may be sent to. */
  check(url: string): Promise<void>
  /**
   * Resolves once the receiver has taken it, with whether it is done with all it was told of.
   *
   * @throws whatever kept it from being taken
   */
  deliver(url: string, notice: WakeNotice, signal: AbortSignal): Promise<{ readonly done: boolean }>
}

/** What a receiver is told. */
export interface WakeNotice extends WakeName {
  readonly subscriptionId: string
  /** The stream root as the subscription's maker addressed it, with a slash at its end. */
  readonly address: string
  readonly streams: readonly LinkedStream[]
}

/** A stream of a subscription, as it is told to whoever works on a wake. */
export interface LinkedStream {
  /** Relative to the stream root. */
  readonly name: string
  readonly explicit: boolean
  /** -1: nothing is done yet. */
  readonly acked: number
  readonly tail: number
  readonly pending: boolean
}
