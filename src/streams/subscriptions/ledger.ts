import type { StreamPath } from '../path.ts'
import type { GroupParticipant } from '../storage/port.ts'
import { nameOf } from './config.ts'
import { type Link, type Tail, heldAgainst, isPending } from './link.ts'
import type { LinkedStream, SubscriptionPorts } from './ports.ts'
import type { Subscription, SubscriptionRecords } from './records.ts'
import { settled } from './wake.ts'
import type { Watch } from './watches.ts'

/** Streams looked at in one turn. */
export const LOOKED_AT = 200
/** Streams with something to do that a wake tells of; the rest comes with the next. */
const MOST_TOLD = 1000
/** A wake tells of streams with nothing to do as well, up to so many in all. */
const ALSO_TOLD = 100

/** A link and how far its stream goes. */
export interface Held {
  readonly link: Link
  readonly tail: Tail
}

/** What looking for something to do has come to. */
export interface Look {
  readonly pending: StreamPath | null
  /** Streams whose state must be rebuilt before anything can be said. */
  readonly stale: readonly StreamPath[]
  /** There are more to look at. */
  readonly more: boolean
}

interface LedgerListener {
  /** What was written of these is on the disk. */
  onCommitted(watches: readonly Watch[]): void
  /** The disk has taken back what was written: what memory concluded from it is worth nothing. */
  onLost(): void
}

/**
 * What the disk says of subscriptions and of their streams, the open group included, and how it comes to say something
 * else. Nothing of it is kept in memory, so nothing is left there when a group fails.
 */
export class Ledger implements GroupParticipant {
  readonly #ports: SubscriptionPorts
  readonly #records: SubscriptionRecords
  readonly #listener: LedgerListener
  /** Written in the open group. */
  readonly #changed = new Set<Watch>()

  constructor(ports: SubscriptionPorts, records: SubscriptionRecords, listener: LedgerListener) {
    this.#ports = ports
    this.#records = records
    this.#listener = listener
  }

  /** The subscription as it is now; null when it was deleted. */
  current(watch: Watch): Subscription | null {
    const found = this.#records.find(watch.id)
    return found?.life === watch.life ? settled(found, this.#ports.now(), watch.config.leaseMs) : null
  }

  /** Whether what it says is not on the disk yet. */
  isOpen(watch: Watch): boolean {
    return this.#changed.has(watch)
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
    this.#listener.onCommitted(changed)
  }

  rolledBack(): void {
    this.#changed.clear()
    this.#listener.onLost()
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
