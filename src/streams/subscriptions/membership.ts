import { ItxError } from '../errors.ts'
import { nextTurn } from '../scheduler.ts'
import type { StreamPath } from '../path.ts'
import {
  MAX_NAMED_STREAMS,
  MAX_SUBSCRIPTIONS,
  type SubscriptionConfig,
  bad,
  pathOf,
  streamName,
  streamNames,
  subscriptionConfig,
  tooMany,
} from './config.ts'
import { type Ledger, nextToldIn } from './ledger.ts'
import { type Link, type Tail, named, unnamed } from './link.ts'
import type { SubscriptionParts } from './parts.ts'
import type { SubscriptionPorts } from './ports.ts'
import type { Subscription, SubscriptionRecords } from './records.ts'
import { patternRoot } from './resume.ts'
import { ASLEEP } from './wake.ts'
import type { WakeRunner } from './wake-runner.ts'
import { Watch, type Watches } from './watches.ts'
import { subscriptionNotFound } from './work.ts'

/** Streams that are linked, or whose links are deleted, in one turn. */
const PAGE = 500

/** Makes and deletes subscriptions, and says which streams they have. */
export class Membership {
  readonly #ports: SubscriptionPorts
  readonly #records: SubscriptionRecords
  readonly #watches: Watches
  readonly #ledger: Ledger
  readonly #runner: WakeRunner
  readonly #making = new Map<string, Promise<unknown>>()
  /** Subscriptions whose links are being deleted. */
  #clearing = 0

  constructor({ ports, records, watches, ledger, runner }: SubscriptionParts) {
    this.#ports = ports
    this.#records = records
    this.#watches = watches
    this.#ledger = ledger
    this.#runner = runner
  }

  get busy(): boolean {
    return this.#making.size > 0 || this.#clearing > 0
  }

  isMaking = (id: string): boolean => this.#making.has(id)

  async create(
    id: string,
    input: unknown,
    address: string,
  ): Promise<{ readonly created: boolean; readonly subscription: Subscription }> {
    const { config, streams } = subscriptionConfig(input)
    const known = await this.#known(id, config)
    if (known) return { created: false, subscription: known }
    if (config.url !== null) await this.#checkUrl(config.url)
    do {
      // Somebody may have been faster while the address was looked up.
      const meanwhile = await this.#known(id, config)
      if (meanwhile) return { created: false, subscription: meanwhile }
    } while (this.#making.has(id) || this.#watches.get(id))
    if (this.#watches.size >= MAX_SUBSCRIPTIONS) {
      throw tooMany('subscriptions', this.#watches.size + 1, MAX_SUBSCRIPTIONS)
    }
    const making = this.#make(id, config, streams.map(pathOf), address)
    this.#making.set(id, making)
    try {
      return { created: true, subscription: await making }
    } finally {
      this.#making.delete(id)
    }
  }

  /** Deleting what is not there is no error. */
  async remove(id: string): Promise<void> {
    await this.#made(id)
    const watch = this.#watches.get(id)
    if (!watch || !this.#ledger.current(watch)) return
    this.#ledger.remove(watch)
    this.#watches.remove(watch)
    await this.#ports.storage.durable()
    void this.#clear(watch)
  }

  /** Names streams: they are linked where they end now. */
  async name(watch: Watch, input: unknown): Promise<void> {
    const names = streamNames(input)
    const { wakeStream } = watch.config
    if (names.length === 0) throw bad('streams', 'must name at least one stream', input)
    if (wakeStream !== null && names.includes(wakeStream)) {
      throw bad('streams', 'must not name the wake stream: each wake would be cause for the next', wakeStream)
    }
    const paths = names.map(pathOf)
    await this.#recover(paths)
    const subscription = this.#current(watch)
    const fresh = this.#named(watch, subscription, paths)
    const count = subscription.named + fresh.length
    if (count > MAX_NAMED_STREAMS) throw tooMany('named streams', count, MAX_NAMED_STREAMS)
    if (fresh.length > 0) this.#ledger.write(watch, { ...subscription, named: count }, fresh)
    this.#watches.forgetPaths()
    await this.#ports.storage.durable()
  }

  /** Takes a name back; the pattern's link stays. Taking back what was not named is no error. */
  async unname(watch: Watch, name: string): Promise<void> {
    const path = pathOf(streamName(name, 'path'))
    const subscription = this.#current(watch)
    const link = this.#records.findLink(watch.life, path)
    if (link?.explicit) {
      const left = unnamed(link)
      this.#ledger.write(watch, { ...subscription, named: subscription.named - 1 }, left ? [left] : [])
      if (!left) this.#ledger.writeLink(watch, path, null)
      this.#watches.forgetPaths()
    }
    await this.#ports.storage.durable()
  }

  // -- making -------------------------------------------------------------------------------------------------------

  /** The subscription that there is, if it is the same. @throws {ItxError} CONFLICT `exists` when it is another. */
  async #known(id: string, config: SubscriptionConfig): Promise<Subscription | null> {
    await this.#made(id)
    const watch = this.#watches.get(id)
    const known = watch && this.#ledger.current(watch)
    if (!known) return null
    if (known.config.hash === config.hash) return known
    throw new ItxError('CONFLICT', `subscription ${JSON.stringify(id)} exists with another configuration`, {
      reason: 'subscription-exists',
      id,
    })
  }

  /** Waits until nobody is making it. */
  async #made(id: string): Promise<void> {
    for (let making = this.#making.get(id); making; making = this.#making.get(id)) await making.catch(() => {})
  }

  async #checkUrl(url: string): Promise<void> {
    const { webhooks } = this.#ports
    if (webhooks) return webhooks.check(url)
    throw new ItxError('BAD_REQUEST', 'this server sends no webhooks', { reason: 'webhook-url', field: 'webhook.url' })
  }

  async #make(
    id: string,
    config: SubscriptionConfig,
    explicit: readonly StreamPath[],
    address: string,
  ): Promise<Subscription> {
    const made: Subscription = {
      ...ASLEEP,
      id,
      life: this.#ports.newId(),
      config,
      address,
      createdAt: new Date(this.#ports.now()).toISOString(),
      named: explicit.length,
    }
    const watch = new Watch(made)
    // Already among the others: what is committed while the streams are being linked is not missed.
    this.#watches.add(watch)
    try {
      await this.#link(watch, made, explicit)
    } catch (error) {
      this.#watches.remove(watch)
      throw error
    }
    watch.linked = true
    this.#runner.drive(watch)
    return made
  }

  /** Links what there is, where it ends now, a page at a time; the last one makes the subscription. */
  async #link(watch: Watch, made: Subscription, explicit: readonly StreamPath[]): Promise<void> {
    const root = watch.config.pattern === null ? null : patternRoot(watch)
    await this.#recover(explicit)
    for (let after: string | undefined, first = true; ; first = false) {
      const options = { limit: PAGE, ...(after === undefined ? {} : { after }) }
      const page = root === null ? [] : this.#ports.storage.committed.list(root, options)
      const paths = page.map(({ path }) => path).filter(watch.matches)
      await this.#recover(paths)
      after = page.at(-1)?.path
      const isLast = page.length < PAGE
      const links = this.#globbed(watch, made, paths)
      this.#ledger.write(watch, isLast ? made : { ...made, linking: true }, links)
      if (first) for (const link of this.#named(watch, made, explicit)) this.#ledger.writeLink(watch, link.path, link)
      await this.#ports.storage.durable()
      if (isLast) return
      await nextTurn(this.#ports.scheduler)
      this.#ports.checkOpen()
      if (watch.gone) throw subscriptionNotFound(watch.id)
    }
  }

  #globbed(watch: Watch, subscription: Subscription, paths: readonly StreamPath[]): Link[] {
    const since = nextToldIn(subscription)
    return paths.flatMap((path) => {
      const stream = this.#ports.committedNow(path)
      if (stream === null || stream === 'stale') return []
      const { lastVisibleOffset: acked, childCount } = stream.state
      // A stream that is there only because others lie below it is nothing that anybody has made.
      if (acked === 0 && childCount > 0) return []
      const { incarnationId } = stream.ref
      const explicit = this.#records.findLink(watch.life, path)?.explicit ?? false
      return [{ path, glob: true, explicit, acked, incarnationId, since }]
    })
  }

  /** The links of named streams that are not named yet. */
  #named(watch: Watch, subscription: Subscription, paths: readonly StreamPath[]): Link[] {
    const since = nextToldIn(subscription)
    return paths.flatMap((path) => {
      const before = this.#records.findLink(watch.life, path)
      if (before?.explicit) return []
      return [named(before, this.#tail(path), { path, matches: watch.matches(path), since })]
    })
  }

  #tail(path: StreamPath): Tail | null {
    const stream = this.#ports.committedNow(path)
    if (stream === null || stream === 'stale') return null
    return { incarnationId: stream.ref.incarnationId, offset: stream.state.lastVisibleOffset }
  }

  /** Rebuilds states where they must be, so that the tails are known in the turn that decides. */
  async #recover(paths: readonly StreamPath[]): Promise<void> {
    for (const path of paths) if (this.#ports.committedNow(path) === 'stale') await this.#ports.committed(path)
  }

  #current(watch: Watch): Subscription {
    const subscription = this.#ledger.current(watch)
    if (subscription) return subscription
    throw subscriptionNotFound(watch.id)
  }

  /** Deletes the links of a subscription that is gone. What is left over, the next start deletes. */
  async #clear({ id, life }: Watch): Promise<void> {
    this.#clearing++
    try {
      for (;;) {
        const page = this.#records.pageLinks(life, '', PAGE)
        if (page.length > 0) {
          this.#ports.storage.transactionSync(this.#ledger, (tx) => {
            for (const { path } of page) this.#records.removeLink(tx, life, path)
          })
        }
        if (page.length < PAGE) return
        await nextTurn(this.#ports.scheduler)
      }
    } catch (error) {
      this.#ports.warn(`links of the deleted subscription ${id} are left: ${String(error)}`)
    } finally {
      this.#clearing--
    }
  }
}
