import { type StreamPath, isBelow } from '../path.ts'
import { PROJECT_RECORDS, type StreamStorage, type WriteTransaction } from '../storage/port.ts'
import type { SubscriptionConfig } from './config.ts'
import { type Link, linkOf, linkText } from './link.ts'
import type { WakeState } from './wake.ts'

/** A subscription as it is stored. */
export interface Subscription extends WakeState {
  readonly id: string
  /** Names this life of it: one that is deleted and made anew under its id has nothing of the old one. */
  readonly life: string
  readonly config: SubscriptionConfig
  /** The stream root as its maker addressed it, with a slash at its end. */
  readonly address: string
  /** ISO 8601. */
  readonly createdAt: string
  /** Streams that were named. */
  readonly named: number
  /** The streams that its pattern matches are still being linked: it was not answered for yet. */
  readonly linking?: true
}

const PAGE = 500

/**
 * The records of a project's subscriptions, as the open group has them. A link is a record of its own: a pattern that
 * matches 100,000 streams rewrites none of the others.
 */
export class SubscriptionRecords {
  readonly #storage: StreamStorage

  constructor(storage: StreamStorage) {
    this.#storage = storage
  }

  find(id: string): Subscription | null {
    const text = this.#storage.working.findRecord(PROJECT_RECORDS, 'subscription', id)
    return text === null ? null : subscriptionOf(text)
  }

  /** All of them. @throws {ItxError} INTERNAL for a damaged row; UNAVAILABLE. */
  list(): Subscription[] {
    const all: Subscription[] = []
    for (let after = ''; ;) {
      const page = this.#storage.working.listRecords(PROJECT_RECORDS, 'subscription', after, PAGE)
      for (const { key, value } of page) {
        all.push(subscriptionOf(value))
        after = key
      }
      if (page.length < PAGE) return all
    }
  }

  isEmpty(): boolean {
    return this.#storage.working.listRecords(PROJECT_RECORDS, 'subscription', '', 1).length === 0
  }

  save(tx: WriteTransaction, subscription: Subscription): void {
    const record = { key: subscription.id, value: JSON.stringify(subscription) }
    tx.saveRecord(PROJECT_RECORDS, 'subscription', record)
  }

  remove(tx: WriteTransaction, id: string): void {
    tx.deleteRecord(PROJECT_RECORDS, 'subscription', id)
  }

  findLink(life: string, path: StreamPath): Link | null {
    const text = this.#storage.working.findRecord(PROJECT_RECORDS, 'link', keyOf(life, path))
    return text === null ? null : linkOf(path, text)
  }

  saveLink(tx: WriteTransaction, life: string, link: Link): void {
    tx.saveRecord(PROJECT_RECORDS, 'link', { key: keyOf(life, link.path), value: linkText(link) })
  }

  removeLink(tx: WriteTransaction, life: string, path: StreamPath): void {
    tx.deleteRecord(PROJECT_RECORDS, 'link', keyOf(life, path))
  }

  /** Links of a subscription after a path, by path. */
  pageLinks(life: string, after: string, limit: number): Link[] {
    const prefix = `${life} `
    return this.#storage.working
      .listRecords(PROJECT_RECORDS, 'link', `${prefix}${after}`, limit)
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ key, value }) => linkOf(key.slice(prefix.length) as StreamPath, value))
  }

  /** Paths of a subscription's links below a path, after another. */
  pageLinksBelow(life: string, path: StreamPath, after: string, limit: number): StreamPath[] {
    const from = after === '' ? `${path}/` : after
    return this.pageLinks(life, from, limit)
      .map((link) => link.path)
      .filter((each) => isBelow(each, path))
  }

  /** Every link there is, by what it belongs to, after a key: also those of subscriptions that are gone. */
  pageAllLinks(
    after: string,
    limit: number,
  ): { readonly key: string; readonly life: string; readonly path: StreamPath }[] {
    return this.#storage.working.listRecords(PROJECT_RECORDS, 'link', after, limit).map(({ key }) => {
      const space = key.indexOf(' ')
      return { key, life: key.slice(0, space), path: key.slice(space + 1) as StreamPath }
    })
  }
}

/** Neither a life nor a path has a space in it. */
function keyOf(life: string, path: StreamPath): string {
  return `${life} ${path}`
}

function subscriptionOf(text: string): Subscription {
  return JSON.parse(text) as Subscription
}
