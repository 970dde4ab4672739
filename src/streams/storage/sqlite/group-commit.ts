import type Database from 'better-sqlite3'
import { ItxError } from '../../errors.ts'
import { type Scheduler, nodeScheduler } from '../../scheduler.ts'
import type { GroupParticipant, WriteTransaction } from '../port.ts'
import { storageError } from '../sql/storage-error.ts'

/** Commits per turn of the event loop, over all projects: more would starve the sockets. */
const COMMITS_PER_TURN = 4

/** Ends groups, a few per turn. One for all projects of a process. */
export class CommitScheduler {
  readonly #due: (() => void)[] = []
  readonly #scheduler: Scheduler
  #scheduled = false

  constructor(scheduler: Scheduler = nodeScheduler) {
    this.#scheduler = scheduler
  }

  /** Runs `commit` at the end of this turn, or in one of the next when many are due. */
  schedule(commit: () => void): void {
    this.#due.push(commit)
    this.#arm()
  }

  #arm(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#scheduler.immediate(() => {
      this.#scheduled = false
      for (const commit of this.#due.splice(0, COMMITS_PER_TURN)) commit()
      if (this.#due.length > 0) this.#arm()
    })
  }
}

interface Group {
  readonly participants: Set<GroupParticipant>
  readonly settled: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Group commit: the first write of a turn begins a transaction, all writes until the end of the turn share it and its
 * one fsync. (design page `architecture.md`, "Group commit")
 *
 * Invariant: while `#open` is set, the connection is inside a transaction, or the group is about to fail.
 */
export class GroupCommit {
  readonly #db: Database.Database
  readonly #tx: WriteTransaction
  readonly #scheduler: CommitScheduler
  readonly #begin: Database.Statement
  readonly #commit: Database.Statement
  readonly #rollback: Database.Statement
  #open: Group | null = null

  constructor(db: Database.Database, tx: WriteTransaction, scheduler: CommitScheduler) {
    this.#db = db
    this.#tx = tx
    this.#scheduler = scheduler
    this.#begin = db.prepare('begin immediate')
    this.#commit = db.prepare('commit')
    this.#rollback = db.prepare('rollback')
  }

  get isOpen(): boolean {
    return this.#open !== null
  }

  run<T>(participant: GroupParticipant, write: (tx: WriteTransaction) => T): T {
    const group = this.#open ?? this.#start()
    group.participants.add(participant)
    try {
      // SQLite rolls back by itself on FULL, IOERR and NOMEM: writing on would commit half a group.
      if (!this.#db.inTransaction) throw lostTransaction()
      return write(this.#tx)
    } catch (error) {
      throw this.#fail(group, error)
    }
  }

  durable(): Promise<void> {
    return this.#open?.settled ?? Promise.resolve()
  }

  /** Ends the open group now. Errors reach the participants and `durable`, not the caller. */
  commitNow(): void {
    if (this.#open) this.#end(this.#open)
  }

  #start(): Group {
    try {
      // Left behind where a rollback failed: it would keep every later group from beginning.
      if (this.#db.inTransaction) this.#rollback.run()
      this.#begin.run()
    } catch (error) {
      throw storageError(error)
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Whoever appends awaits it; a group nobody waits for must not end the process.
    promise.catch(() => {})
    const group: Group = { participants: new Set(), settled: promise, resolve, reject }
    this.#open = group
    this.#scheduler.schedule(() => this.#end(group))
    return group
  }

  #end(group: Group): void {
    if (this.#open !== group) return
    try {
      // A read may have cost the transaction since the last write: a flush would then commit states without events.
      if (!this.#db.inTransaction) throw lostTransaction()
      for (const participant of group.participants) participant.flush(this.#tx)
      if (!this.#db.inTransaction) throw lostTransaction()
      this.#commit.run()
    } catch (error) {
      this.#fail(group, error)
      return
    }
    this.#open = null
    for (const participant of group.participants) participant.committed()
    group.resolve()
  }

  #fail(group: Group, cause: unknown): ItxError {
    const error = storageError(cause)
    this.#open = null
    try {
      if (this.#db.inTransaction) this.#rollback.run()
    } catch {
      // The error that ended the group is the one to report; the next `begin` tells if the connection is unusable.
    }
    for (const participant of group.participants) participant.rolledBack(error)
    group.reject(error)
    return error
  }
}

function lostTransaction(): ItxError {
  return new ItxError('UNAVAILABLE', 'nothing was stored: the database ended the transaction', {
    reason: 'rolled-back',
  })
}
