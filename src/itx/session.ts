import type { Role } from '../control-plane/roles.ts'
import type { Pace } from '../streams/delivery/batch.ts'

/** What stays open: a scan is for a while, and holds a page of the log for as long. */
export type Ongoing = 'subscription' | 'scan'

/**
 * What one caller holds: bounds what it may have at once, and remembers what it was given, so that it can be taken back.
 * A socket has one for as long as it lives, a batch for its request.
 */
export interface Session {
  /** A project was given to the caller, with a role. */
  grant(projectId: string, role: Role): void
  /**
   * Begins something that stays open and calls back. Returns how to end it, once.
   *
   * @throws {ItxError} RATE_LIMITED `subscriptions` or `scans`.
   */
  enter(what: Ongoing): () => void
  /** Whether the caller takes what it is sent, for those who send without being asked. */
  readonly pace?: Pace
  /**
   * Runs something whose answer may be large, when those before it have been taken: who asks for a thousand pages at
   * once gets them one after another.
   */
  answer<T>(work: () => Promise<T>): Promise<T>
}

/** The session of code that runs in the server itself. */
export const IN_PROCESS: Session = {
  grant: () => {},
  enter: () => () => {},
  answer: (work) => work(),
}
