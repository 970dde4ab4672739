import type { Role } from '../control-plane/roles.ts'
import { ItxError } from '../streams/errors.ts'
import type { Loss } from './live-rights.ts'
import type { KnownPrincipal } from './principal.ts'
import type { RightsWatch } from './rights-watch.ts'

/** Why somebody who waits for news over HTTP gets none any more. */
export type ReadingEnd = Loss | 'shutdown'

/** A project that somebody was let into, as far as it can be taken back. */
interface Granted {
  readonly id: string
  readonly role: Role
}

interface LiveReadersOptions {
  /** Readers of one credential at once. */
  readonly most: number
  readonly rights: Pick<RightsWatch, 'watch'>
}

/**
 * Those who wait for news over HTTP, in a long poll or an event stream: so many per credential, and each until it loses its
 * right or the server stops. What subscriptions have in their socket, these have here.
 */
export class LiveReaders {
  readonly #options: LiveReadersOptions
  readonly #perCredential = new Map<string, number>()
  readonly #ends = new Set<(why: ReadingEnd) => void>()
  #stopped = false

  constructor(options: LiveReadersOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#ends.size
  }

  /**
   * Lets one more wait.
   *
   * @param end called at most once, and not after it has left
   * @returns how to leave, as often as one likes
   * @throws {ItxError} RATE_LIMITED `readers`; UNAVAILABLE when the server is shutting down.
   */
  enter(principal: KnownPrincipal, { id, role }: Granted, end: (why: ReadingEnd) => void): () => void {
    if (this.#stopped) {
      throw new ItxError('UNAVAILABLE', 'the server is shutting down', { reason: 'shutting-down' })
    }
    const credential = principal.kind === 'user' ? principal.userId : principal.tokenId
    const open = this.#perCredential.get(credential) ?? 0
    const limit = this.#options.most
    if (open >= limit) {
      throw new ItxError('RATE_LIMITED', `more than ${limit} live reads are open; end some`, {
        reason: 'readers',
        limit,
      })
    }
    this.#perCredential.set(credential, open + 1)
    const ended = (why: ReadingEnd) => {
      leave()
      end(why)
    }
    const leave = () => {
      if (!this.#ends.delete(ended)) return
      unwatch()
      const left = (this.#perCredential.get(credential) ?? 1) - 1
      if (left === 0) this.#perCredential.delete(credential)
      else this.#perCredential.set(credential, left)
    }
    this.#ends.add(ended)
    const unwatch = this.#options.rights.watch({ principal, grants: new Map([[id, role]]), end: ended })
    return leave
  }

  /** Ends all of them, and takes no more. */
  stop(): void {
    this.#stopped = true
    for (const end of this.#ends) end('shutdown')
  }

  /** Ends all of them: each comes back at once. For dev, where they are bound to code that was just replaced. */
  restart(): void {
    for (const end of this.#ends) end('shutdown')
  }
}
