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

/** Holders that are judged in one turn of the event loop. */
const SLICE = 100

/**
 * Watches over those who hold something: takes it back when their session has ended, their token was revoked or has
 * expired, or their role is not the one they were given it with. Looks when the control database was written to, by
 * whatever process, and when something ends by itself.
 *
 * A project that was deleted takes nothing from anybody: its handles answer NOT_FOUND, and its readers are told.
 */
export class LiveRights {
  readonly #instance: Pick<Instance, 'control'>
  readonly #changed: () => boolean
  readonly #now: () => number
  /** With the time until which their credential is known to be good. */
  readonly #holders = new Map<Holder, number>()
  /** Those who are to be judged. */
  readonly #due = new Set<Holder>()
  #judging = false
  // What was read since the last change: many sockets have one credential.
  readonly #credentials = new Map<string, Worth>()
  readonly #roles = new Map<string, Role | null | 'no project'>()

  constructor(instance: Pick<Instance, 'control'>, changed: () => boolean, now: () => number = Date.now) {
    this.#instance = instance
    this.#changed = changed
    this.#now = now
  }

  get size(): number {
    return this.#holders.size
  }

  /** @returns how to stop */
  watch(holder: Holder): () => void {
    // Due at the next look: between its door and here it may have lost what it came with.
    this.#holders.set(holder, 0)
    return () => {
      this.#holders.delete(holder)
      this.#due.delete(holder)
    }
  }

  /**
   * Looks once. Costs next to nothing when nothing was written and nobody's time is over; otherwise everybody is judged
   * in slices, between which the event loop goes on.
   *
   * @returns when all were judged
   * @throws what the control database throws; those who were not judged are, at the next look.
   */
  async look(): Promise<void> {
    const changed = this.#changed()
    const now = this.#now()
    for (const [holder, until] of this.#holders) if (changed || now >= until) this.#due.add(holder)
    if (this.#due.size === 0) return
    this.#credentials.clear()
    this.#roles.clear()
    if (this.#judging) return
    this.#judging = true
    try {
      await this.#judge()
    } finally {
      this.#judging = false
    }
  }

  async #judge(): Promise<void> {
    let judged = 0
    for (const holder of this.#due) {
      const worth = this.#worth(holder)
      this.#due.delete(holder)
      if (typeof worth === 'object') this.#holders.set(holder, worth.until)
      else {
        this.#holders.delete(holder)
        holder.end(worth)
      }
      if (++judged % SLICE === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #worth({ principal, grants }: Holder): Worth {
    const ofCredential = this.#ofCredential(principal)
    if (typeof ofCredential === 'string') return ofCredential
    for (const [projectId, role] of grants) {
      const now = this.#roleNow(principal, projectId)
      if (now !== role && now !== 'no project') return 'access changed'
    }
    return ofCredential
  }

  #ofCredential(principal: KnownPrincipal): Worth {
    const key = credentialOf(principal)
    let worth = this.#credentials.get(key)
    if (worth === undefined) {
      worth = this.#read(principal, this.#now())
      this.#credentials.set(key, worth)
    }
    return worth
  }

  #roleNow(principal: KnownPrincipal, projectId: string): Role | null | 'no project' {
    const key = `${credentialOf(principal)} ${projectId}`
    let role = this.#roles.get(key)
    if (role === undefined) {
      const project = findProject(this.#instance.control, projectId)
      role = project ? roleIn(this.#instance, principal, projectId) : 'no project'
      this.#roles.set(key, role)
    }
    return role
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

function credentialOf(principal: KnownPrincipal): string {
  return principal.kind === 'user' ? principal.sessionId : principal.tokenId
}
