import type { Actors, Change } from './actors.ts'
import {
  CALLER_CORE_TYPES,
  CLOSED,
  CONFIGURED,
  METADATA_UPDATED,
  PAUSED,
  type CreatedPayload,
  type PlannedEvent,
  RESUMED,
  type ReasonPayload,
  checkReason,
  childDeletedEvent,
  coreEvent,
  createdEvent,
} from './core/core-events.ts'
import { type ConfigChange, checkConfigChange, checkMetadata } from './core/config.ts'
import { type AppendDecision, placeCoreEvents } from './core/decide.ts'
import { checkStreamSeq, hasClosed, judgeProducer } from './core/producers.ts'
import { type CoreState, DEFAULT_CONTENT_TYPE, type Producer, emptyState } from './core/state.ts'
import { mediaType } from './content-type.ts'
import { ItxError, otherContentType, streamClosed } from './errors.ts'
import { type EncodedInput, type Receipt, checkCount, checkLimits } from './event.ts'
import { encodeJson } from './json-text.ts'
import type { StreamPath } from './path.ts'
import type { ProcessorRegistry } from './processors/registry.ts'
import type { ForkPlace } from './fork.ts'
import type { StreamStorage } from './storage/port.ts'
import type { Stream } from './stream.ts'
import { type Created, type Creation, StreamCreation, type WriterOptions } from './stream-creation.ts'
import { importedBase } from './transfer-check.ts'
import {
  type CheckedChunk,
  type ImportChunk,
  type Imported,
  checkChunk,
  checkContinues,
  decideImport,
} from './transfer.ts'

/** An append of raw messages, as the HTTP door knows it (Durable Streams protocol, "Append" and "Close"). */
export interface MessageAppend {
  /** None: it only closes. */
  readonly inputs: readonly EncodedInput[]
  /** The media type that the stream is expected to have. */
  readonly mediaType?: string
  readonly producer?: Producer
  /** Must come after the last one of the stream, byte by byte. */
  readonly streamSeq?: string
  /** Nothing comes after it. */
  readonly close?: boolean
}

export interface MessageReceipt {
  /** It had been stored before, by the number of its producer; nothing was added. */
  readonly duplicate: boolean
  /** The producer's highest number by now. */
  readonly producerSeq: number | null
  readonly state: CoreState
}

export const ALL_CALLER_CORE_TYPES: ReadonlySet<string> = new Set(CALLER_CORE_TYPES)

/**
 * Everything that changes a project's streams: decided in one turn against the working state, written in the open group,
 * answered once that is on the disk. What each operation promises its callers is said at `ProjectStreams`.
 */
export class ProjectWriter {
  readonly #storage: StreamStorage
  readonly #actors: Actors
  readonly #options: WriterOptions
  readonly #creation: StreamCreation

  constructor(storage: StreamStorage, actors: Actors, options: WriterOptions, registry: ProcessorRegistry) {
    this.#storage = storage
    this.#actors = actors
    this.#options = options
    this.#creation = new StreamCreation(storage, actors, options, registry)
  }

  async append(
    path: StreamPath,
    inputs: readonly EncodedInput[],
    coreTypes?: ReadonlySet<string>,
  ): Promise<readonly Receipt[]> {
    const stream = this.#actors.loaded(path)
    // The usual case decides in this very turn: no await between reading and writing.
    return stream?.exists && !this.#actors.isOver(stream)
      ? this.#appendNow(stream, inputs, coreTypes)
      : this.#appendLoading(path, inputs, coreTypes)
  }

  async appendMessages(path: StreamPath, append: MessageAppend): Promise<MessageReceipt> {
    checkLimits(append.inputs, this.#options.limits)
    const stream = this.#actors.loaded(path)
    if (stream?.exists && !this.#actors.isOver(stream)) return this.#messagesNow(stream, append)
    return this.#actors.whenLoaded(path, never, (loaded) => {
      if (!loaded.exists) throw this.#creation.absent(path)
      return this.#messagesNow(loaded, append)
    })
  }

  async create(path: StreamPath, creation: Creation = {}): Promise<Created> {
    checkLimits(creation.inputs ?? [], this.#options.limits)
    return this.#actors.whenLoaded(path, isAbsent, async (stream, ancestors) => {
      const created = !stream.exists || isUnasked(stream)
      if (created) this.#creation.create(stream, ancestors, stream.working, creation)
      const state = stream.working
      // Asked for in this very turn: once the group has failed, there is none to wait for.
      if (stream.dirty) await this.#storage.durable()
      return { created, state }
    })
  }

  async fork(path: StreamPath, place: ForkPlace, creation: Creation = {}): Promise<Created> {
    checkLimits(creation.inputs ?? [], this.#options.limits)
    for (;;) {
      const made = await this.#actors.whenLoaded(place.source, never, (source) =>
        this.#actors.whenLoaded(path, isAbsent, async (stream, ancestors) => {
          // Dropped while the other was read: both must be there in one turn.
          if (this.#actors.loaded(place.source) !== source) return null
          return this.#creation.fork(source, place, stream, ancestors, creation)
        }),
      )
      if (made) return made
    }
  }

  /** Ends a stream whose time is over. Where there are streams below it, it stays as nobody's, and empty. */
  async expire(path: StreamPath): Promise<void> {
    await this.#actors.whenLoaded(
      path,
      always,
      async (stream, ancestors) => {
        if (!stream.exists || !this.#actors.isOver(stream)) return
        if (stream.working.descendantCount > 0) this.#restart(stream, { implicit: true })
        else this.#remove(stream, ancestors)
        await this.#storage.durable()
      },
      true,
    )
  }

  async pause(path: StreamPath, reason?: string): Promise<void> {
    await this.#control(path, PAUSED, reasonPayload(reason))
  }

  async resume(path: StreamPath, reason?: string): Promise<void> {
    await this.#control(path, RESUMED, reasonPayload(reason))
  }

  async configure(path: StreamPath, config: ConfigChange): Promise<void> {
    await this.#control(path, CONFIGURED, { config: checkConfigChange(config) })
  }

  async setMetadata(path: StreamPath, metadata: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#control(path, METADATA_UPDATED, { metadata: checkMetadata(metadata) })
  }

  async close(path: StreamPath, reason?: string): Promise<void> {
    const payload = reasonPayload(reason)
    await this.existing(path, (stream) => {
      if (!stream.working.closed) this.placeNow(stream, [coreEvent(CLOSED, payload)])
    })
  }

  async reset(path: StreamPath): Promise<{ readonly incarnationId: string }> {
    const incarnationId = await this.existing(path, (stream) => {
      const { contentType, expiry } = stream.working
      return this.#restart(stream, { contentType, ...(expiry ? { expiry } : {}) })
    })
    return { incarnationId }
  }

  async delete(path: StreamPath, { recursive = false } = {}): Promise<{ readonly deleted: number }> {
    return this.existing(
      path,
      (stream, ancestors) => {
        const { descendantCount } = stream.working
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
        this.#remove(stream, ancestors)
        return { deleted: descendantCount + 1 }
      },
      always,
    )
  }

  #remove(stream: Stream, ancestors: readonly Stream[]): void {
    const { path, incarnationId, descendantCount } = stream.working
    const announcement = childDeletedEvent({ path, incarnationId, descendantCount })
    this.#actors.remove(
      stream,
      ancestors.map((ancestor) => this.#placed(ancestor, ancestor.working, [announcement])),
    )
  }

  /** Begins a new life with an empty log; what is below stays. @returns the new incarnation */
  #restart(stream: Stream, payload: Omit<Partial<CreatedPayload>, 'path' | 'incarnationId'>): string {
    const { path } = stream
    const incarnationId = this.#options.newId()
    const { childCount, descendantCount } = stream.working
    const created = { contentType: DEFAULT_CONTENT_TYPE, ...payload, path, incarnationId }
    const base: CoreState = {
      ...emptyState(path, incarnationId),
      contentType: created.contentType,
      childCount,
      descendantCount,
    }
    this.#actors.rebirth(stream, base, (reborn) => this.#placed(reborn, base, [createdEvent(created)]))
    return incarnationId
  }

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
      const receipts = this.#creation.create(stream, ancestors, stream.working, { inputs }, coreTypes)
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
    const attached = this.#creation.attachMatching(stream, stream.working)
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

  /** Appends raw messages, closes, or both; decided in this turn, all or nothing. */
  async #messagesNow(stream: Stream, append: MessageAppend): Promise<MessageReceipt> {
    const { producer, streamSeq } = append
    this.#actors.checkSound(stream.path)
    const decided = this.#actors.readLog(stream.path, () => this.#decideMessages(stream, append))
    if (decided.events.length > 0) {
      this.#actors.write([{ stream, events: decided.events, state: decided.state }])
      if (!decided.refusal) stream.noteAppend(producer, streamSeq)
    } else this.#actors.touch(stream)
    const { working: state } = stream
    const producerSeq = producer ? (stream.producerPlace(producer.id)?.seq ?? null) : null
    if (stream.dirty) await this.#storage.durable()
    if (decided.refusal) throw decided.refusal
    return { duplicate: decided.duplicate, producerSeq, state }
  }

  #decideMessages(
    stream: Stream,
    { inputs, mediaType: type, producer, streamSeq, close }: MessageAppend,
  ): Pick<AppendDecision, 'events' | 'state' | 'refusal'> & { readonly duplicate: boolean } {
    const { working } = stream
    const nothing = { events: [], state: working }
    if (working.closed) {
      // Closing twice is closing once; what closed it may come again.
      const again = hasClosed(working, producer) || (close && inputs.length === 0 && !producer)
      if (again) return { ...nothing, duplicate: true }
      throw streamClosed(working)
    }
    if (type !== undefined && mediaType(working.contentType) !== type) throw otherContentType(working)
    if (producer && judgeProducer(working, stream.producerPlace(producer.id), producer) === 'duplicate') {
      return { ...nothing, duplicate: true }
    }
    if (streamSeq !== undefined) checkStreamSeq(working, stream.streamSeq(), streamSeq)
    const now = this.#options.now()
    const attached = this.#creation.attachMatching(stream, working)
    const decision = stream.decide(attached?.state ?? working, inputs, now)
    const { refusal } = decision
    const ending = close && !refusal ? [coreEvent(CLOSED, producer ? { producer } : {})] : []
    const end = placeCoreEvents(decision.state, ending, now)
    const events = [...(attached?.events ?? []), ...decision.events, ...end.events]
    return { events, state: end.state, duplicate: false, ...(refusal ? { refusal } : {}) }
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
      const changes = this.#creation.plan(stream, ancestors, now, () => decideImport(base, chunk, hasKey))
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
    await this.existing(path, (stream) => {
      this.#actors.checkSound(path)
      const { events, state } = stream.decide(stream.working, [input], this.#options.now(), ALL_CALLER_CORE_TYPES)
      this.#actors.write([{ stream, events, state }])
    })
  }

  /** Acts on a stream that exists, in one turn, and resolves once that is on the disk. */
  async existing<T>(
    path: StreamPath,
    act: (stream: Stream, ancestors: readonly Stream[]) => T,
    withAncestors: (stream: Stream) => boolean = never,
  ): Promise<T> {
    return this.#actors.whenLoaded(path, withAncestors, async (stream, ancestors) => {
      if (!stream.exists) throw this.#creation.absent(path)
      const result = act(stream, ancestors)
      // Asked for in this very turn: once the group has failed, there is none to wait for.
      await this.#storage.durable()
      return result
    })
  }

  #placed(stream: Stream, state: CoreState, planned: readonly PlannedEvent[]): Change {
    return { stream, ...placeCoreEvents(state, planned, this.#options.now()) }
  }

  placeNow(stream: Stream, planned: readonly PlannedEvent[]): void {
    this.#actors.write([this.#placed(stream, stream.working, planned)])
  }

  /** Appends events of the engine's own in the open group; one whose key is there already is left out. */
  place(stream: Stream, planned: readonly PlannedEvent[]): void {
    const fresh = planned.filter(({ idempotencyKey }) => idempotencyKey === undefined || !stream.hasKey(idempotencyKey))
    if (fresh.length > 0) this.placeNow(stream, fresh)
  }
}

const isAbsent = (stream: Stream): boolean => !stream.exists
/** Nobody has asked for it, and nothing but its own life is in it: whoever creates it says what it is. */
const isUnasked = ({ working }: Stream): boolean => working.implicit === true && working.lastVisibleOffset === 0
const always = (): boolean => true
const never = (): boolean => false

function reasonPayload(reason: unknown): ReasonPayload {
  checkReason(reason)
  return reason === undefined ? {} : { reason }
}
