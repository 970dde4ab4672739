import type { StreamPath } from '../path.ts'
import { nextTurn } from '../scheduler.ts'
import { ItxError } from '../errors.ts'
import { nameOf, pathOf, subscriptionId } from './config.ts'
import { Membership } from './membership.ts'
import type { SubscriptionParts } from './parts.ts'
import type { LinkedStream, SubscriptionPorts } from './ports.ts'
import { type Subscription, SubscriptionRecords } from './records.ts'
import { resumeSubscriptions } from './resume.ts'
import { Ledger } from './ledger.ts'
import { WakeRunner } from './wake-runner.ts'
import { Watches, type Watch } from './watches.ts'
import { type Claim, type Progress, Work, subscriptionNotFound } from './work.ts'

/** The wait before the disk is asked again where it failed, in milliseconds. */
const RESUME_AGAIN_MS = 5000
/** Streams of a subscription that one answer lists, at most. */
const LISTED = 1000
/** Links looked at in one turn when streams have ended. */
const PAGE = 500

interface Ending {
  readonly path: StreamPath
  /** Whether everything below has ended with it. */
  readonly below: boolean
  /** It is gone; otherwise it began anew under its name. */
  readonly deleted: boolean
}

/** A subscription and a page of its streams. */
export interface SubscriptionPage {
  readonly subscription: Subscription
  readonly streams: readonly Omit<LinkedStream, 'tail' | 'pending'>[]
  /** Pass as `after` for the next page; null on the last. */
  readonly nextAfter: string | null
}

/**
 * The subscriptions of a project: durable cursors over many streams that wake workers (Durable Streams protocol, sections
 * 6 and 7). All that they are is on the disk; memory holds what to look at next.
 *
 * Every operation resolves once it is on the disk, and rejects with UNAVAILABLE when the disk refuses; nothing of it is
 * stored then.
 */
export class Subscriptions {
  readonly #ports: SubscriptionPorts
  readonly #parts: SubscriptionParts
  readonly #records: SubscriptionRecords
  readonly #watches: Watches
  readonly #ledger: Ledger
  readonly #runner: WakeRunner
  readonly #membership: Membership
  readonly #work: Work
  /** Streams that have ended, in order. */
  #ended: Ending[] = []
  #forgetting = false
  /** Until memory has what the disk says. */
  #resuming: Promise<void> | null = null
  #cancelResume: (() => void) | null = null
  #stopped = false

  constructor(ports: SubscriptionPorts) {
    this.#ports = ports
    const records = new SubscriptionRecords(ports.storage)
    const watches = new Watches((life, path) => records.findLink(life, path)?.explicit ?? false)
    const ledger = new Ledger(ports, records, {
      onCommitted: (changed) => {
        for (const watch of changed) this.#runner.drive(watch)
      },
      onLost: () => this.#lost(),
    })
    const runner = new WakeRunner(ports, records, ledger)
    this.#parts = { ports, records, watches, ledger, runner }
    this.#records = records
    this.#watches = watches
    this.#ledger = ledger
    this.#runner = runner
    this.#membership = new Membership(this.#parts)
    this.#work = new Work(this.#parts)
    this.#begin()
  }

  /** Whether something must happen by itself, now or later: wakes to be told, leases that run out. */
  get busy(): boolean {
    if (this.#resuming !== null || this.#forgetting || this.#membership.busy || this.#cancelResume) return true
    return this.#watches.all().some((watch) => watch.busy)
  }

  // -- what the project tells ---------------------------------------------------------------------------------------

  /** A stream's committed state has moved on. Costs a project without subscriptions nothing. */
  touched(path: StreamPath): void {
    if (this.#watches.size === 0 || this.#stopped) return
    try {
      if (nameOf(path) === null) return
      for (const watch of this.#watches.of(path)) this.#runner.touched(watch, path)
    } catch (error) {
      // Who watches it could not be read; whoever committed has nothing to do with that.
      this.#ports.warn(`subscriptions did not hear of ${path} yet: ${String(error)}`)
      this.#lost()
    }
  }

  /** A life of a stream, and perhaps of all below it, is over. */
  ended(ending: Ending): void {
    if (this.#watches.size === 0 || this.#stopped) return
    this.#ended.push(ending)
    if (this.#forgetting) return
    this.#forgetting = true
    this.#ports.scheduler.immediate(() => void this.#forget())
  }

  stop(): void {
    this.#stopped = true
    this.#cancelResume?.()
    this.#runner.halt()
    this.#watches.clear()
  }

  // -- operations ---------------------------------------------------------------------------------------------------

  /**
   * Makes a subscription. The streams that its pattern matches and those it names are linked where they end now.
   *
   * @param input as the protocol writes it
   * @param address the stream root as the caller addresses it, with a slash at its end
   * @returns whether it was made now; an existing one of the same configuration is left as it is
   * @throws {ItxError} BAD_REQUEST, also `webhook-url`; CONFLICT `subscription-exists`, `too-many`.
   */
  async create(
    id: string,
    input: unknown,
    address: string,
  ): Promise<{ readonly created: boolean; readonly subscription: Subscription }> {
    await this.#resumed()
    return this.#membership.create(subscriptionId(id), input, address)
  }

  /**
   * A subscription and its streams by name, a page at a time.
   *
   * @param after a name
   * @throws {ItxError} NOT_FOUND `subscription`.
   */
  async get(id: string, after = ''): Promise<SubscriptionPage> {
    const watch = await this.#watch(id)
    const subscription = this.#ledger.current(watch)
    if (!subscription) throw subscriptionNotFound(id)
    const links = this.#records.pageLinks(watch.life, after === '' ? '' : pathOf(after), LISTED)
    const streams = links.map(({ path, explicit, acked }) => ({ name: nameOf(path) ?? path, explicit, acked }))
    return { subscription, streams, nextAfter: links.length < LISTED ? null : (streams.at(-1)?.name ?? null) }
  }

  /** Deletes a subscription: whoever works on a wake of it is fenced. Deleting what is not there is no error. */
  async delete(id: string): Promise<void> {
    await this.#resumed()
    await this.#membership.remove(id)
  }

  /** Names streams beside the pattern; they are linked where they end now. @throws {ItxError} NOT_FOUND; BAD_REQUEST; CONFLICT `too-many`. */
  async addStreams(id: string, streams: unknown): Promise<void> {
    await this.#membership.name(await this.#watch(id), streams)
  }

  /** Takes a name back; what the pattern matches stays. @throws {ItxError} NOT_FOUND; BAD_REQUEST. */
  async removeStream(id: string, name: string): Promise<void> {
    await this.#membership.unname(await this.#watch(id), name)
  }

  /**
   * Gives what is pending to a worker, who holds it alone until the lease runs out.
   *
   * @throws {ItxError} CONFLICT `already-claimed`, `no-pending-work`; NOT_FOUND; BAD_REQUEST for a webhook's.
   */
  async claim(id: string, worker: unknown): Promise<Claim> {
    return this.#work.claim(await this.#watch(id), worker)
  }

  /**
   * Takes down how far whoever works on the outstanding wake is. All of it counts, or nothing.
   *
   * @returns whether another wake has begun, because there is more to do
   * @throws {ItxError} CONFLICT `fenced`, `invalid-offset`; NOT_FOUND; BAD_REQUEST for another type.
   */
  async progress(
    id: string,
    type: 'webhook' | 'pull-wake',
    progress: Progress,
  ): Promise<{ readonly nextWake: boolean }> {
    return this.#work.progress(await this.#watch(id), type, progress)
  }

  /** Gives a claim back undone; the next wake tells of it anew. @throws {ItxError} CONFLICT `fenced`; NOT_FOUND. */
  async release(id: string, names: Pick<Progress, 'held' | 'named'>): Promise<void> {
    await this.#work.release(await this.#watch(id), names)
  }

  async #watch(id: string): Promise<Watch> {
    await this.#resumed()
    const watch = this.#watches.get(id)
    if (watch) return watch
    throw subscriptionNotFound(id)
  }

  // -- memory and disk ----------------------------------------------------------------------------------------------

  #begin(): void {
    try {
      if (!this.#records.isEmpty()) this.#resume()
    } catch (error) {
      this.#ports.warn(`subscriptions are not looked at yet: ${String(error)}`)
      this.#resumeLater()
    }
  }

  #resume(): void {
    this.#cancelResume = null
    if (this.#stopped) return
    const resuming = nextTurn(this.#ports.scheduler)
      .then(() => {
        if (this.#stopped) return
        this.#runner.go()
        return resumeSubscriptions(this.#parts, this.#membership.isMaking)
      })
      .catch((error: unknown) => {
        if (this.#stopped) return
        this.#ports.warn(`subscriptions are not looked at yet: ${String(error)}`)
        this.#resumeLater()
      })
      .finally(() => {
        if (this.#resuming === resuming) this.#resuming = null
      })
    this.#resuming = resuming
  }

  /** What memory concluded from writes that the disk took back is worth nothing: it is all looked at anew. */
  #lost(): void {
    this.#runner.halt()
    this.#resumeLater()
  }

  #resumeLater(): void {
    if (this.#stopped || this.#cancelResume) return
    this.#cancelResume = this.#ports.scheduler.timer(RESUME_AGAIN_MS, () => this.#resume())
  }

  /** @throws {ItxError} UNAVAILABLE while the disk could not be read. */
  async #resumed(): Promise<void> {
    await this.#resuming
    this.#ports.checkOpen()
    if (this.#cancelResume === null) return
    throw new ItxError('UNAVAILABLE', 'the subscriptions could not be read or written; they are looked at again soon', {
      reason: 'storage',
    })
  }

  /** Takes the links along. What a crash keeps from here shows when a link is next held against its stream. */
  async #forget(): Promise<void> {
    try {
      for (let next = this.#ended.shift(); next && !this.#stopped; next = this.#ended.shift()) {
        const { path, below, deleted } = next
        if (!below) {
          for (const watch of this.#watches.of(path)) this.#end(watch, [path], deleted)
          continue
        }
        for (const watch of this.#watches.all()) {
          this.#end(watch, [path], deleted)
          for (let after = ''; !this.#stopped;) {
            const page = this.#records.pageLinksBelow(watch.life, path, after, PAGE)
            this.#end(watch, page, deleted)
            if (page.length < PAGE) break
            after = page.at(-1) ?? after
            await nextTurn(this.#ports.scheduler)
          }
        }
      }
    } catch (error) {
      if (!this.#stopped) {
        this.#ports.warn(`subscriptions did not hear of ended streams yet: ${String(error)}`)
        this.#lost()
      }
    } finally {
      this.#forgetting = false
    }
  }

  #end(watch: Watch, paths: readonly StreamPath[], deleted: boolean): void {
    for (const path of paths) {
      const link = this.#records.findLink(watch.life, path)
      const subscription = this.#ledger.current(watch)
      if (!link || link.incarnationId === null || !subscription) continue
      const stream = this.#ports.committedNow(path)
      if (stream === 'stale' || stream?.ref.incarnationId === link.incarnationId) continue
      if (deleted) {
        this.#ledger.writeLink(watch, path, null)
        if (link.explicit) this.#ledger.write(watch, { ...subscription, named: subscription.named - 1 })
        this.#watches.forgetPaths()
        watch.candidates.delete(path)
      }
      // What goes on under that name is another life: nothing of it is done.
      if (stream) this.#runner.begunAnew(watch, path, subscription)
    }
  }
}
