import { mediaType } from '../content-type.ts'
import { ItxError } from '../errors.ts'
import type { EncodedInput } from '../event.ts'
import { encodeJson } from '../json-text.ts'
import type { StreamPath } from '../path.ts'
import { nameOf, pathOf } from './config.ts'
import { type Held, LOOKED_AT, type Ledger, linkedStream } from './ledger.ts'
import { type Link, isPending } from './link.ts'
import type { SubscriptionPorts } from './ports.ts'
import type { Subscription, SubscriptionRecords } from './records.ts'
import { type Wake, announced, begun, delivered, ended, undelivered } from './wake.ts'
import type { Watch } from './watches.ts'

/** Wakes of one project that are being told at once; a receiver that hangs holds up its own project alone. */
const MOST_IN_FLIGHT = 32
/** The wait before a subscription is looked at again where the disk failed, in milliseconds. */
const AGAIN_MS = 5000

type DueWake = Extract<Wake, { phase: 'due' }>

type Outcome =
  | { readonly kind: 'told'; readonly done: boolean; readonly streams: readonly Held[] }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed'; readonly error: unknown }

/**
 * Sees to it that whatever is pending comes to a wake, and every wake to somebody. It acts on what the disk says and on
 * nothing else, so that a restart goes on where the process before it stood: a wake is told once it is stored, and what
 * came of it is stored before anything follows from it.
 */
export class WakeRunner {
  readonly #ports: SubscriptionPorts
  readonly #records: SubscriptionRecords
  readonly #ledger: Ledger
  readonly #waiting = new Set<Watch>()
  #inFlight = 0
  #halted = false

  constructor(ports: SubscriptionPorts, records: SubscriptionRecords, ledger: Ledger) {
    this.#ports = ports
    this.#records = records
    this.#ledger = ledger
  }

  /** Nothing happens by itself from now on. */
  halt(): void {
    this.#halted = true
    this.#waiting.clear()
  }

  go(): void {
    this.#halted = false
  }

  // -- what happens by itself ---------------------------------------------------------------------------------------

  /** A stream may have something to do. */
  touched(watch: Watch, path: StreamPath): void {
    const isKnown = watch.candidates.has(path)
    // What ends a wake looks by itself.
    if (isKnown && !watch.asleep) return
    watch.candidates.add(path)
    if (!isKnown) watch.fresh.add(path)
    this.driveSoon(watch)
  }

  /** A stream has begun another life. */
  begunAnew(watch: Watch, path: StreamPath, subscription: Subscription): void {
    this.#ledger.hold(watch, path, subscription)
    this.touched(watch, path)
  }

  /** In the next turn, so that what is committed together comes to one wake. */
  driveSoon(watch: Watch): void {
    if (watch.due || watch.gone || this.#halted) return
    watch.due = true
    this.#ports.scheduler.immediate(() => {
      watch.due = false
      this.drive(watch)
    })
  }

  /** Does what the subscription's state calls for. */
  drive(watch: Watch): void {
    if (watch.gone || !watch.linked || watch.resting || this.#halted) return
    watch.cancelTimer?.()
    watch.cancelTimer = null
    try {
      this.#drive(watch)
    } catch (error) {
      this.#rest(watch, error)
    }
  }

  #drive(watch: Watch): void {
    const subscription = this.#ledger.current(watch)
    const wake = subscription?.wake
    if (!subscription) return
    watch.asleep = !wake
    this.#linkFresh(watch, subscription)
    if (!wake) {
      this.#begin(watch, subscription)
    } else if (wake.phase === 'leased') {
      this.#driveIn(watch, wake.until - this.#ports.now())
    } else if (wake.phase === 'due') {
      // Not before it is stored; and one after the other.
      if (this.#ledger.isOpen(watch) || watch.delivering) return
      const wait = wake.at - this.#ports.now()
      if (wait > 0) this.#driveIn(watch, wait)
      else if (this.#inFlight < MOST_IN_FLIGHT) void this.#deliver(watch, subscription, wake)
      else this.#waiting.add(watch)
    }
  }

  /** Streams that were come upon are linked at once, so that no wake of before can speak of them. */
  #linkFresh(watch: Watch, subscription: Subscription): void {
    let held = 0
    for (const path of watch.fresh) {
      if (held++ === LOOKED_AT) return this.driveSoon(watch)
      watch.fresh.delete(path)
      this.#ledger.hold(watch, path, subscription)
    }
  }

  #begin(watch: Watch, subscription: Subscription): void {
    const { pending, stale, more } = this.#ledger.look(watch, subscription)
    if (pending !== null) {
      const id = `w_${this.#ports.newId()}`
      this.#ledger.write(watch, begun(subscription, id, nameOf(pending) ?? pending, this.#ports.now()))
      return
    }
    if (more) this.driveSoon(watch)
    for (const path of stale) void this.#recover(watch, path)
  }

  async #recover(watch: Watch, path: StreamPath): Promise<void> {
    try {
      await this.#ports.committed(path)
      this.driveSoon(watch)
    } catch (error) {
      // A damaged stream is stopped, and keeps no other from being told of.
      watch.candidates.delete(path)
      if (!watch.gone) this.#ports.warn(`subscription ${watch.id} leaves out ${path}: ${String(error)}`)
    }
  }

  #driveIn(watch: Watch, ms: number): void {
    watch.cancelTimer = this.#ports.scheduler.timer(Math.max(1, ms), () => {
      watch.cancelTimer = null
      this.drive(watch)
    })
  }

  /** The disk takes or gives nothing: trying at once would only keep it busy. */
  #rest(watch: Watch, error: unknown): void {
    if (watch.gone || this.#halted) return
    this.#ports.warn(`subscription ${watch.id} waits: ${String(error)}`)
    watch.resting = true
    watch.cancelTimer = this.#ports.scheduler.timer(AGAIN_MS, () => {
      watch.cancelTimer = null
      watch.resting = false
      this.drive(watch)
    })
  }

  // -- telling ------------------------------------------------------------------------------------------------------

  async #deliver(watch: Watch, subscription: Subscription, wake: DueWake): Promise<void> {
    const attempt = new AbortController()
    watch.delivering = attempt
    this.#inFlight++
    const { leaseMs } = watch.config
    const cancel = this.#ports.scheduler.timer(leaseMs, () => attempt.abort(new Error(`no answer in ${leaseMs} ms`)))
    const outcome = await this.#tell(watch, subscription, wake, attempt.signal).catch((error: unknown): Outcome => ({
      kind: 'failed',
      error,
    }))
    cancel()
    this.#inFlight--
    // Deleted, or closed, while it was under way: nothing of it counts.
    if (watch.delivering === attempt) {
      watch.delivering = null
      this.#ended(watch, wake, outcome)
    }
    for (const next of this.#waiting) {
      this.#waiting.delete(next)
      this.drive(next)
      if (this.#inFlight >= MOST_IN_FLIGHT) return
    }
  }

  #ended(watch: Watch, wake: DueWake, outcome: Outcome): void {
    // It is told once more, when all is looked at anew.
    if (this.#halted) return
    try {
      this.#conclude(watch, wake, outcome)
      this.drive(watch)
    } catch (error) {
      this.#rest(watch, error)
    }
  }

  async #tell(watch: Watch, subscription: Subscription, wake: DueWake, signal: AbortSignal): Promise<Outcome> {
    if (watch.config.wakeStream !== null) {
      await this.#announce(watch.config.wakeStream, subscription, wake)
      return { kind: 'told', done: false, streams: [] }
    }
    const streams = this.#ledger.told(watch, subscription)
    if (!streams.some(({ link, tail }) => isPending(link, tail))) return { kind: 'nothing' }
    const { webhooks } = this.#ports
    if (webhooks === null || watch.config.url === null) throw new Error('this server sends no webhooks')
    const { id: subscriptionId, generation } = subscription
    const notice = {
      subscriptionId,
      wakeId: wake.id,
      generation,
      address: watch.address,
      streams: streams.map(linkedStream),
    }
    const { done } = await webhooks.deliver(watch.config.url, notice, signal)
    return { kind: 'told', done, streams }
  }

  /** Appends the wake to the wake stream, once, however often it is tried. */
  async #announce(name: string, { id, generation }: Subscription, wake: DueWake): Promise<void> {
    const path = pathOf(name)
    const stream = await this.#ports.committed(path)
    if (!stream) throw new ItxError('NOT_FOUND', `the wake stream ${path} does not exist`, { path })
    if (mediaType(stream.state.contentType) !== 'application/json') {
      throw new ItxError('CONFLICT', `the wake stream ${path} holds ${stream.state.contentType}, not JSON`, { path })
    }
    const message = { type: 'wake', subscription_id: id, stream: wake.stream, generation, ts: this.#ports.now() }
    const input: EncodedInput = {
      type: 'wake',
      raw: true,
      payload: encodeJson(message, 'payload'),
      idempotencyKey: `wake ${wake.id}`,
    }
    await this.#ports.append(path, [input])
  }

  #conclude(watch: Watch, wake: DueWake, outcome: Outcome): void {
    const subscription = this.#ledger.current(watch)
    // Whoever works on it has been faster, and is done with it.
    if (subscription?.wake?.id !== wake.id) return
    const now = this.#ports.now()
    const { leaseMs, type } = watch.config
    if (outcome.kind === 'failed') {
      // Whoever made it sees it there. In the server's log it would only be in everybody else's way.
      const { error } = outcome
      const why = error instanceof Error ? error.message : String(error)
      this.#ledger.write(watch, undelivered(subscription, now, this.#ports.random(), why))
    } else if (outcome.kind === 'nothing') {
      this.#ledger.write(watch, ended(subscription))
    } else if (outcome.done) {
      this.#ledger.write(watch, ended(subscription), this.#snapshotAcks(watch, outcome.streams))
    } else {
      this.#ledger.write(watch, type === 'webhook' ? delivered(subscription, now, leaseMs) : announced(subscription))
    }
  }

  /** The links as the receiver is done with what it was told, and with nothing that came after. */
  #snapshotAcks(watch: Watch, streams: readonly Held[]): Link[] {
    return streams.flatMap(({ link: { path, incarnationId }, tail }) => {
      const link = this.#records.findLink(watch.life, path)
      return link && link.incarnationId === incarnationId && link.acked < tail.offset
        ? [{ ...link, acked: tail.offset }]
        : []
    })
  }
}
