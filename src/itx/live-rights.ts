import { findProject } from '../control-plane/projects.ts'
import { liveSession, liveToken } from '../control-plane/rights.ts'
import type { Role } from '../control-plane/roles.ts'
import { roleIn } from './access.ts'
import type { Instance } from './instance.ts'
import type { KnownPrincipal } from './principal.ts'

/** Somebody who holds something for longer than a request, and from whom it can be taken. */
export interface Holder {
  readonly principal: KnownPrincipal
  /** The projects they were given, with the role of then. */
  readonly grants: ReadonlyMap<string, Role>
  /** Takes it back. */
  end(reason: Loss): void
}

/** Why somebody loses what they hold; the text of the close frame. */
export type Loss = 'signed out' | 'access changed'

/** What a credential is worth: nothing, or something until a time, milliseconds since 1970. */
type Worth = Loss | { readonly until: number }

/**
 * Watches over those who hold something: takes it back when their session has ended, their token was revoked or has
 * expired, or their role is not the one they were given it with. Looks when the control database was written to, by
 * whatever process, and when something ends by itself.
 *
 * A project that was deleted takes nothing from anybody: its handles answer NOT_FOUND, and its readers are told.
 */
export class LiveRights {
  readonly #instance: Instance
  readonly #changed: () => boolean
  readonly #now: () => number
  /** With the time until which their credential is known to be good. */
  readonly #holders = new Map<Holder, number>()

  constructor(instance: Instance, changed: () => boolean, now: () => number = Date.now) {
    this.#instance = instance
    this.#changed = changed
    this.#now = now
  }

  get size(): number {
    return this.#holders.size
  }

  /** @returns how to stop */
  watch(holder: Holder): () => void {
    // Not known before the next look: between its door and here it may have lost what it came with.
    this.#holders.set(holder, 0)
    return () => void this.#holders.delete(holder)
  }

  /** Looks once. Costs next to nothing when nothing was written and nobody's time is over. */
  look(): void {
    const changed = this.#changed()
    const now = this.#now()
    const known = new Map<string, Worth>()
    for (const [holder, until] of this.#holders) {
      if (!changed && now < until) continue
      const worth = this.#worth(holder, now, known)
      if (typeof worth === 'object') this.#holders.set(holder, worth.until)
      else {
        this.#holders.delete(holder)
        holder.end(worth)
      }
    }
  }

  #worth({ principal, grants }: Holder, now: number, known: Map<string, Worth>): Worth {
    const ofCredential = this.#ofCredential(principal, now, known)
    if (typeof ofCredential === 'string') return ofCredential
    for (const [projectId, role] of grants) {
      if (findProject(this.#instance.control, projectId) === null) continue
      if (roleIn(this.#instance, principal, projectId) !== role) return 'access changed'
    }
    return ofCredential
  }

  /** One look-up for all sockets of a session or a token. */
  #ofCredential(principal: KnownPrincipal, now: number, known: Map<string, Worth>): Worth {
    const key = principal.kind === 'user' ? principal.sessionId : principal.tokenId
    let worth = known.get(key)
    if (worth === undefined) {
      worth = this.#read(principal, now)
      known.set(key, worth)
    }
    return worth
  }

  #read(principal: KnownPrincipal, now: number): Worth {
    const { control } = this.#instance
    switch (principal.kind) {
      case 'user': {
        const live = liveSession(control, principal.sessionId, now)
        if (!live) return 'signed out'
        return live.instanceAdmin === principal.instanceAdmin ? { until: live.expiresAt } : 'access changed'
      }
      case 'token': {
        const live = liveToken(control, principal.tokenId, now)
        if (!live) return 'signed out'
        return live.role === principal.role ? { until: live.expiresAt ?? Infinity } : 'access changed'
      }
      case 'reader':
        return principal.expiresAt > now ? { until: principal.expiresAt } : 'signed out'
    }
  }
}
