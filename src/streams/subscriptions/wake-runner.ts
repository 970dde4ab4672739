import { mediaType } from '../content-type.ts'
import { ItxError } from '../errors.ts'
import type { EncodedInput } from '../event.ts'
import { encodeJson } from '../json-text.ts'
import type { StreamPath } from '../path.ts'
import type { GroupParticipant } from '../storage/port.ts'
import { nameOf, pathOf } from './config.ts'
import { type Link, type Tail, heldAgainst, isPending } from './link.ts'
import type { LinkedStream, SubscriptionPorts } from './ports.ts'
import type { Subscription, SubscriptionRecords } from './records.ts'
import { type Wake, announced, begun, delivered, ended, settled, undelivered } from './wake.ts'
import type { Watch } from './watches.ts'

/** Wakes of one project that are being told at once; a receiver that hangs holds up its own project alone. */
const MOST_IN_FLIGHT = 32
/** Streams looked at in one turn. */
const LOOKED_AT = 200
/** Streams with something to do that a wake tells of; the rest comes with the next. */
export const MOST_TOLD = 1000
/** A wake tells of streams with nothing to do as well, up to so many in all. */
const ALSO_TOLD = 100
/** The wait before a subscription is looked at again where the disk failed, in milliseconds. */
const AGAIN_MS = 5000

/** A link and how far its stream goes. */
export interface Held {
  readonly link: Link
  readonly tail: Tail
}

type DueWake = Extract<Wake, { phase: 'due' }>

/** What looking for something to do has come to. */
export interface Look {
  readonly pending: StreamPath | null
  /** Streams whose state must be rebuilt before anything can be said. */
  readonly stale: readonly StreamPath[]
  /** There are more to look at. */
  readonly more: boolean
}

type Outcome =
  | { readonly kind: 'told'; readonly done: boolean; readonly streams: readonly Held[] }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed'; readonly error: unknown }

/**
 * Sees to it that whatever is pending comes to a wake, and every wake to somebody. It acts on what the disk says and on
 * nothing else, so that a restart goes on where the process before it stood: a wake is told once it is stored, and what
 * came of it is stored before anything follows from it.
 */
export class WakeRunner implements GroupParticipant {
  readonly #ports: SubscriptionPorts
  readonly #records: SubscriptionRecords
  /** Told when the disk has taken back what was written: what memory concluded from it is worth nothing. */
  readonly #onLost: () => void
  /** Written in the open group. */
  readonly #changed = new Set<Watch>()
  readonly #waiting = new Set<Watch>()
  #inFlight = 0
  #halted = false

  constructor(ports: SubscriptionPorts, records: SubscriptionRecords, onLost: () => void) {
    this.#ports = ports
    this.#records = records
    this.#onLost = onLost
  }

  /** Nothing happens by itself from now on. */
  halt(): void {
    this.#halted = true
    this.#waiting.clear()
  }

  go(): void {
    this.#halted = false
  }

  // -- what is stored -----------------------------------------------------------------------------------------------

  /** The subscription as it is now; null when it was deleted. */
  current(watch: Watch): Subscription | null {
    const found = this.#records.find(watch.id)
    return found?.life === watch.life ? settled(found, this.#ports.now(), watch.config.leaseMs) : null
  }

  /** Writes a subscription and links of it, all or nothing, in the open group. */
  write(watch: Watch, subscription: Subscription, links: readonly Link[] = []): void {
    this.#transact(watch, () => {
      this.#ports.storage.transactionSync(this, (tx) => {
        this.#records.save(tx, subscription)
        for (const link of links) this.#records.saveLink(tx, watch.life, link)
      })
    })
  }

  /** Deletes a subscription; its links follow. */
  remove(watch: Watch): void {
    this.#transact(watch, () => {
      this.#ports.storage.transactionSync(this, (tx) => this.#records.remove(tx, watch.id))
    })
  }

  /** Writes a link, or deletes it. */
  writeLink(watch: Watch, path: StreamPath, link: Link | null): void {
    this.#ports.storage.transactionSync(this, (tx) => {
      if (link === null) this.#records.removeLink(tx, watch.life, path)
      else this.#records.saveLink(tx, watch.life, link)
    })
  }

  #transact(watch: Watch, write: () => void): void {
    this.#changed.add(watch)
    try {
      write()
    } catch (error) {
      // Where the group could not even begin, nobody else tells.
      this.#changed.delete(watch)
      throw error
    }
  }

  flush(): void {}

  committed(): void {
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const watch of changed) this.drive(watch)
  }

  rolledBack(): void {
    this.#changed.clear()
    this.#onLost()
  }

  // -- streams ------------------------------------------------------------------------------------------------------

  /** Holds a stream of a subscription against its link, and writes what has become of that. Null: it is none of its. */
  hold(watch: Watch, path: StreamPath, subscription: Subscription): Held | null | 'stale' {
    const stream = this.#ports.committedNow(path)
    if (stream === 'stale') return 'stale'
    const tail = stream && { incarnationId: stream.ref.incarnationId, offset: stream.state.lastVisibleOffset }
    const before = this.#records.findLink(watch.life, path)
    // A stream that is there only because others lie below it is nothing that anybody has made.
    const bare = stream !== null && stream.state.lastVisibleOffset === 0 && stream.state.childCount > 0
    const matches = watch.matches(path) && !(before === null && bare)
    const link = heldAgainst(before, tail, { path, matches, since: nextToldIn(subscription) })
    // What was named is counted: its link goes when the project tells of the end, and lies still until then.
    const keep = link === null && before?.explicit
    if (link !== before && !keep) this.writeLink(watch, path, link)
    return link && tail ? { link, tail } : null
  }

  /** Looks for a stream with something to do; candidates that have nothing are none any more. */
  look(watch: Watch, subscription: Subscription): Look {
    const stale: StreamPath[] = []
    let looked = 0
    for (const path of watch.candidates) {
      if (looked++ === LOOKED_AT) return { pending: null, stale, more: true }
      const held = this.hold(watch, path, subscription)
      if (held === 'stale') stale.push(path)
      else if (held && isPending(held.link, held.tail)) return { pending: path, stale, more: false }
      else watch.candidates.delete(path)
    }
    return { pending: null, stale, more: false }
  }

  /** The streams that whoever works on the outstanding wake is told of: first those with something to do. */
  told(watch: Watch, subscription: Subscription): Held[] {
    const told = new Map<StreamPath, Held>()
    const tell = (held: Held) => {
      if (held.link.since <= subscription.generation) told.set(held.link.path, held)
    }
    let looked = 0
    for (const path of watch.candidates) {
      if (told.size === MOST_TOLD || looked++ === 2 * MOST_TOLD) break
      const held = this.hold(watch, path, subscription)
      if (held === 'stale') continue
      if (held && isPending(held.link, held.tail)) tell(held)
      else watch.candidates.delete(path)
    }
    if (told.size >= ALSO_TOLD) return [...told.values()]
    for (const { path } of this.#records.pageLinks(watch.life, '', ALSO_TOLD)) {
      if (told.size === ALSO_TOLD) break
      const held = told.has(path) ? null : this.hold(watch, path, subscription)
      if (held !== null && held !== 'stale') tell(held)
    }
    return [...told.values()]
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
    this.hold(watch, path, subscription)
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
    const subscription = this.current(watch)
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
      if (this.#changed.has(watch) || watch.delivering) return
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
      this.hold(watch, path, subscription)
    }
  }

  #begin(watch: Watch, subscription: Subscription): void {
    const { pending, stale, more } = this.look(watch, subscription)
    if (pending !== null) {
      const id = `w_${this.#ports.newId()}`
      this.write(watch, begun(subscription, id, nameOf(pending) ?? pending, this.#ports.now()))
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
    const streams = this.told(watch, subscription)
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
    const subscription = this.current(watch)
    // Whoever works on it has been faster, and is done with it.
    if (subscription?.wake?.id !== wake.id) return
    const now = this.#ports.now()
    const { leaseMs, type } = watch.config
    if (outcome.kind === 'failed') {
      if (wake.attempts === 0) {
        const to = watch.config.url === null ? 'the wake stream' : 'the webhook'
        this.#ports.warn(
          `subscription ${watch.id}: ${to} was not reached, which is tried again: ${String(outcome.error)}`,
        )
      }
      this.write(watch, undelivered(subscription, now, this.#ports.random()))
    } else if (outcome.kind === 'nothing') {
      this.write(watch, ended(subscription))
    } else if (outcome.done) {
      this.write(watch, ended(subscription), this.#snapshotAcks(watch, outcome.streams))
    } else {
      this.write(watch, type === 'webhook' ? delivered(subscription, now, leaseMs) : announced(subscription))
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

/** The first generation that can tell of a link that begins now: not one that somebody was told of already. */
export function nextToldIn({ generation, wake, config }: Subscription): number {
  const isTold = wake !== null && (config.type === 'webhook' || wake.phase === 'leased')
  return isTold ? generation + 1 : generation
}

export function linkedStream({ link, tail }: Held): LinkedStream {
  const { path, explicit, acked } = link
  return { name: nameOf(path) ?? path, explicit, acked, tail: tail.offset, pending: isPending(link, tail) }
}
