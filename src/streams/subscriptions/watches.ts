import type { StreamPath } from '../path.ts'
import { type SubscriptionConfig, patternMatcher } from './config.ts'
import type { Subscription } from './records.ts'

/** Paths of which it is remembered who watches them, at most. */
const MOST_REMEMBERED = 10_000

/**
 * What memory holds of a subscription: nothing that the disk does not have, but for what to look at next.
 *
 * Invariant: once `linked`, every stream of the subscription with something to do is among the candidates. Some of them
 * may have nothing; that shows when they are looked at.
 */
export class Watch {
  readonly id: string
  readonly life: string
  readonly config: SubscriptionConfig
  readonly address: string
  readonly matches: (path: StreamPath) => boolean
  readonly candidates = new Set<StreamPath>()
  /** Those of them that may have no link yet. */
  readonly fresh = new Set<StreamPath>()
  /** Whether all its streams are known: until then nothing is begun. */
  linked = false
  /** No wake is outstanding, as far as is known: whatever is pending is cause for one. */
  asleep = true
  /** It was deleted, or the project is closed. */
  gone = false
  /** A wake is being told. */
  delivering: AbortController | null = null
  /** Cancels what comes with time. */
  cancelTimer: (() => void) | null = null
  /** It will be looked at in the next turn. */
  due = false
  /** The disk fails: nothing is tried for a while. */
  resting = false

  constructor({ id, life, config, address }: Subscription) {
    this.id = id
    this.life = life
    this.config = config
    this.address = address
    this.matches = patternMatcher(config)
  }

  /** Whether there is something that must happen by itself, now or later. */
  get busy(): boolean {
    return this.due || this.delivering !== null || this.cancelTimer !== null
  }

  /** Lets go of everything that would come with time. */
  end(): void {
    this.gone = true
    this.due = false
    this.cancelTimer?.()
    this.cancelTimer = null
    this.delivering?.abort()
    this.delivering = null
  }
}

/** The subscriptions of a project in memory, and who of them watches a path. */
export class Watches {
  readonly #hasLink: (life: string, path: StreamPath) => boolean
  readonly #byId = new Map<string, Watch>()
  /** The insertion order is the order of first use. */
  readonly #byPath = new Map<StreamPath, readonly Watch[]>()

  constructor(hasLink: (life: string, path: StreamPath) => boolean) {
    this.#hasLink = hasLink
  }

  get size(): number {
    return this.#byId.size
  }

  /** As they are now: whoever goes through them may add and remove. */
  all(): Watch[] {
    return [...this.#byId.values()]
  }

  get(id: string): Watch | undefined {
    return this.#byId.get(id)
  }

  add(watch: Watch): void {
    this.#byId.get(watch.id)?.end()
    this.#byId.set(watch.id, watch)
    this.forgetPaths()
  }

  remove(watch: Watch): void {
    watch.end()
    if (this.#byId.get(watch.id) === watch) this.#byId.delete(watch.id)
    this.forgetPaths()
  }

  clear(): void {
    for (const watch of this.#byId.values()) watch.end()
    this.#byId.clear()
    this.forgetPaths()
  }

  /** Whose pattern matches a path, or who has named it. Remembered: this is asked with every commit. */
  of(path: StreamPath): readonly Watch[] {
    const known = this.#byPath.get(path)
    if (known) return known
    const found = this.all().filter((watch) => watch.matches(path) || this.#hasLink(watch.life, path))
    this.#byPath.set(path, found)
    for (const oldest of this.#byPath.keys()) {
      if (this.#byPath.size <= MOST_REMEMBERED) break
      this.#byPath.delete(oldest)
    }
    return found
  }

  /** Who watches what has changed. */
  forgetPaths(): void {
    this.#byPath.clear()
  }
}
