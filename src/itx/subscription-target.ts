import { RpcTarget } from 'capnweb'
import type { Batch, Closed, SubscribeOptions, Subscription } from '../streams/delivery/batch.ts'
import type { StreamPath } from '../streams/path.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'
import type { SubscriptionApi, WireBatch } from './handle.ts'
import { allowOnly, members } from './rpc-target.ts'
import { wireState } from './wire-state.ts'

/** What Cap'n Web passes for a caller's function: a stub with a lifetime of its own. */
type Callback = ((batch: WireBatch) => unknown) & {
  dup?: () => Callback
  onRpcBroken?: (listener: (error: unknown) => void) => void
  [Symbol.dispose]?: () => void
}

/** A live subscription on behalf of a remote caller. Ends when the caller unsubscribes, lets go of it, or goes away. */
export class SubscriptionTarget extends RpcTarget implements SubscriptionApi {
  readonly #subscription: Subscription

  private constructor(subscription: Subscription) {
    super()
    this.#subscription = subscription
  }

  static async open(
    streams: ProjectStreams,
    path: StreamPath,
    options: SubscribeOptions,
    onBatch: Callback,
  ): Promise<SubscriptionTarget> {
    // Cap'n Web takes parameters back when the call returns: whoever keeps a callback must hold a copy.
    const callback = onBatch.dup?.() ?? onBatch
    const release = () => callback[Symbol.dispose]?.()
    try {
      const subscription = await streams.subscribe(path, options, (batch) => deliver(callback, batch))
      void subscription.closed().then(release)
      callback.onRpcBroken?.(() => subscription.unsubscribe())
      return new SubscriptionTarget(subscription)
    } catch (error) {
      release()
      throw error
    }
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

/** Sends a batch; resolves when the caller has taken it. */
function deliver(callback: Callback, { state, ...batch }: Batch): Promise<void> {
  const wire: WireBatch = state ? { ...batch, state: wireState({ ...state, exists: true }) } : batch
  // Waited for elsewhere: a function that waits keeps what it was called with, and so every batch that is under way.
  return taken(callback(wire) as Acknowledgement)
}

type Acknowledgement = (PromiseLike<unknown> & { [Symbol.dispose]?: () => void }) | undefined

async function taken(result: Acknowledgement): Promise<void> {
  try {
    await result
  } finally {
    // A result that is neither awaited nor disposed stays in the session's table.
    result?.[Symbol.dispose]?.()
  }
}
