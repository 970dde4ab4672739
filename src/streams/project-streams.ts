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
import { ItxError, missingEvent } from './errors.ts'
import {
  type AppendLimits,
  type EncodedEvent,
  type EncodedInput,
  type Receipt,
  checkCount,
  checkLimits,
} from './event.ts'
import { encodeJson } from './json-text.ts'
import { type StreamPath, isBelow } from './path.ts'
import {
  type EventLocator,
  ProjectReader,
  type ReadOptions,
  type ReadPage,
  type StreamState,
} from './project-reader.ts'
import { ProcessorHost } from './processors/host.ts'
import type { ProcessorPorts } from './processors/ports.ts'
import { ProcessorRegistry } from './processors/registry.ts'
import { type Scheduler, nodeScheduler } from './scheduler.ts'
import { type OnScanBatch, type Scan, type ScanOptions, Scans, planScan } from './scan.ts'
import type { EventPage, EventRange, StreamStorage } from './storage/port.ts'
import type { CommittedStream, Stream } from './stream.ts'
import { importedBase } from './transfer-check.ts'
import {
  type CheckedChunk,
  type ExportOptions,
  type ExportPage,
  type ImportChunk,
  type Imported,
  checkChunk,
  checkContinues,
  decideImport,
  exportPage,
} from './transfer.ts'

export interface ProjectStreamsOptions {
  readonly limits: AppendLimits
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** A new random identifier. */
  readonly newId: () => string
  readonly scheduler?: Scheduler
  /** A clock for lengths of time, in milliseconds. */
  readonly elapsed?: () => number
  /** The processors that can be attached to streams, and the patterns that attach them. */
  readonly processors?: ProcessorRegistry
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
  readonly #scans: Scans
  /** Streams that need not be asked again whether a pattern attaches something to them. */
  readonly #matched = new WeakSet<Stream>()
  /** What runs over the streams. */
  readonly processors: ProcessorHost

  constructor(storage: StreamStorage, options: ProjectStreamsOptions) {
    this.#storage = storage
    this.#options = options
    const scheduler = options.scheduler ?? nodeScheduler
    this.#actors = new Actors(storage, {
      newId: options.newId,
      scheduler,
      isFollowed: (path) => this.#feeds.has(path),
      onCommitted: (path, events, state) => {
        this.#feeds.publish(path, events, state)
        if (state.processors.length > 0) this.#wakeProcessors(path)
      },
      onEnded: (path, reason, below) => {
        this.processors.end(path, below)
        this.#scans.end(path, reason, below)
        this.#feeds.end(path, reason, below)
      },
      // Led on, they might be led into the next life; who asks again is told where they are.
      onUncertain: (path, below) => {
        this.#scans.end(path, 'storage', below)
        this.#feeds.end(path, 'storage', below)
      },
    })
    this.#reader = new ProjectReader(storage.committed, this.#actors)
    this.#feeds = new Feeds((path, after) => this.#reader.feedPage(path, after), scheduler)
    this.#scans = new Scans({
      scheduler,
      elapsed: options.elapsed ?? (() => performance.now()),
      readPage: (stream, range) => this.#expectedPage(stream, range),
    })
    const registry = options.processors ?? new ProcessorRegistry()
    this.processors = new ProcessorHost(this.#processorPorts(scheduler), registry)
    if (registry.all.length > 0) scheduler.immediate(() => void this.processors.resume())
  }

  /** Whether the file may be closed without anybody noticing: no live reader, nothing being written or opened. */
  get idle(): boolean {
    return this.#feeds.size + this.#scans.size === 0 && this.#actors.idle && !this.processors.busy
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

  /**
   * Looks through the committed log, up to its head of now, for events that match a filter.
   *
   * @throws {ItxError} BAD_REQUEST for a bad option or filter; NOT_FOUND `trimmed`; UNAVAILABLE when shutting down.
   */
  async scan(path: StreamPath, options: ScanOptions, onBatch: OnScanBatch): Promise<Scan> {
    const plan = planScan(options)
    return this.#scans.start(path, await this.#actors.readable(path), plan, onBatch)
  }

  /** A page of the whole log as it is stored, to be imported elsewhere. See `exportPage`. */
  export(path: StreamPath, options: ExportOptions = {}): Promise<ExportPage> {
    return exportPage(
      {
        state: (each) => this.#reader.state(each),
        baseState: (each, incarnationId) => {
          const stored = this.#storage.committed.loadStream(each)
          return stored?.state.incarnationId === incarnationId ? stored.baseState : null
        },
        read: (each, wanted) => this.#reader.read(each, wanted),
      },
      path,
      options,
    )
  }

  /**
   * Imports a chunk of a log under a path where there is no stream, all or nothing; resolves once it is on the disk. Events
   * keep their offsets, times and keys; the stream begins a life of its own.
   *
   * @throws {ItxError} BAD_REQUEST for what could not have been appended; CONFLICT `exists`, `incarnation`, `imported`,
   *   `precondition`, `key`; UNAVAILABLE disk full, busy, shutting down. Nothing of the chunk is stored then.
   */
  async import(path: StreamPath, chunk: ImportChunk): Promise<Imported> {
    checkCount(chunk.events, this.#options.limits)
    const checked = checkChunk(chunk, this.#options.now())
    checkLimits(checked.events, this.#options.limits)
    return this.#actors.whenLoaded(path, isAbsent, async (stream, ancestors) => {
      const imported = this.#importNow(stream, ancestors, checked)
      // Asked for in this very turn: once the group has failed, there is none to wait for.
      await this.#storage.durable()
      return imported
    })
  }

  /** Ends the readers, commits what is open and closes the file. */
  shutdown(): void {
    this.#actors.close()
    this.processors.stop()
    this.#scans.endAll('shutdown')
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
    const attached = this.#attachMatching(stream, stream.working)
    const base = attached?.state ?? stream.working
    // Deciding reads the log as well: the event that has a key already.
    const { events, receipts, state, refusal } = this.#actors.readLog(stream.path, () =>
      stream.decide(base, inputs, this.#options.now(), coreTypes),
    )
    if (events.length > 0) {
      this.#actors.write([{ stream, events: attached ? [...attached.events, ...events] : events, state }])
    }
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
    const changes = this.#planCreation(stream, ancestors, now, () => this.#firstEvents(stream, contentType, now))
    const created = changes.get(stream)
    const decision = stream.decide(created?.state ?? stream.working, inputs, now, coreTypes)
    // A stream that does not exist yet cannot be paused: nothing at all is stored.
    if (decision.refusal) throw decision.refusal
    changes.set(stream, { ...decision, stream, events: [...(created?.events ?? []), ...decision.events] })
    this.#actors.write([...changes.values()])
    return decision.receipts
  }

  /** What creating a stream means for it and its ancestors; `first` decides its own first events. */
  #planCreation(
    stream: Stream,
    ancestors: readonly Stream[],
    now: number,
    first: () => Pick<AppendDecision, 'events' | 'state'>,
  ): Map<Stream, Change> {
    const line = [...ancestors, stream]
    const absent = line.filter((each) => !each.exists)
    const changes = new Map<Stream, Change>()
    for (const each of absent) {
      const events = each === stream ? first() : this.#firstEvents(each, DEFAULT_CONTENT_TYPE, now)
      changes.set(each, { stream: each, ...events })
    }
    for (const ancestor of ancestors) {
      const announcements = absent
        .filter((each) => isBelow(each.path, ancestor.path))
        .map(({ working }) => childCreatedEvent({ path: working.path, incarnationId: working.incarnationId }))
      if (announcements.length === 0) continue
      const before = changes.get(ancestor)
      const placed = placeCoreEvents(before?.state ?? ancestor.working, announcements, now)
      changes.set(ancestor, { ...placed, stream: ancestor, events: [...(before?.events ?? []), ...placed.events] })
    }
    return changes
  }

  #firstEvents(stream: Stream, contentType: string, now: number): Pick<AppendDecision, 'events' | 'state'> {
    const { path, incarnationId } = stream.working
    const created = placeCoreEvents(stream.working, [createdEvent({ path, incarnationId, contentType })], now)
    const attached = this.#attachMatching(stream, created.state)
    return attached ? { ...attached, events: [...created.events, ...attached.events] } : created
  }

  /** Stores a chunk of an import: the first creates the stream, with its missing ancestors, in the same commit. */
  #importNow(stream: Stream, ancestors: readonly Stream[], chunk: CheckedChunk): Imported {
    const hasKey = (key: string) => stream.hasKey(key)
    if (chunk.head === null) {
      this.#actors.checkSound(stream.path)
      checkContinues(stream.working, chunk)
      this.#actors.write([{ stream, ...decideImport(stream.working, chunk, hasKey) }])
    } else {
      const { path, incarnationId } = stream.working
      if (stream.exists) throw new ItxError('CONFLICT', `${path} exists already`, { reason: 'exists', path })
      const now = this.#options.now()
      const base = importedBase(path, incarnationId, chunk.head, now)
      const changes = this.#planCreation(stream, ancestors, now, () => decideImport(base, chunk, hasKey))
      this.#actors.begin(stream, base, [...changes.values()])
    }
    const { events } = chunk
    return {
      incarnationId: stream.working.incarnationId,
      maxOffset: events.at(-1)?.offset ?? stream.working.maxOffset,
    }
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

  /** Events that attach what the patterns say, before the first event that comes after. Only decided, not written. */
  #attachMatching(stream: Stream, state: CoreState): Pick<AppendDecision, 'events' | 'state'> | null {
    if (!this.processors.hasPatterns || this.#matched.has(stream)) return null
    const planned = this.processors.pending(stream.path, state)
    if (planned.length > 0) return placeCoreEvents(state, planned, this.#options.now())
    this.#matched.add(stream)
    return null
  }

  #wakeProcessors(path: StreamPath): void {
    // The group that a shutdown commits wakes nobody.
    if (this.#actors.closed) return
    const found = this.#actors.readableNow(path)
    if (found !== null && found !== 'stale') this.processors.wake(found)
  }

  #processorPorts(scheduler: Scheduler): ProcessorPorts {
    return {
      storage: this.#storage,
      scheduler,
      now: this.#options.now,
      committed: (path) => this.#actors.readable(path),
      readAfter: (ref, after) => this.#reader.page(ref, after),
      working: (path) => {
        const stream = this.#actors.loaded(path)
        return stream?.exists ? stream : null
      },
      onExisting: (path, act) => this.#existing(path, act),
      place: (stream, planned) => {
        const fresh = planned.filter(
          ({ idempotencyKey }) => idempotencyKey === undefined || !stream.hasKey(idempotencyKey),
        )
        if (fresh.length > 0) this.#placeNow(stream, fresh)
      },
      append: (path, inputs) => this.append(path, inputs, ALL_CALLER_CORE_TYPES),
      warn: (message) => this.#options.warn?.(message),
    }
  }

  /** A page of committed events that must be there. @throws {ItxError} INTERNAL when they are not. */
  #expectedPage({ ref }: CommittedStream, range: EventRange): EventPage {
    const page = this.#actors.readLog(ref.path, () => this.#storage.committed.readEvents(ref, range))
    if (page.events.length > 0) return page
    const expected = range.descending && range.before !== undefined ? range.before - 1 : range.after + 1
    throw this.#actors.damaged(ref.path, missingEvent(ref.path, expected))
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
