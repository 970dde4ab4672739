import { type PlannedEvent, childCreatedEvent, createdEvent } from './core/core-events.ts'
import type { AppendDecision } from './core/decide.ts'
import { type CoreState, DEFAULT_CONTENT_TYPE, emptyState } from './core/state.ts'
import type { OnBatch, SubscribeOptions, Subscription } from './delivery/batch.ts'
import { StreamFeed } from './delivery/stream-feed.ts'
import {
  type ChildrenOptions,
  type ChildrenPage,
  type ListOptions,
  type StreamsPage,
  listChildren,
  listStreams,
  pageLimit,
  wholeNumber,
} from './directory.ts'
import { ItxError } from './errors.ts'
import {
  type AppendLimits,
  type EncodedEvent,
  type EncodedInput,
  type Receipt,
  checkLimits,
  encodedBytes,
} from './event.ts'
import { type StreamPath, ancestorPaths, isBelow } from './path.ts'
import type { GroupParticipant, StoredStream, StreamRef, StreamStorage, WriteTransaction } from './storage/port.ts'
import { Stream, needsRecovery, recoverStream } from './stream.ts'

/** Events of a page, at most; bytes of a page, at most (it always holds one event). */
export const MAX_READ_LIMIT = 1000
const DEFAULT_READ_LIMIT = 100
const READ_BYTES = 4 * 1024 * 1024
/** Events a filtered read looks at before it answers with what it has. */
const READ_SCAN = 10_000
/** A subscriber holds up to four batches: pages for it are smaller. */
const FEED_PAGE = { limit: 500, maxBytes: 512 * 1024, atLeastOne: true }
/** Idle actors kept in memory. */
const MAX_ACTORS = 10_000

export interface ReadOptions {
  /** Exclusive; 0 when absent. */
  readonly after?: number
  /** Exclusive; the end when absent. */
  readonly before?: number
  /** 1 to 1,000; 100 when absent. */
  readonly limit?: number
  readonly order?: 'asc' | 'desc'
  /** Only these types. A page may then hold fewer than `limit` events and still not be the last. */
  readonly types?: readonly string[]
  /** Leave core events out, as the HTTP door does. */
  readonly visibleOnly?: boolean
}

export interface ReadPage {
  readonly events: readonly EncodedEvent[]
  /** Pass as `after` (ascending) or `before` (descending) for the next page; null on the last. */
  readonly nextCursor: number | null
  readonly maxOffset: number
  readonly incarnationId: string | null
}

/** The state of a stream, or of none: `exists: false` with an empty state. */
export type StreamState = CoreState & { readonly exists: boolean }

export interface ProjectStreamsOptions {
  readonly limits: AppendLimits
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** A new random identifier. */
  readonly newId: () => string
}

interface CommittedRow {
  readonly ref: StreamRef
  readonly state: CoreState
}

/** What one stream gets in an append that creates it: the engine's own events, and the state after them. */
interface Change {
  readonly stream: Stream
  events: readonly EncodedEvent[]
  state: CoreState
}

/**
 * All streams of one project: its actors, its storage, its live readers.
 *
 * Invariant: at most one `Stream` exists per path, and every write goes through it.
 */
export class ProjectStreams implements GroupParticipant {
  readonly #storage: StreamStorage
  readonly #options: ProjectStreamsOptions
  readonly #actors = new Map<StreamPath, Stream>()
  readonly #opening = new Map<StreamPath, Promise<void>>()
  readonly #feeds = new Map<StreamPath, StreamFeed>()
  readonly #dirty = new Set<Stream>()
  /** Operations that wait for a stream to be recovered. */
  #waiting = 0
  #closed = false

  constructor(storage: StreamStorage, options: ProjectStreamsOptions) {
    this.#storage = storage
    this.#options = options
  }

  /** Whether the file may be closed without anybody noticing: no live reader, nothing being written or opened. */
  get idle(): boolean {
    return this.#feeds.size === 0 && this.#dirty.size === 0 && this.#opening.size === 0 && this.#waiting === 0
  }

  /**
   * Appends a batch, all or nothing, and resolves once it is on the disk. An absent stream is created, with its missing
   * ancestors, in the same commit.
   *
   * @throws {ItxError} BAD_REQUEST over a limit; FORBIDDEN reserved type; CONFLICT precondition, paused, closed;
   *   UNAVAILABLE disk full, busy, shutting down. Nothing of the batch is stored then.
   */
  async append(path: StreamPath, inputs: readonly EncodedInput[]): Promise<readonly Receipt[]> {
    const stream = this.#loaded(path)
    // The usual case decides in this very turn: no await between reading and writing.
    return stream?.exists ? this.#appendNow(stream, inputs) : this.#appendOpening(path, inputs)
  }

  /**
   * Creates a stream without appending to it.
   *
   * @returns whether it was created now, and its state. An existing stream is left as it is.
   */
  async create(
    path: StreamPath,
    options: { readonly contentType?: string; readonly inputs?: readonly EncodedInput[] } = {},
  ): Promise<{ readonly created: boolean; readonly state: CoreState }> {
    const inputs = options.inputs ?? []
    checkLimits(inputs, this.#options.limits)
    return this.#whenLoaded(path, async (stream, ancestors) => {
      const created = !stream.exists
      if (created) this.#createNow(stream, ancestors, inputs, options.contentType ?? DEFAULT_CONTENT_TYPE)
      const state = stream.working
      // Asked for in this very turn: once the group has failed, there is none to wait for.
      if (stream.dirty) await this.#storage.durable()
      return { created, state }
    })
  }

  /** The committed state; `exists: false` for a stream that is not there. Reading never creates. */
  async state(path: StreamPath): Promise<StreamState> {
    const state = (await this.#committedRow(path))?.state ?? null
    return state === null ? { ...emptyState(path, ''), exists: false } : { ...state, exists: true }
  }

  /**
   * A page of committed events, at most 4 MiB of them.
   *
   * @throws {ItxError} BAD_REQUEST for a bad option; INTERNAL when a stored row is damaged.
   */
  async read(path: StreamPath, options: ReadOptions = {}): Promise<ReadPage> {
    const limit = pageLimit(options.limit, DEFAULT_READ_LIMIT, MAX_READ_LIMIT)
    const after = options.after === undefined ? 0 : wholeNumber(options.after, 'after')
    const before = options.before === undefined ? undefined : wholeNumber(options.before, 'before')
    const descending = options.order === 'desc'
    const types = options.types ? new Set(options.types) : null
    const found = await this.#committedRow(path)
    if (!found) return { events: [], nextCursor: null, maxOffset: 0, incarnationId: null }
    const { ref, state } = found
    const events: EncodedEvent[] = []
    const end = Math.min(before ?? Infinity, state.maxOffset + 1)
    const cursor = { after, before: end }
    for (let scanned = 0, bytes = 0; scanned < READ_SCAN && events.length < limit;) {
      const asked = types ? MAX_READ_LIMIT : limit
      const page = this.#storage.committed.readEvents(ref, {
        ...cursor,
        limit: asked,
        maxBytes: READ_BYTES - bytes,
        atLeastOne: events.length === 0,
        descending,
        ...(options.visibleOnly ? { visibleOnly: true } : {}),
      })
      for (const event of page.events) {
        cursor[descending ? 'before' : 'after'] = event.offset
        bytes += encodedBytes(event)
        if (!types || types.has(event.type)) events.push(event)
        if (events.length === limit) break
      }
      if (!page.full && events.length < limit) return this.#page(events, null, state)
      // Ended by its bytes, not by its count: so does the answer.
      if (page.events.length < asked) break
      scanned += page.events.length
    }
    const more = descending ? cursor.before > after + 1 : cursor.after + 1 < end
    return this.#page(events, more ? (descending ? cursor.before : cursor.after) : null, state)
  }

  /** The committed event with this idempotency key, or null. */
  async findEvent(path: StreamPath, key: string): Promise<EncodedEvent | null> {
    const found = await this.#committedRow(path)
    return found && this.#storage.committed.findEvent(found.ref, key)
  }

  /** @throws {ItxError} BAD_REQUEST for a bad option. */
  async children(path: StreamPath, options: ChildrenOptions = {}): Promise<ChildrenPage> {
    const count = (await this.#committedRow(path))?.state.childCount ?? 0
    return listChildren(this.#storage.committed, path, count, options)
  }

  /** @throws {ItxError} BAD_REQUEST for a bad option. */
  async list(options: ListOptions = {}): Promise<StreamsPage> {
    if (this.#closed) throw shuttingDown()
    return listStreams(this.#storage.committed, options)
  }

  /**
   * Replays committed events after an offset, then follows the tail, without a gap.
   *
   * @throws {ItxError} BAD_REQUEST for a bad `after`; CONFLICT `incarnation`; UNAVAILABLE when shutting down.
   */
  async subscribe(path: StreamPath, options: SubscribeOptions, onBatch: OnBatch): Promise<Subscription> {
    const { after: begin = 'now' } = options
    if (begin !== 'start' && begin !== 'now') wholeNumber(begin, 'after')
    // Loaded first: a state that is behind its log would hide events from the reader.
    return this.#whenLoaded(path, (stream) => {
      const feed =
        this.#feeds.get(path) ??
        new StreamFeed(
          path,
          stream.committed,
          (after) => this.#feedPage(path, after),
          () => this.#feeds.delete(path),
        )
      // Entered before the first batch is sent, in this very turn: whoever gets it may subscribe, or fail and be gone.
      this.#feeds.set(path, feed)
      try {
        return feed.subscribe(options, onBatch)
      } finally {
        if (feed.size === 0) this.#feeds.delete(path)
      }
    })
  }

  /** Ends the readers, commits what is open and closes the file. */
  close(): void {
    this.#closed = true
    for (const feed of this.#feeds.values()) feed.close('shutdown')
    this.#storage.close()
  }

  // -- the commit group -------------------------------------------------------------------------------------------

  flush(tx: WriteTransaction): void {
    for (const stream of this.#dirty) stream.flush(tx)
  }

  committed(): void {
    const settled = [...this.#dirty]
    this.#dirty.clear()
    for (const stream of settled) {
      const { events, state } = stream.settle()
      this.#feeds.get(stream.path)?.publish(events, state)
    }
    this.#evict()
  }

  /** Nothing of the group is known to be stored: its actors are dropped and read anew from the disk. */
  rolledBack(): void {
    for (const stream of this.#dirty) this.#actors.delete(stream.path)
    this.#dirty.clear()
  }

  // -- appending --------------------------------------------------------------------------------------------------

  async #appendOpening(path: StreamPath, inputs: readonly EncodedInput[]): Promise<readonly Receipt[]> {
    checkLimits(inputs, this.#options.limits)
    if (inputs.length === 0) return []
    return this.#whenLoaded(path, async (stream, ancestors) => {
      if (stream.exists) return this.#appendNow(stream, inputs)
      const receipts = this.#createNow(stream, ancestors, inputs, DEFAULT_CONTENT_TYPE)
      await this.#storage.durable()
      return receipts
    })
  }

  async #appendNow(stream: Stream, inputs: readonly EncodedInput[]): Promise<readonly Receipt[]> {
    checkLimits(inputs, this.#options.limits)
    const { events, receipts, state } = stream.decide(stream.working, inputs, this.#options.now())
    if (events.length > 0) this.#write([{ stream, events, state }])
    // A duplicate of an event whose group is still open is only as good as that commit.
    if (stream.dirty) await this.#storage.durable()
    return receipts
  }

  /** Creates the stream and its missing ancestors, announces each to all of its ancestors, and appends; one commit. */
  #createNow(
    stream: Stream,
    ancestors: readonly Stream[],
    inputs: readonly EncodedInput[],
    contentType: string,
  ): readonly Receipt[] {
    const now = this.#options.now()
    const line = [...ancestors, stream]
    const absent = line.filter((each) => !each.exists)
    const changes = new Map<Stream, Change>()
    const plan = (each: Stream, decided: Pick<AppendDecision, 'events' | 'state'>) => {
      const change = changes.get(each)
      changes.set(each, {
        stream: each,
        events: change ? [...change.events, ...decided.events] : decided.events,
        state: decided.state,
      })
    }
    const stateOf = (each: Stream) => changes.get(each)?.state ?? each.working
    const placeOn = (each: Stream, planned: readonly PlannedEvent[]) =>
      plan(each, each.place(stateOf(each), planned, now))
    for (const each of absent) {
      const { path, incarnationId } = each.working
      placeOn(each, [
        createdEvent({ path, incarnationId, contentType: each === stream ? contentType : DEFAULT_CONTENT_TYPE }),
      ])
    }
    for (const ancestor of line) {
      const announcements = absent
        .filter((each) => isBelow(each.path, ancestor.path))
        .map(({ working }) => childCreatedEvent({ path: working.path, incarnationId: working.incarnationId }))
      if (announcements.length > 0) placeOn(ancestor, announcements)
    }
    const decision = stream.decide(stateOf(stream), inputs, now)
    plan(stream, decision)
    this.#write([...changes.values()])
    return decision.receipts
  }

  #write(changes: readonly Change[]): void {
    if (this.#closed) throw shuttingDown()
    // Enlisted before the first write: should it fail, the actors must be dropped.
    for (const { stream } of changes) this.#dirty.add(stream)
    try {
      this.#storage.transactionSync(this, (tx) => {
        for (const { stream, events, state } of changes) {
          stream.write(tx, events, state, this.#feeds.has(stream.path))
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

  // -- actors -----------------------------------------------------------------------------------------------------

  /**
   * Acts on a stream once it is recovered; for one that does not exist, once its ancestors are too. `act` runs in the
   * very turn in which all were found, so what it decides on cannot have been dropped in between.
   */
  async #whenLoaded<T>(
    path: StreamPath,
    act: (stream: Stream, ancestors: readonly Stream[]) => T | Promise<T>,
  ): Promise<T> {
    this.#waiting++
    try {
      for (;;) {
        const stream = this.#loaded(path)
        const line = stream?.exists ? [] : ancestorPaths(path).map((ancestor) => this.#loaded(ancestor))
        const ancestors = line.filter((ancestor) => ancestor !== null)
        if (stream && ancestors.length === line.length) return act(stream, ancestors)
        await Promise.all([...ancestorPaths(path), path].map((each) => this.#opening.get(each)))
      }
    } finally {
      this.#waiting--
    }
  }

  /** The actor, read from its row if need be; null while its state is being recovered. */
  #loaded(path: StreamPath): Stream | null {
    if (this.#closed) throw shuttingDown()
    const actor = this.#actors.get(path)
    if (actor) return actor
    if (this.#opening.has(path)) return null
    const stored = this.#storage.working.loadStream(path)
    if (stored && needsRecovery(this.#storage.working, stored)) {
      const opening = recoverStream(this.#storage, stored)
        .then((recovered) => void this.#adopt(new Stream(path, this.#storage, recovered, '')))
        .catch((error: unknown) => {
          // The file was closed under it.
          throw this.#closed ? shuttingDown() : error
        })
        .finally(() => this.#opening.delete(path))
      this.#opening.set(path, opening)
      // Whoever waits hears of a failure; nobody waiting is no reason to end the process.
      opening.catch(() => {})
      return null
    }
    return this.#adopt(new Stream(path, this.#storage, stored, stored ? '' : this.#options.newId()))
  }

  #adopt(stream: Stream): Stream {
    this.#actors.set(stream.path, stream)
    const state = stream.committed
    const feed = this.#feeds.get(stream.path)
    // After a commit of unknown outcome the disk may hold more than was announced.
    if (feed && state && state.maxOffset !== feed.state?.maxOffset) feed.publish([], state)
    return stream
  }

  /** Called between turns only: within one, an actor in use would be doubled. */
  #evict(): void {
    if (this.#actors.size <= MAX_ACTORS) return
    for (const [path, stream] of this.#actors) {
      if (this.#actors.size <= MAX_ACTORS) return
      if (!stream.dirty) this.#actors.delete(path)
    }
  }

  // -- reading ----------------------------------------------------------------------------------------------------

  async #committedRow(path: StreamPath): Promise<CommittedRow | null> {
    const found = this.#committedNow(path)
    if (found !== 'stale') return found
    return this.#whenLoaded(path, (stream) => committedOf(stream))
  }

  /** What is committed, without an actor being made for it; `stale` when its state must be rebuilt first. */
  #committedNow(path: StreamPath): CommittedRow | null | 'stale' {
    if (this.#closed) throw shuttingDown()
    const actor = this.#actors.get(path)
    if (actor) return committedOf(actor)
    const stored = this.#storage.committed.loadStream(path)
    if (!stored) return null
    return needsRecovery(this.#storage.committed, stored) ? 'stale' : { ref: refOf(stored, path), state: stored.state }
  }

  #feedPage(path: StreamPath, after: number): readonly EncodedEvent[] {
    // The feed knows how far the log goes: a state on the disk that is behind does not matter here.
    const stored = this.#actors.has(path) ? null : this.#storage.committed.loadStream(path)
    const ref = stored ? refOf(stored, path) : this.#actors.get(path)?.ref
    return ref ? this.#storage.committed.readEvents(ref, { after, ...FEED_PAGE }).events : []
  }

  #page(events: readonly EncodedEvent[], nextCursor: number | null, state: CoreState): ReadPage {
    return { events, nextCursor, maxOffset: state.maxOffset, incarnationId: state.incarnationId }
  }
}

function refOf(stored: StoredStream, path: StreamPath): StreamRef {
  return { id: stored.id, path, incarnationId: stored.state.incarnationId }
}

function committedOf(stream: Stream): CommittedRow | null {
  return stream.committed && stream.ref && { ref: stream.ref, state: stream.committed }
}

function shuttingDown(): ItxError {
  return new ItxError('UNAVAILABLE', 'the server is shutting down', { reason: 'shutting-down' })
}
