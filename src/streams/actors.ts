import type { CoreState } from './core/state.ts'
import type { CloseReason } from './delivery/batch.ts'
import { ItxError, itxErrorDetails } from './errors.ts'
import type { EncodedEvent } from './event.ts'
import { type StreamPath, ancestorPaths, isBelow } from './path.ts'
import type { Scheduler } from './scheduler.ts'
import type { GroupParticipant, StreamRef, StreamStorage, WriteTransaction } from './storage/port.ts'
import { storedDeadline } from './core/expiry.ts'
import { type CommittedStream, Stream, needsRecovery, recoverStream, streamRef } from './stream.ts'

/** Idle actors kept in memory. */
const MAX_ACTORS = 10_000
/** Rows of discarded logs that are deleted in one turn of the event loop. */
const GARBAGE_ROWS = 500

/** What one stream gets in an append: its events, and the state after them. */
export interface Change {
  readonly stream: Stream
  readonly events: readonly EncodedEvent[]
  readonly state: CoreState
}

export interface ActorsOptions {
  readonly scheduler: Scheduler
  /** A new random identifier. */
  readonly newId: () => string
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** Ends a stream whose time is over. Resolves once that is on the disk. */
  readonly expire: (path: StreamPath) => Promise<void>
  /** Whether somebody reads a stream live: only then are the events of a group kept until its commit. */
  readonly isFollowed: (path: StreamPath) => boolean
  /**
   * A stream's committed state has moved on. Without events the listeners read them. `stored`: how many events the commit
   * has put on the disk, as far as that is known.
   */
  readonly onCommitted: (path: StreamPath, events: readonly EncodedEvent[], state: CoreState, stored: number) => void
  /** A stream's row in the catalogue is another one; after a commit of unknown outcome it may be. */
  readonly onTouched: (path: StreamPath) => void
  /** A life of a stream is over, and the commit that ended it is on the disk. */
  readonly onEnded: (path: StreamPath, reason: CloseReason, below: boolean) => void
  /** The commit that was to end a life has failed: whether it is over, only the disk knows. */
  readonly onUncertain: (path: StreamPath, below: boolean) => void
}

/** A life that the open group ends. */
interface Ending {
  readonly path: StreamPath
  readonly reason: CloseReason
  /** Whether everything below ends with it. */
  readonly below: boolean
}

/**
 * The actors of one project and what binds them to its commit groups.
 *
 * Invariant: at most one `Stream` exists per path. An actor leaves only between turns, or when its group fails.
 */
export class Actors implements GroupParticipant {
  readonly #storage: StreamStorage
  readonly #options: ActorsOptions
  readonly #actors = new Map<StreamPath, Stream>()
  readonly #opening = new Map<StreamPath, Promise<void>>()
  readonly #dirty = new Set<Stream>()
  #endings: Ending[] = []
  /** What readers still see of streams that the open group deletes. */
  readonly #leaving = new Map<StreamPath, CommittedStream>()
  /** Streams whose log was found damaged, and by what: they take nothing more until they are reset or deleted. */
  readonly #damaged = new Map<StreamPath, ItxError>()
  /** Rows of discarded logs may be left: from before the start, or from a life that has ended. */
  #garbage = true
  /** Operations that wait for a stream to be recovered. */
  #waiting = 0
  #evicting = false
  #closed: ClosedBy | null = null

  constructor(storage: StreamStorage, options: ActorsOptions) {
    this.#storage = storage
    this.#options = options
  }

  /** Whether nothing is being written or opened. */
  get idle(): boolean {
    return this.#dirty.size + this.#opening.size + this.#endings.length + this.#waiting === 0
  }

  get closed(): boolean {
    return this.#closed !== null
  }

  /** Nothing can be loaded or written from now on. */
  close(by: ClosedBy): void {
    this.#closed ??= by
  }

  /** The actor, read from its row if need be; null while its state is being recovered. */
  loaded(path: StreamPath): Stream | null {
    if (this.#closed) throw closedError(this.#closed)
    const actor = this.#actors.get(path)
    if (actor) return actor
    if (this.#opening.has(path)) return null
    const stored = this.#storage.working.loadStream(path)
    if (!stored) {
      const seen = this.#seenLeaving(path)
      // Its row is gone, so nobody can rebuild what readers see of it: the commit that removes it comes first.
      if (seen === 'stale')
        return this.#wait(
          path,
          this.#storage.durable().catch(() => {}),
        )
      return this.#adopt(Stream.absent(this.#storage, path, this.#options.newId(), seen))
    }
    if (!needsRecovery(this.#storage.working, stored)) return this.#adopt(Stream.stored(this.#storage, stored))
    const recovery = recoverStream(this.#storage, stored, this.#options.scheduler, this.#options.now)
      .then((recovered) => {
        // Meanwhile it may have been deleted, with what is above it: whoever waits looks again.
        if (this.#storage.working.loadStream(path)?.id === recovered.id) {
          this.#adopt(Stream.stored(this.#storage, recovered))
        }
      })
      .catch((error: unknown) => {
        // The file was closed under it.
        throw this.#closed ? closedError(this.#closed) : error
      })
    return this.#wait(path, recovery)
  }

  /** Lets whoever asks for a stream wait. */
  #wait(path: StreamPath, until: Promise<void>): null {
    const opening = until.finally(() => this.#opening.delete(path))
    this.#opening.set(path, opening)
    // Whoever waits hears of a failure; nobody waiting is no reason to end the process.
    opening.catch(() => {})
    return null
  }

  /**
   * Acts on a stream once it is recovered, and its ancestors where `withAncestors` says so. `act` runs in the very turn
   * in which all were found, so what it decides on cannot have been dropped in between. Streams whose time is over are
   * ended first, but for `evenOver`.
   */
  async whenLoaded<T>(
    path: StreamPath,
    withAncestors: (stream: Stream) => boolean,
    act: (stream: Stream, ancestors: readonly Stream[]) => T | Promise<T>,
    evenOver = false,
  ): Promise<T> {
    this.#waiting++
    try {
      for (;;) {
        const stream = this.loaded(path)
        // Nobody waits for the ancestors of a stream that needs none of them: a later call would overtake.
        const line = stream && withAncestors(stream) ? ancestorPaths(path) : []
        const ancestors = line.map((each) => this.loaded(each)).filter((ancestor) => ancestor !== null)
        if (stream && ancestors.length === line.length) {
          const over = evenOver ? undefined : [stream, ...ancestors].find((each) => this.isOver(each))
          if (!over) return act(stream, ancestors)
          await this.#options.expire(over.path)
          continue
        }
        await Promise.all([...line, path].map((each) => this.#opening.get(each)))
      }
    } finally {
      this.#waiting--
    }
  }

  /** The committed state of a stream that has an actor in memory, null where there is none; undefined: it has no actor. */
  committedInMemory(path: StreamPath): CoreState | null | undefined {
    const actor = this.#actors.get(path)
    return actor && (actor.committed?.state ?? null)
  }

  /** Whether a stream's time is over. One that ends after a time without use is used by whoever follows it. */
  isOver(stream: Stream): boolean {
    const now = this.#options.now()
    const { deadline } = stream
    if (deadline === null || now < deadline) return false
    if (!this.#options.isFollowed(stream.path)) return true
    this.touch(stream)
    return stream.deadline === null || now >= stream.deadline
  }

  /** Notes that somebody reads a stream, if there is one. */
  touchPath(path: StreamPath): void {
    const stream = this.loaded(path)
    if (stream?.exists) this.touch(stream)
  }

  /** Notes that somebody reads a stream. That this cannot be written down is no reason not to let them. */
  touch(stream: Stream): void {
    const state = stream.touch(this.#options.now())
    if (state === null || this.#closed) return
    try {
      this.write([{ stream, events: [], state }])
    } catch {
      // It counts in memory, and the next read tries again.
    }
  }

  /** What is committed of a stream; recovered first when its stored state is of another version. */
  async readable(path: StreamPath): Promise<CommittedStream | null> {
    const found = this.readableNow(path)
    if (found !== 'stale' && !this.#mayBeOver(path, found)) return found
    return this.whenLoaded(
      path,
      () => false,
      (stream) => stream.committed,
    )
  }

  #mayBeOver(path: StreamPath, found: CommittedStream | null): boolean {
    if (!found?.state.expiry) return false
    const actor = this.#actors.get(path)
    const at = actor ? actor.deadline : storedDeadline(found.state)
    return at !== null && this.#options.now() >= at
  }

  /** As `readable`, without waiting and without making an actor; `stale` when the state must be rebuilt first. */
  readableNow(path: StreamPath): CommittedStream | null | 'stale' {
    if (this.#closed) throw closedError(this.#closed)
    const actor = this.#actors.get(path)
    if (actor) return actor.committed
    const stored = this.#storage.committed.loadStream(path)
    if (!stored) return null
    if (needsRecovery(this.#storage.committed, stored)) return 'stale'
    return { ref: streamRef(stored.id, stored.state), state: stored.state }
  }

  /**
   * What the storage calls a stream, for a listener's next page. The listener's feed knows how far the log goes: a state
   * on the disk that is behind does not matter here.
   */
  committedRef(path: StreamPath): StreamRef | null {
    const actor = this.#actors.get(path)
    if (actor) return actor.committed?.ref ?? null
    const stored = this.#storage.committed.loadStream(path)
    return stored && streamRef(stored.id, stored.state)
  }

  /** @throws {ItxError} UNAVAILABLE or NOT_FOUND when the file was closed while somebody waited to read it. */
  checkOpen(): void {
    if (this.#closed) throw closedError(this.#closed)
  }

  /** Reads from a stream's log; one that turns out to be damaged is stopped, and nothing of it is deleted. */
  readLog<T>(path: StreamPath, read: () => T): T {
    this.checkOpen()
    try {
      return read()
    } catch (error) {
      const details = itxErrorDetails(error)
      throw details?.['reason'] === 'corrupt' && details['path'] === path
        ? this.damaged(path, error as ItxError)
        : error
    }
  }

  /** Stops a stream whose log was found damaged. @returns the error, to be thrown. */
  damaged(path: StreamPath, error: ItxError): ItxError {
    this.#damaged.set(path, error)
    return error
  }

  /** @throws {ItxError} INTERNAL for a stream whose log was found damaged: what is added to it could not be trusted. */
  checkSound(path: StreamPath): void {
    const damage = this.#damaged.get(path)
    if (damage) throw damage
  }

  /** Writes what was decided, all or nothing, in the open group. */
  write(changes: readonly Change[]): void {
    this.#transact(changes, () => {})
  }

  /**
   * Begins the first life of a stream from a state that its log goes on from; `changes` hold its first events, under the
   * actor it has had so far.
   */
  begin(absent: Stream, base: CoreState, changes: readonly Change[]): void {
    const born = Stream.reborn(this.#storage, base, absent.committed)
    this.#replace(absent, born)
    this.#transact(
      changes.map((change) => (change.stream === absent ? { ...change, stream: born } : change)),
      () => {},
    )
    // Who waits at offset 0 for its first event would miss those before the log.
    if (base.maxOffset > 0) this.#endings.push({ path: absent.path, reason: 'incarnation', below: false })
  }

  /** Begins a new life of a stream: its log is discarded, its first events written. */
  rebirth(old: Stream, base: CoreState, decide: (reborn: Stream) => Change): void {
    const reborn = Stream.reborn(this.#storage, base, old.committed)
    this.#replace(old, reborn)
    this.#transact([decide(reborn)], (tx) => tx.removeStreams(old.path, false))
    this.#endings.push({ path: old.path, reason: 'incarnation', below: false })
  }

  /** Removes a stream and everything below it; `changes` tell its ancestors. */
  remove(stream: Stream, changes: readonly Change[]): void {
    for (const actor of this.#actors.values()) {
      if (actor !== stream && !isBelow(actor.path, stream.path)) continue
      if (actor.committed) this.#leaving.set(actor.path, actor.committed)
      this.#dirty.delete(actor)
      this.#actors.delete(actor.path)
    }
    this.#transact(changes, (tx) => tx.removeStreams(stream.path, true))
    this.#endings.push({ path: stream.path, reason: 'deleted', below: true })
  }

  // -- the commit group -------------------------------------------------------------------------------------------

  flush(tx: WriteTransaction): void {
    for (const stream of this.#dirty) stream.flush(tx)
  }

  committed(): void {
    const settled = [...this.#dirty]
    const endings = this.#endings
    this.#dirty.clear()
    this.#endings = []
    // Asked for after the removal and not written to, an actor would show the life that is over for good.
    for (const path of this.#leaving.keys()) if (this.#actors.get(path)?.dirty === false) this.#actors.delete(path)
    this.#leaving.clear()
    for (const { path, reason, below } of endings) {
      for (const each of this.#damaged.keys())
        if (each === path || (below && isBelow(each, path))) this.#damaged.delete(each)
      this.#options.onEnded(path, reason, below)
    }
    for (const stream of settled) {
      const { events, state, stored } = stream.settle()
      this.#options.onCommitted(stream.path, events, state, stored)
      this.#options.onTouched(stream.path)
    }
    this.#evict()
    if (endings.length > 0) this.#garbage = true
    if (this.#garbage) this.#options.scheduler.immediate(() => this.#collectGarbage())
  }

  /** Nothing of the group is known to be stored: its actors are dropped and read anew from the disk. */
  rolledBack(): void {
    const endings = this.#endings
    for (const stream of this.#dirty) {
      this.#actors.delete(stream.path)
      this.#options.onTouched(stream.path)
    }
    for (const { path } of endings) {
      for (const each of this.#actors.keys()) if (each === path || isBelow(each, path)) this.#actors.delete(each)
    }
    this.#dirty.clear()
    this.#endings = []
    this.#leaving.clear()
    for (const { path, below } of endings) this.#options.onUncertain(path, below)
  }

  #transact(changes: readonly Change[], first: (tx: WriteTransaction) => void): void {
    if (this.#closed) throw closedError(this.#closed)
    // Enlisted before the first write: should it fail, the actors must be dropped.
    for (const { stream } of changes) this.#dirty.add(stream)
    try {
      this.#storage.transactionSync(this, (tx) => {
        first(tx)
        for (const { stream, events, state } of changes) {
          stream.write(tx, events, state, this.#options.isFollowed(stream.path))
        }
      })
    } catch (error) {
      // Where the group could not even begin, nobody else tells the actors.
      for (const { stream } of changes) {
        if (this.#dirty.delete(stream)) this.#actors.delete(stream.path)
      }
      throw error
    }
  }

  #adopt(stream: Stream): Stream {
    this.#actors.set(stream.path, stream)
    // Reading alone makes actors too: those of streams that somebody only follows, or asked for in vain.
    if (this.#actors.size > MAX_ACTORS && !this.#evicting) {
      this.#evicting = true
      this.#options.scheduler.immediate(() => this.#evict())
    }
    // After a commit of unknown outcome the disk may hold more than was announced.
    if (stream.committed) this.#options.onCommitted(stream.path, [], stream.committed.state, 0)
    return stream
  }

  /** What readers still see of a stream that the open group deletes, whether it had an actor then or not. */
  #seenLeaving(path: StreamPath): CommittedStream | null | 'stale' {
    if (this.#endings.length === 0) return null
    const seen = this.#leaving.get(path) ?? this.readableNow(path)
    if (seen !== null && seen !== 'stale') this.#leaving.set(path, seen)
    return seen
  }

  #replace(old: Stream, reborn: Stream): void {
    this.#dirty.delete(old)
    this.#actors.set(old.path, reborn)
  }

  /** Called between turns only: within one, an actor in use would be doubled. */
  #evict(): void {
    this.#evicting = false
    if (this.#actors.size <= MAX_ACTORS) return
    for (const [path, stream] of this.#actors) {
      if (this.#actors.size <= MAX_ACTORS) return
      if (!stream.dirty) this.#actors.delete(path)
    }
  }

  /** Deletes rows of discarded logs, a few per turn: a log of a million events must not hold up everybody else. */
  #collectGarbage(): void {
    if (this.#closed || !this.#garbage) return
    try {
      this.#garbage = this.#storage.working.hasGarbage()
      if (this.#garbage) this.#storage.transactionSync(this, (tx) => tx.collectGarbage(GARBAGE_ROWS))
    } catch (error) {
      // The commit that comes next tries again; what is left over hurts nobody but the disk. Where it is damaged no try
      // will do, and each one would fail whatever else is in its group.
      if (itxErrorDetails(error)?.['reason'] === 'corrupt') this.#garbage = false
    }
  }
}

/** Why the streams of a project take no more questions. */
export type ClosedBy = Extract<CloseReason, 'shutdown' | 'deleted'>

/** What whoever still asks is told. */
export function closedError(by: ClosedBy): ItxError {
  return by === 'deleted'
    ? new ItxError('NOT_FOUND', 'the project was deleted', { reason: 'project-deleted' })
    : new ItxError('UNAVAILABLE', 'the server is shutting down', { reason: 'shutting-down' })
}
