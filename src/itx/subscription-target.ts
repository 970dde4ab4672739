import { RpcTarget } from 'capnweb'
import type { Batch, Closed, SubscribeOptions, Subscription } from '../streams/delivery/batch.ts'
import type { StreamPath } from '../streams/path.ts'
import type { SubscriptionApi, WireBatch } from './handle.ts'
import type { ProjectAccess } from './project-access.ts'
import { type RemoteCallback, callingBack } from './remote-callback.ts'
import { allowOnly, members } from './rpc-target.ts'
import { wireState } from './wire-state.ts'

/** A live subscription on behalf of a remote caller. Ends when the caller unsubscribes, lets go of it, or goes away. */
export class SubscriptionTarget extends RpcTarget implements SubscriptionApi {
  readonly #subscription: Subscription

  private constructor(subscription: Subscription) {
    super()
    this.#subscription = subscription
  }

  static async open(
    { streams, session }: Pick<ProjectAccess, 'streams' | 'session'>,
    path: StreamPath,
    options: SubscribeOptions,
    onBatch: RemoteCallback<WireBatch>,
  ): Promise<SubscriptionTarget> {
    const subscription = await callingBack(
      onBatch,
      { session, what: 'subscription' },
      (call) => streams().subscribe(path, options, (batch) => call(wireBatch(batch)), session.pace),
      (started) => started.unsubscribe(),
    )
    return new SubscriptionTarget(subscription)
  }

  closed(): Promise<Closed> {
    return this.#subscription.closed()
  }

  async unsubscribe(): Promise<void> {
    this.#subscription.unsubscribe()
  }

  [Symbol.dispose](): void {
    this.#subscription.unsubscribe()
  }
}
allowOnly(SubscriptionTarget, members<SubscriptionApi>()('closed', 'unsubscribe'))

function wireBatch({ state, ...batch }: Batch): WireBatch {
  return state ? { ...batch, state: wireState({ ...state, exists: true }) } : batch
}
