import { Actors, type Change } from './actors.ts'
import {
  CALLER_CORE_TYPES,
  CLOSED,
  CONFIGURED,
  METADATA_UPDATED,
  PAUSED,
  type PlannedEvent,
  RESUMED,
  type ReasonPayload,
  SUBSCRIBER_CONNECTED,
  SUBSCRIBER_DISCONNECTED,
  checkReason,
  childCreatedEvent,
  childDeletedEvent,
  coreEvent,
  createdEvent,
} from './core/core-events.ts'
import { type ConfigChange, checkConfigChange, checkMetadata } from './core/config.ts'
import { type AppendDecision, placeCoreEvents } from './core/decide.ts'
import { type CoreState, DEFAULT_CONTENT_TYPE, emptyState } from './core/state.ts'
import type { OnBatch, SubscribeOptions, Subscription } from './delivery/batch.ts'
import { Feeds } from './delivery/feeds.ts'
import {
  type ChildrenOptions,
  type ChildrenPage,
  type ListOptions,
  type StreamsPage,
  wholeNumber,
} from './directory.ts'
import { ItxError } from './errors.ts'
import { type AppendLimits, type EncodedEvent, type EncodedInput, type Receipt, checkLimits } from './event.ts'
import { encodeJson } from './json-text.ts'
import { type StreamPath, isBelow } from './path.ts'
import {
  type EventLocator,
  ProjectReader,
  type ReadOptions,
  type ReadPage,
  type StreamState,
} from './project-reader.ts'
import { type Scheduler, nodeScheduler } from './scheduler.ts'
import type { StreamStorage } from './storage/port.ts'
import type { Stream } from './stream.ts'

export interface ProjectStreamsOptions {
  readonly limits: AppendLimits
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** A new random identifier. */
  readonly newId: () => string
  readonly scheduler?: Scheduler
  readonly warn?: (message: string) => void
}

const ALL_CALLER_CORE_TYPES: ReadonlySet<string> = new Set(CALLER_CORE_TYPES)

/** All streams of one project: what can be done with them. Its actors, its readers and its listeners stand behind it. */
export class ProjectStreams {
  readonly #storage: StreamStorage
  readonly #options: ProjectStreamsOptions
  readonly #actors: Actors
  readonly #feeds: Feeds
  readonly #reader: ProjectReader

  constructor(storage: StreamStorage, options: ProjectStreamsOptions) {
    this.#storage = storage
    this.#options = options
    const scheduler = options.scheduler ?? nodeScheduler
    this.#actors = new Actors(storage, {
      newId: options.newId,
      scheduler,
      isFollowed: (path) => this.#feeds.has(path),
      onCommitted: (path, events, state) => this.#feeds.publish(path, events, state),
      onEnded: (path, reason, below) => this.#feeds.end(path, reason, below),
    })
    this.#reader = new ProjectReader(storage.committed, this.#actors)
    this.#feeds = new Feeds((path, after) => this.#reader.feedPage(path, after), scheduler)
  }

  /** Whether the file may be closed without anybody noticing: no live reader, nothing being written or opened. */
  get idle(): boolean {
    return this.#feeds.size === 0 && this.#actors.idle
  }

  /**
   * Appends a batch, all or nothing, and resolves once it is on the disk. An absent stream is created, with its missing
   * ancestors, in the same commit.
   *
   * @param coreTypes core events that this caller may append
   * @throws {ItxError} BAD_REQUEST over a limit; FORBIDDEN reserved type; CONFLICT precondition, paused, closed, breaker;
   *   UNAVAILABLE disk full, busy, shutting down. Nothing of the batch is stored then.
   */
  async append(
    path: StreamPath,
    inputs: readonly EncodedInput[],
    coreTypes?: ReadonlySet<string>,
  ): Promise<readonly Receipt[]> {
    const stream = this.#actors.loaded(path)
    // The usual case decides in this very turn: no await between reading and writing.
    return stream?.exists ? this.#appendNow(stream, inputs, coreTypes) : this.#appendLoading(path, inputs, coreTypes)
  }

  /**
   * Creates a stream, with first events if there are any.
   *
   * @returns whether it was created now, and its state. An existing stream is left as it is.
   */
  async create(
    path: StreamPath,
    options: { readonly contentType?: string; readonly inputs?: readonly EncodedInput[] } = {},
  ): Promise<{ readonly created: boolean; readonly state: CoreState }> {
    const inputs = options.inputs ?? []
    checkLimits(inputs, this.#options.limits)
    return this.#actors.whenLoaded(path, isAbsent, async (stream, ancestors) => {
      const created = !stream.exists
      if (created) this.#createNow(stream, ancestors, inputs, options.contentType ?? DEFAULT_CONTENT_TYPE)
      const state = stream.working
      // Asked for in this very turn: once the group has failed, there is none to wait for.
      if (stream.dirty) await this.#storage.durable()
      return { created, state }
    })
  }

  /** Refuses callers' events from now on. @throws {ItxError} NOT_FOUND, BAD_REQUEST. */
  async pause(path: StreamPath, reason?: string): Promise<void> {
    await this.#control(path, PAUSED, reasonPayload(reason))
  }

  /** Lets callers' events pass again, with a full circuit breaker. @throws {ItxError} NOT_FOUND, BAD_REQUEST. */
  async resume(path: StreamPath, reason?: string): Promise<void> {
    await this.#control(path, RESUMED, reasonPayload(reason))
  }

  /** Changes settings; null takes one back to its default. @throws {ItxError} NOT_FOUND, BAD_REQUEST. */
  async configure(path: StreamPath, config: ConfigChange): Promise<void> {
    await this.#control(path, CONFIGURED, { config: checkConfigChange(config) })
  }

  /** Replaces the stream's metadata. @throws {ItxError} NOT_FOUND, BAD_REQUEST. */
  async setMetadata(path: StreamPath, metadata: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#control(path, METADATA_UPDATED, { metadata: checkMetadata(metadata) })
  }

  /** Ends the stream for good: no caller's event passes again. Closing twice is closing once. @throws {ItxError} NOT_FOUND. */
  async close(path: StreamPath, reason?: string): Promise<void> {
    const payload = reasonPayload(reason)
    await this.#existing(path, (stream) => {
      if (!stream.working.closed) this.#placeNow(stream, [coreEvent(CLOSED, payload)])
    })
  }

  /**
   * Wipes the log and begins a new life, with a new incarnation. What is below stays.
   *
   * @throws {ItxError} NOT_FOUND.
   */
  async reset(path: StreamPath): Promise<{ readonly incarnationId: string }> {
    const incarnationId = this.#options.newId()
    await this.#existing(path, (stream) => {
      const { contentType, childCount, descendantCount } = stream.working
      const base: CoreState = { ...emptyState(path, incarnationId), contentType, childCount, descendantCount }
      this.#actors.rebirth(stream, base, (reborn) => ({
        stream: reborn,
        ...placeCoreEvents(base, [createdEvent({ path, incarnationId, contentType })], this.#options.now()),
      }))
    })
    return { incarnationId }
  }

  /**
   * Deletes a stream. Its ancestors are told.
   *
   * @throws {ItxError} NOT_FOUND; CONFLICT `children` when there are streams below and `recursive` is not set.
   */
  async delete(path: StreamPath, { recursive = false } = {}): Promise<{ readonly deleted: number }> {
    return this.#existing(path, (stream, ancestors) => {
      const { descendantCount, incarnationId } = stream.working
      if (descendantCount > 0 && !recursive) {
        throw new ItxError(
          'CONFLICT',
          `${path} has ${descendantCount} streams below it; delete recursively to remove all`,
          {
            reason: 'children',
            path,
            descendantCount,
          },
        )
      }
      const announcement = childDeletedEvent({ path, incarnationId, descendantCount })
      this.#actors.remove(
        stream,
        ancestors.map((ancestor) => this.#placed(ancestor, ancestor.working, [announcement])),
      )
      return { deleted: descendantCount + 1 }
    })
  }

  /** The committed state; `exists: false` for a stream that is not there. Reading never creates. */
  state(path: StreamPath): Promise<StreamState> {
    return this.#reader.state(path)
  }

  /** A page of committed events, at most 4 MiB of them. See `ProjectReader.read`. */
  read(path: StreamPath, options?: ReadOptions): Promise<ReadPage> {
    return this.#reader.read(path, options)
  }

  /** The committed event at an offset or with an idempotency key, or null. */
  getEvent(path: StreamPath, by: EventLocator): Promise<EncodedEvent | null> {
    return this.#reader.getEvent(path, by)
  }

  /** The immediate children of a stream. @throws {ItxError} BAD_REQUEST for a bad option. */
  children(path: StreamPath, options?: ChildrenOptions): Promise<ChildrenPage> {
    return this.#reader.children(path, options)
  }

  /** A prefix and everything below it. @throws {ItxError} BAD_REQUEST for a bad option. */
  list(options?: ListOptions): Promise<StreamsPage> {
    return this.#reader.list(options)
  }

  /**
   * Replays committed events after an offset, then follows the tail, without a gap.
   *
   * @throws {ItxError} BAD_REQUEST for a bad `after`; CONFLICT `incarnation`; UNAVAILABLE when shutting down.
   */
  async subscribe(path: StreamPath, options: SubscribeOptions, onBatch: OnBatch): Promise<Subscription> {
    const { after } = options
    if (after !== undefined && after !== 'start' && after !== 'now') wholeNumber(after, 'after')
    // Loaded first: a state that is behind its log would hide events from the reader.
    return this.#actors.whenLoaded(path, never, (stream) => {
      const subscription = this.#feeds.subscribe(path, stream.committed?.state ?? null, options, onBatch)
      if (stream.working.config.recordPresence) this.#recordPresence(path, subscription)
      return subscription
    })
  }

  /** Ends the readers, commits what is open and closes the file. */
  shutdown(): void {
    this.#actors.close()
    this.#feeds.endAll('shutdown')
    this.#storage.close()
  }

  // -- appending --------------------------------------------------------------------------------------------------

  async #appendLoading(
    path: StreamPath,
    inputs: readonly EncodedInput[],
    coreTypes: ReadonlySet<string> | undefined,
  ): Promise<readonly Receipt[]> {
    checkLimits(inputs, this.#options.limits)
    if (inputs.length === 0) return []
    return this.#actors.whenLoaded(path, isAbsent, async (stream, ancestors) => {
      if (stream.exists) return this.#appendNow(stream, inputs, coreTypes)
      const receipts = this.#createNow(stream, ancestors, inputs, DEFAULT_CONTENT_TYPE, coreTypes)
      await this.#storage.durable()
      return receipts
    })
  }

  async #appendNow(
    stream: Stream,
    inputs: readonly EncodedInput[],
    coreTypes: ReadonlySet<string> | undefined,
  ): Promise<readonly Receipt[]> {
    checkLimits(inputs, this.#options.limits)
    this.#actors.checkSound(stream.path)
    const { events, receipts, state, refusal } = stream.decide(stream.working, inputs, this.#options.now(), coreTypes)
    if (events.length > 0) this.#actors.write([{ stream, events, state }])
    // A duplicate of an event whose group is still open is only as good as that commit.
    if (stream.dirty) await this.#storage.durable()
    // The breaker's pause is stored in the batch's place; only then is the caller told.
    if (refusal) throw refusal
    return receipts
  }

  /** Creates the stream and its missing ancestors, announces each to all of its ancestors, and appends; one commit. */
  #createNow(
    stream: Stream,
    ancestors: readonly Stream[],
    inputs: readonly EncodedInput[],
    contentType: string,
    coreTypes?: ReadonlySet<string>,
  ): readonly Receipt[] {
    const now = this.#options.now()
    const line = [...ancestors, stream]
    const absent = line.filter((each) => !each.exists)
    const changes = new Map<Stream, Change>()
    const plan = (each: Stream, decided: Pick<AppendDecision, 'events' | 'state'>) => {
      const before = changes.get(each)?.events ?? []
      changes.set(each, { stream: each, events: [...before, ...decided.events], state: decided.state })
    }
    const stateOf = (each: Stream) => changes.get(each)?.state ?? each.working
    for (const each of absent) {
      const { path, incarnationId } = each.working
      const created = createdEvent({
        path,
        incarnationId,
        contentType: each === stream ? contentType : DEFAULT_CONTENT_TYPE,
      })
      plan(each, placeCoreEvents(stateOf(each), [created], now))
    }
    for (const ancestor of line) {
      const announcements = absent
        .filter((each) => isBelow(each.path, ancestor.path))
        .map(({ working }) => childCreatedEvent({ path: working.path, incarnationId: working.incarnationId }))
      if (announcements.length > 0) plan(ancestor, placeCoreEvents(stateOf(ancestor), announcements, now))
    }
    const decision = stream.decide(stateOf(stream), inputs, now, coreTypes)
    // A stream that does not exist yet cannot be paused: nothing at all is stored.
    if (decision.refusal) throw decision.refusal
    plan(stream, decision)
    this.#actors.write([...changes.values()])
    return decision.receipts
  }

  // -- the engine's own events --------------------------------------------------------------------------------------

  /** Appends one of the core events that callers may append too. */
  async #control(path: StreamPath, type: string, payload: unknown): Promise<void> {
    const input: EncodedInput = { type, payload: encodeJson(payload, 'payload') }
    await this.#existing(path, (stream) => {
      this.#actors.checkSound(path)
      const { events, state } = stream.decide(stream.working, [input], this.#options.now(), ALL_CALLER_CORE_TYPES)
      this.#actors.write([{ stream, events, state }])
    })
  }

  /** Acts on a stream that exists, in one turn, and resolves once that is on the disk. */
  async #existing<T>(path: StreamPath, act: (stream: Stream, ancestors: readonly Stream[]) => T): Promise<T> {
    return this.#actors.whenLoaded(path, always, async (stream, ancestors) => {
      if (!stream.exists) throw new ItxError('NOT_FOUND', `stream ${path} does not exist`, { path })
      const result = act(stream, ancestors)
      // Asked for in this very turn: once the group has failed, there is none to wait for.
      await this.#storage.durable()
      return result
    })
  }

  #placed(stream: Stream, state: CoreState, planned: readonly PlannedEvent[]): Change {
    return { stream, ...placeCoreEvents(state, planned, this.#options.now()) }
  }

  #placeNow(stream: Stream, planned: readonly PlannedEvent[]): void {
    this.#actors.write([this.#placed(stream, stream.working, planned)])
  }

  /** Live readers as events, where the stream is configured so. What fails here must not fail the reader. */
  #recordPresence(path: StreamPath, subscription: Subscription): void {
    const subscriberId = this.#options.newId()
    const record = (type: string, payload: Readonly<Record<string, unknown>>) => {
      this.#existing(path, (stream) => this.#placeNow(stream, [coreEvent(type, { subscriberId, ...payload })])).catch(
        (error: unknown) => this.#options.warn?.(`${path}: presence was not recorded: ${String(error)}`),
      )
    }
    record(SUBSCRIBER_CONNECTED, {})
    void subscription.closed().then(({ reason }) => {
      // A server that stops and a stream that is gone have nowhere to write it.
      if (reason !== 'shutdown' && reason !== 'deleted') record(SUBSCRIBER_DISCONNECTED, { reason })
    })
  }
}

const isAbsent = (stream: Stream): boolean => !stream.exists
const always = (): boolean => true
const never = (): boolean => false

function reasonPayload(reason: unknown): ReasonPayload {
  checkReason(reason)
  return reason === undefined ? {} : { reason }
}
