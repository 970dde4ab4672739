import { ItxError } from '../errors.ts'
import type { StreamPath } from '../path.ts'
import { nextTurn } from '../scheduler.ts'
import { pathOf, streamName, workerName } from './config.ts'
import type { Link } from './link.ts'
import type { SubscriptionParts } from './parts.ts'
import type { LinkedStream, SubscriptionPorts } from './ports.ts'
import type { Subscription } from './records.ts'
import { type WakeName, begun, checkUnclaimed, claimed, ended, extended, fence, noPendingWork } from './wake.ts'
import { type Held, type Ledger, linkedStream } from './ledger.ts'
import type { WakeRunner } from './wake-runner.ts'
import type { Watch } from './watches.ts'

/** Streams acknowledged in one request, at most: twice what a wake tells of. */
const MOST_ACKS = 2000

/** A wake as whoever claims it gets it. */
export interface Claim extends WakeName {
  readonly streams: readonly LinkedStream[]
  readonly leaseMs: number
}

/** What somebody who works on a wake says of it. */
export interface Progress {
  /** The wake that their token is for. */
  readonly held: WakeName
  /** The wake that they speak of. */
  readonly named: WakeName
  readonly acks: readonly Ack[]
  /** They are done with this wake. Otherwise they go on, and the lease begins anew. */
  readonly done: boolean
}

export interface Ack {
  /** Relative to the stream root. */
  readonly stream: string
  /** The last offset that is done; null for what is no offset of an event. */
  readonly offset: number | null
}

/** What those do who work on wakes. Every decision is taken in one turn, and answered once it is on the disk. */
export class Work {
  readonly #ports: SubscriptionPorts
  readonly #ledger: Ledger
  readonly #runner: WakeRunner

  constructor({ ports, ledger, runner }: SubscriptionParts) {
    this.#ports = ports
    this.#ledger = ledger
    this.#runner = runner
  }

  async claim(watch: Watch, worker: unknown): Promise<Claim> {
    const holder = workerName(worker)
    this.#check(watch, 'pull-wake')
    const claim = await this.#withPending(watch, (subscription, pending) => {
      checkUnclaimed(subscription)
      if (pending === null) throw noPendingWork()
      const now = this.#ports.now()
      const id = `w_${this.#ports.newId()}`
      const awake = subscription.wake === null ? begun(subscription, id, pending, now) : subscription
      const wakeId = awake.wake?.id ?? id
      // Looked for before they hold it: what is found now belongs to this wake.
      const streams = this.#ledger.told(watch, awake).map(linkedStream)
      this.#ledger.write(watch, claimed(awake, holder, now, watch.config.leaseMs))
      return { wakeId, generation: awake.generation, streams, leaseMs: watch.config.leaseMs }
    })
    return claim
  }

  /** @returns whether there is more to do, for which another wake has begun. */
  async progress(
    watch: Watch,
    type: 'webhook' | 'pull-wake',
    progress: Progress,
  ): Promise<{ readonly nextWake: boolean }> {
    this.#check(watch, type)
    const { held, named, acks, done } = progress
    if (acks.length > MOST_ACKS) {
      throw new ItxError('BAD_REQUEST', `${acks.length} acks; at most ${MOST_ACKS}`, {
        field: 'acks',
        size: acks.length,
        limit: MOST_ACKS,
      })
    }
    fence(this.#current(watch), held, named)
    const wanted = acks.map(({ stream, offset }) => ({ path: pathOf(streamName(stream, 'acks')), offset }))
    // Rebuilt where it must be, so that their tails are known in the turn that decides.
    for (const { path } of wanted) if (this.#ports.committedNow(path) === 'stale') await this.#ports.committed(path)
    const subscription = this.#current(watch)
    fence(subscription, held, named)
    const links = new Map<StreamPath, Link>()
    for (const { path, offset } of wanted) {
      const link = this.#acked(watch, subscription, path, offset, links.get(path))
      links.set(path, link)
    }
    const next = done ? ended(subscription) : extended(subscription, this.#ports.now(), watch.config.leaseMs)
    this.#ledger.write(watch, next, [...links.values()])
    return { nextWake: done && (await this.#nextWake(watch, subscription)) }
  }

  async release(watch: Watch, { held, named }: Pick<Progress, 'held' | 'named'>): Promise<void> {
    this.#check(watch, 'pull-wake')
    const subscription = this.#current(watch)
    fence(subscription, held, named)
    this.#ledger.write(watch, ended(subscription))
    await this.#nextWake(watch, subscription)
  }

  /** Begins the next wake where there is more to do, in the same group if need be, and waits for the disk. */
  async #nextWake(watch: Watch, { generation }: Subscription): Promise<boolean> {
    this.#runner.drive(watch)
    await this.#ports.storage.durable()
    return this.#withPending(watch, (next, pending) => pending !== null || next.generation > generation)
  }

  #acked(watch: Watch, subscription: Subscription, path: StreamPath, offset: number | null, changed?: Link): Link {
    const found = this.#ledger.hold(watch, path, subscription)
    if (found === null || found === 'stale') throw invalidOffset(path, offset, 'it is no stream of this subscription')
    const held: Held = { link: changed ?? found.link, tail: found.tail }
    const { link, tail } = held
    if (offset === null) throw invalidOffset(path, offset, 'that is no offset of an event')
    if (link.since > subscription.generation) {
      throw invalidOffset(path, offset, 'it began after this wake, and comes with the next')
    }
    if (offset < link.acked) throw invalidOffset(path, offset, `it is done up to ${link.acked} already`)
    if (offset > tail.offset) throw invalidOffset(path, offset, `it ends at ${tail.offset}`)
    return { ...link, acked: offset }
  }

  /** Acts in one turn on what is known to be pending: streams that must be rebuilt first are waited for. */
  async #withPending<T>(watch: Watch, act: (subscription: Subscription, pending: StreamPath | null) => T): Promise<T> {
    for (;;) {
      const subscription = this.#current(watch)
      const { pending, stale, more } = this.#ledger.look(watch, subscription)
      if (pending !== null || (stale.length === 0 && !more)) {
        const result = act(subscription, pending)
        await this.#ports.storage.durable()
        return result
      }
      for (const path of stale) await this.#ports.committed(path)
      await nextTurn(this.#ports.scheduler)
    }
  }

  #current(watch: Watch): Subscription {
    const subscription = this.#ledger.current(watch)
    if (subscription) return subscription
    throw subscriptionNotFound(watch.id)
  }

  #check({ id, config }: Watch, type: 'webhook' | 'pull-wake'): void {
    if (config.type === type) return
    throw new ItxError('BAD_REQUEST', `subscription ${JSON.stringify(id)} is of the type ${config.type}, not ${type}`, {
      field: 'type',
      type: config.type,
    })
  }
}

export function subscriptionNotFound(id: string): ItxError {
  return new ItxError('NOT_FOUND', `there is no subscription ${JSON.stringify(id)}`, { reason: 'subscription', id })
}

function invalidOffset(path: StreamPath, offset: number | null, why: string): ItxError {
  return new ItxError('CONFLICT', `${path} cannot be acknowledged to ${offset ?? 'that'}: ${why}`, {
    reason: 'invalid-offset',
    path,
    offset,
  })
}
