import { Activities, type Activity, type ActivityOptions, type OnActivity, activityPaths } from './activity.ts'
import { Actors, type ClosedBy } from './actors.ts'
import { SUBSCRIBER_CONNECTED, SUBSCRIBER_DISCONNECTED, coreEvent } from './core/core-events.ts'
import type { ConfigChange } from './core/config.ts'
import type { OnBatch, Pace, SubscribeOptions, Subscription } from './delivery/batch.ts'
import { Feeds } from './delivery/feeds.ts'
import {
  type ChildrenOptions,
  type ChildrenPage,
  type ListOptions,
  type StreamsPage,
  catalogueRow,
  wholeNumber,
} from './directory.ts'
import { missingEvent } from './errors.ts'
import { ExpirySweep } from './expiry-sweep.ts'
import type { ForkPlace } from './fork.ts'
import type { AppendLimits, EncodedEvent, EncodedInput, Receipt } from './event.ts'
import { ROOT_PATH, type StreamPath } from './path.ts'
import {
  type EventLocator,
  ProjectReader,
  type ReadOptions,
  type ReadPage,
  type StreamState,
} from './project-reader.ts'
import { ALL_CALLER_CORE_TYPES, type MessageAppend, type MessageReceipt, ProjectWriter } from './project-writer.ts'
import type { Created, Creation } from './stream-creation.ts'
import { Overview, type ProjectOverview } from './overview.ts'
import { ProcessorHost } from './processors/host.ts'
import type { ProcessorPorts } from './processors/ports.ts'
import { ProcessorRegistry } from './processors/registry.ts'
import { type Scheduler, nodeScheduler } from './scheduler.ts'
import { type OnScanBatch, type Scan, type ScanOptions, Scans, planScan } from './scan.ts'
import type { CatalogueRow, EventPage, EventRange, StreamStorage } from './storage/port.ts'
import type { CommittedStream } from './stream.ts'
import type { WebhookPort } from './subscriptions/ports.ts'
import { Subscriptions } from './subscriptions/subscriptions.ts'
import { type ProjectTotals, countTotals } from './totals.ts'
import { type ExportOptions, type ExportPage, type ImportChunk, type Imported, exportPage } from './transfer.ts'

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
  /** What brings wakes to webhooks; without it there are none. */
  readonly webhooks?: WebhookPort
  /** At least 0, below 1: by how much retries are spread. */
  readonly random?: () => number
  readonly warn?: (message: string) => void
}

/** All streams of one project: what can be done with them. Its actors, its readers and its listeners stand behind it. */
export class ProjectStreams {
  readonly #storage: StreamStorage
  readonly #options: ProjectStreamsOptions
  readonly #scheduler: Scheduler
  readonly #actors: Actors
  readonly #feeds: Feeds
  readonly #reader: ProjectReader
  readonly #scans: Scans
  readonly #activities: Activities
  readonly #overview: Overview
  readonly #writer: ProjectWriter
  readonly #expiry: ExpirySweep
  /** What runs over the streams. */
  readonly processors: ProcessorHost
  /** Whom it wakes. */
  readonly subscriptions: Subscriptions

  constructor(storage: StreamStorage, options: ProjectStreamsOptions) {
    this.#storage = storage
    this.#options = options
    const scheduler = options.scheduler ?? nodeScheduler
    this.#scheduler = scheduler
    const elapsed = options.elapsed ?? (() => performance.now())
    this.#actors = new Actors(storage, {
      newId: options.newId,
      now: options.now,
      scheduler,
      expire: (path) => this.#writer.expire(path),
      isFollowed: (path) => this.#feeds.has(path),
      onCommitted: (path, events, state, stored) => {
        this.#overview.stored(path, stored)
        this.#feeds.publish(path, events, state)
        if (state.processors.length > 0) this.#wakeProcessors(path)
        this.subscriptions.touched(path)
        if (state.expiry) this.#expiry.arm()
      },
      onTouched: (path) => this.#activities.touch(path),
      onEnded: (path, reason, below) => {
        this.processors.end(path, below)
        this.subscriptions.ended({ path, below, deleted: reason === 'deleted' })
        this.#scans.end(path, reason, below)
        this.#feeds.end(path, reason, below)
        this.#overview.ended(path, below)
        if (reason === 'deleted') this.#activities.removed(path)
      },
      // Led on, they might be led into the next life; who asks again is told where they are.
      onUncertain: (path, below) => {
        this.#scans.end(path, 'storage', below)
        this.#feeds.end(path, 'storage', below)
        if (below) this.#activities.uncertain(path)
      },
    })
    this.#reader = new ProjectReader(storage.committed, this.#actors)
    this.#feeds = new Feeds((path, after) => this.#reader.feedPage(path, after), scheduler)
    this.#scans = new Scans({
      scheduler,
      elapsed,
      readPage: (stream, range) => this.#expectedPage(stream, range),
    })
    this.#activities = new Activities({ scheduler, row: (path) => this.#committedRow(path) })
    this.#overview = new Overview({
      now: options.now,
      elapsed,
      committed: storage.committed,
      root: async () => this.#open(await this.#actors.readable(ROOT_PATH))?.state ?? null,
      row: (path) => this.#committedRow(path),
      subscribers: () => this.#feeds.subscribers,
      parked: (limit) => this.processors.parked(limit),
    })
    const registry = options.processors ?? new ProcessorRegistry()
    this.#writer = new ProjectWriter(storage, this.#actors, options, registry)
    this.#expiry = new ExpirySweep({
      reader: storage.committed,
      scheduler,
      now: options.now,
      expire: (path) => this.#writer.expire(path),
      warn: (message) => options.warn?.(message),
    })
    if (storage.committed.nextExpiry() !== null) this.#expiry.arm()
    this.processors = new ProcessorHost(this.#processorPorts(scheduler), registry)
    if (registry.all.length > 0) scheduler.immediate(() => void this.processors.resume())
    this.subscriptions = new Subscriptions({
      storage,
      scheduler,
      now: options.now,
      newId: options.newId,
      random: options.random ?? Math.random,
      checkOpen: () => this.#actors.checkOpen(),
      committed: (path) => this.#actors.readable(path),
      committedNow: (path) => this.#actors.readableNow(path),
      append: (path, inputs) => this.append(path, inputs),
      webhooks: options.webhooks ?? null,
      warn: (message) => options.warn?.(message),
    })
  }

  /** Whether the file may be closed without anybody noticing: no live reader, nothing being written or opened. */
  get idle(): boolean {
    const readers = this.#feeds.size + this.#scans.size + this.#activities.size
    return readers === 0 && this.#actors.idle && !this.processors.busy && !this.subscriptions.busy
  }

  /**
   * Appends a batch, all or nothing, and resolves once it is on the disk. An absent stream is created, with its missing
   * ancestors, in the same commit.
   *
   * @param coreTypes core events that this caller may append
   * @throws {ItxError} BAD_REQUEST over a limit; FORBIDDEN reserved type; CONFLICT precondition, paused, closed, breaker;
   *   UNAVAILABLE disk full, busy, shutting down. Nothing of the batch is stored then.
   */
  append(
    path: StreamPath,
    inputs: readonly EncodedInput[],
    coreTypes?: ReadonlySet<string>,
  ): Promise<readonly Receipt[]> {
    return this.#writer.append(path, inputs, coreTypes)
  }

  /**
   * Creates a stream, with first events if there are any.
   *
   * @returns whether it was created now, and its state. An existing stream is left as it is.
   */
  create(path: StreamPath, creation?: Creation): Promise<Created> {
    return this.#writer.create(path, creation)
  }

  /**
   * Creates a stream that begins with what another one has up to an offset, without copying it: the source's log is kept
   * as long as a fork reads it, even when the source is deleted. Keys and producers of the source are not taken over.
   *
   * @returns whether it was created now, and its state. An existing stream is left as it is.
   * @throws {ItxError} NOT_FOUND no source; CONFLICT `gone`, `incarnation`, `content-type`, `fork-depth`; BAD_REQUEST for
   *   an offset that the source has not. Nothing is stored then.
   */
  fork(path: StreamPath, place: ForkPlace, creation?: Creation): Promise<Created> {
    return this.#writer.fork(path, place, creation)
  }

  /**
   * Appends raw messages to a stream that exists, closes it, or both, all or nothing; resolves once it is on the disk.
   *
   * @throws {ItxError} NOT_FOUND, also `gone`; CONFLICT `closed`, `content-type`, `producer-gap`, `stream-seq`, `paused`,
   *   `breaker`; FORBIDDEN `producer-fenced`; BAD_REQUEST over a limit, or for a new producer epoch that does not begin at 0;
   *   UNAVAILABLE disk full, busy, shutting down. Nothing of it is stored then.
   */
  appendMessages(path: StreamPath, append: MessageAppend): Promise<MessageReceipt> {
    return this.#writer.appendMessages(path, append)
  }

  /** Somebody reads a stream: one that ends after a time without use goes on. */
  touch(path: StreamPath): void {
    this.#actors.touchPath(path)
  }

  /** Refuses callers' events from now on. @throws {ItxError} NOT_FOUND, BAD_REQUEST. */
  pause(path: StreamPath, reason?: string): Promise<void> {
    return this.#writer.pause(path, reason)
  }

  /** Lets callers' events pass again, with a full circuit breaker. @throws {ItxError} NOT_FOUND, BAD_REQUEST. */
  resume(path: StreamPath, reason?: string): Promise<void> {
    return this.#writer.resume(path, reason)
  }

  /** Changes settings; null takes one back to its default. @throws {ItxError} NOT_FOUND, BAD_REQUEST. */
  configure(path: StreamPath, config: ConfigChange): Promise<void> {
    return this.#writer.configure(path, config)
  }

  /** Replaces the stream's metadata. @throws {ItxError} NOT_FOUND, BAD_REQUEST. */
  setMetadata(path: StreamPath, metadata: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#writer.setMetadata(path, metadata)
  }

  /** Ends the stream for good: no caller's event passes again. Closing twice is closing once. @throws {ItxError} NOT_FOUND. */
  close(path: StreamPath, reason?: string): Promise<void> {
    return this.#writer.close(path, reason)
  }

  /**
   * Wipes the log and begins a new life, with a new incarnation. What is below stays.
   *
   * @throws {ItxError} NOT_FOUND.
   */
  reset(path: StreamPath): Promise<{ readonly incarnationId: string }> {
    return this.#writer.reset(path)
  }

  /**
   * Deletes a stream. Its ancestors are told.
   *
   * @throws {ItxError} NOT_FOUND; CONFLICT `children` when there are streams below and `recursive` is not set.
   */
  delete(path: StreamPath, options: { readonly recursive?: boolean } = {}): Promise<{ readonly deleted: number }> {
    return this.#writer.delete(path, options)
  }

  /** The committed state; `exists: false` for a stream that is not there. Looking at it is no use of it. */
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
  async subscribe(path: StreamPath, options: SubscribeOptions, onBatch: OnBatch, pace?: Pace): Promise<Subscription> {
    const { after } = options
    if (after !== undefined && after !== 'start' && after !== 'now') wholeNumber(after, 'after')
    // Loaded first: a state that is behind its log would hide events from the reader.
    return this.#actors.whenLoaded(path, never, (stream) => {
      this.#actors.touch(stream)
      const subscription = this.#feeds.subscribe(path, stream.committed?.state ?? null, options, onBatch, pace)
      const followed = subscription.closed()
      this.#overview.followed(followed)
      this.#activities.overview()
      void followed.then(() => this.#activities.overview())
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

  /**
   * Tells which children of some streams have changed, as rows, at most twice a second; one batch is in flight. Whoever
   * reads the children after this was called misses nothing: what a page holds and what a batch tells are both committed
   * state, and the later of the two is right.
   *
   * @throws {ItxError} BAD_REQUEST for no path, too many, or a bad one; UNAVAILABLE when shutting down.
   */
  async activity(options: ActivityOptions, onRows: OnActivity): Promise<Activity> {
    return this.#activities.watch(activityPaths(options), onRows, options.overview)
  }

  /** What the project is doing, at a glance. See `ProjectOverview`. */
  overview(): Promise<ProjectOverview> {
    return this.#overview.told()
  }

  /** Counts an append that was refused, here or by the door it came to. */
  appendRefused(error: unknown): void {
    this.#overview.refused(error)
    this.#activities.overview()
  }

  /** How many streams there are, and events in them. See `countTotals`. */
  totals(): Promise<ProjectTotals> {
    return countTotals({
      committed: this.#storage.committed,
      scheduler: this.#scheduler,
      checkOpen: () => this.#actors.checkOpen(),
    })
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
  import(path: StreamPath, chunk: ImportChunk): Promise<Imported> {
    return this.#writer.import(path, chunk)
  }

  /**
   * Ends the readers, commits what is open and closes the file.
   *
   * @param by what readers, and whoever asks later, are told
   */
  shutdown(by: ClosedBy = 'shutdown'): void {
    this.#actors.close(by)
    this.processors.stop()
    this.subscriptions.stop()
    this.#expiry.stop()
    this.#scans.endAll(by)
    this.#activities.endAll(by)
    this.#feeds.endAll(by)
    this.#storage.close()
  }

  /** @throws {ItxError} when the file was closed while something was waited for. */
  #open<T>(found: T): T {
    this.#actors.checkOpen()
    return found
  }

  #committedRow(path: StreamPath): CatalogueRow | null {
    const state = this.#actors.committedInMemory(path)
    if (state !== undefined) return state && catalogueRow(state)
    const [row] = this.#storage.committed.list(path, { limit: 1 })
    return row?.path === path ? row : null
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
      checkOpen: () => this.#actors.checkOpen(),
      readAfter: (ref, after) => this.#reader.page(ref, after),
      working: (path) => {
        const stream = this.#actors.loaded(path)
        return stream?.exists ? stream : null
      },
      onExisting: (path, act) => this.#writer.existing(path, act),
      place: (stream, planned) => this.#writer.place(stream, planned),
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

  /** Live readers as events, where the stream is configured so. What fails here must not fail the reader. */
  #recordPresence(path: StreamPath, subscription: Subscription): void {
    const subscriberId = this.#options.newId()
    const record = (type: string, payload: Readonly<Record<string, unknown>>) => {
      const event = coreEvent(type, { subscriberId, ...payload })
      this.#writer
        .existing(path, (stream) => this.#writer.placeNow(stream, [event]))
        .catch((error: unknown) => this.#options.warn?.(`${path}: presence was not recorded: ${String(error)}`))
    }
    record(SUBSCRIBER_CONNECTED, {})
    void subscription.closed().then(({ reason }) => {
      // A server that stops and a stream that is gone have nowhere to write it.
      if (reason !== 'shutdown' && reason !== 'deleted') record(SUBSCRIBER_DISCONNECTED, { reason })
    })
  }
}

const never = (): boolean => false
