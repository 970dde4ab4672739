import { ItxError } from '../errors.ts'

/**
 * What a subscription is about to do, or has done, so that somebody works off what is pending (Durable Streams protocol,
 * section 7). Pure: decisions over state and time; the runner acts on what the state says, after a restart as before.
 *
 * Invariants:
 * 1. At most one wake is outstanding; each has an id of its own, and a generation above those of all before it.
 * 2. Whoever works on a wake holds the lease alone: the next wake begins only once this one has ended.
 * 3. A wake that is over is over for good: whoever comes with it, however late, is fenced.
 */
export interface WakeState {
  /** The number of the newest wake; 0 before the first. */
  readonly generation: number
  /** `failed` while another attempt at delivering is due. */
  readonly status: 'active' | 'failed'
  readonly wake: Wake | null
}

/** Times are in milliseconds since the epoch. */
export type Wake =
  /** To be told at a time. */
  | {
      readonly phase: 'due'
      readonly id: string
      /** The stream that has given cause. */
      readonly stream: string
      readonly at: number
      /** Attempts that have failed. */
      readonly attempts: number
      /** Why the last one did. */
      readonly error?: string
    }
  /** Told, for whoever claims it first; there is no hurry. */
  | { readonly phase: 'announced'; readonly id: string }
  /** Somebody works on it; for a webhook the receiver, who has no name. */
  | { readonly phase: 'leased'; readonly id: string; readonly holder: string | null; readonly until: number }

/** What names one wake: both must be those of the wake that is outstanding. */
export interface WakeName {
  readonly wakeId: string
  readonly generation: number
}

export const ASLEEP: WakeState = { generation: 0, status: 'active', wake: null }

/** Waits between attempts at delivering, in milliseconds: doubled each time, from the first to the longest. */
const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 60_000
/** Part of a wait by which it may be longer or shorter, so that receivers that failed together are not hit together. */
const JITTER = 0.2
/** Characters of an error that are kept, at most. */
const MAX_ERROR = 200

/**
 * The state as it is now: a lease that has run out is over. A clock that went back leaves nothing waiting longer than it
 * would have from the start.
 */
export function settled<S extends WakeState>(state: S, now: number, leaseMs: number): S {
  const { wake } = state
  switch (wake?.phase) {
    case 'leased': {
      if (wake.until <= now) return { ...state, wake: null }
      const until = Math.min(wake.until, now + leaseMs)
      return until === wake.until ? state : { ...state, wake: { ...wake, until } }
    }
    case 'due': {
      const at = Math.min(wake.at, now + LONGEST_RETRY_MS * (1 + JITTER))
      return at === wake.at ? state : { ...state, wake: { ...wake, at } }
    }
    default:
      return state
  }
}

/** Begins the next wake. @throws when one is outstanding: that would make two holders. */
export function begun<S extends WakeState>(state: S, id: string, stream: string, now: number): S {
  if (state.wake !== null) throw new ItxError('INTERNAL', 'a wake is outstanding already', { reason: 'wake' })
  return { ...state, generation: state.generation + 1, wake: { phase: 'due', id, stream, at: now, attempts: 0 } }
}

/** Gives the outstanding wake to a worker. @throws {ItxError} CONFLICT `already-claimed`, `no-pending-work`. */
export function claimed<S extends WakeState>(state: S, holder: string, now: number, leaseMs: number): S {
  checkUnclaimed(state)
  const { wake } = state
  if (wake === null) throw noPendingWork()
  return { ...state, status: 'active', wake: { phase: 'leased', id: wake.id, holder, until: now + leaseMs } }
}

/** @throws {ItxError} CONFLICT `already-claimed` naming who holds it. */
export function checkUnclaimed({ wake, generation }: WakeState): void {
  if (wake?.phase !== 'leased') return
  throw new ItxError('CONFLICT', `generation ${generation} is claimed by ${wake.holder}`, {
    reason: 'already-claimed',
    holder: wake.holder,
    generation,
  })
}

export function noPendingWork(): ItxError {
  return new ItxError('CONFLICT', 'there is nothing to do: every stream is acknowledged to its tail', {
    reason: 'no-pending-work',
  })
}

/**
 * Lets pass whoever works on the outstanding wake.
 *
 * @param names all that the request says it is about: its token, its body
 * @throws {ItxError} CONFLICT `fenced` for any other wake.
 */
export function fence({ wake, generation }: WakeState, ...names: readonly WakeName[]): void {
  if (names.every((name) => name.wakeId === wake?.id && name.generation === generation)) return
  throw new ItxError('CONFLICT', `that wake is over; the newest has generation ${generation}`, {
    reason: 'fenced',
    generation,
  })
}

/** Whoever works on it goes on: the lease begins anew. */
export function extended<S extends WakeState>(state: S, now: number, leaseMs: number): S {
  const { wake } = state
  if (wake === null) return state
  const holder = wake.phase === 'leased' ? wake.holder : null
  return { ...state, status: 'active', wake: { phase: 'leased', id: wake.id, holder, until: now + leaseMs } }
}

/** The wake is over. */
export function ended<S extends WakeState>(state: S): S {
  return { ...state, status: 'active', wake: null }
}

/** The receiver has it, and works on it for as long as the lease. One who has called back already is not counted again. */
export function delivered<S extends WakeState>(state: S, now: number, leaseMs: number): S {
  return state.wake?.phase === 'due' ? extended(state, now, leaseMs) : state
}

/** It is in the wake stream, for whoever claims it. */
export function announced<S extends WakeState>(state: S): S {
  const { wake } = state
  return wake?.phase === 'due' ? { ...state, status: 'active', wake: { phase: 'announced', id: wake.id } } : state
}

/** It could not be told: another attempt is due later. One who has called back all the same has it. */
export function undelivered<S extends WakeState>(state: S, now: number, random: number, why: string): S {
  const { wake } = state
  if (wake?.phase !== 'due') return state
  const attempts = wake.attempts + 1
  return {
    ...state,
    status: 'failed',
    wake: { ...wake, attempts, at: now + retryDelay(attempts, random), error: why.slice(0, MAX_ERROR) },
  }
}

/** The wait after so many failures, in milliseconds. @param random at least 0, below 1 */
export function retryDelay(failures: number, random: number): number {
  const base = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 16), LONGEST_RETRY_MS)
  return Math.round(base * (1 + JITTER * (2 * random - 1)))
}
