import type { Actors, Change } from './actors.ts'
import {
  CALLER_CORE_TYPES,
  CLOSED,
  CONFIGURED,
  METADATA_UPDATED,
  PAUSED,
  type PlannedEvent,
  RESUMED,
  type ReasonPayload,
  checkReason,
  childCreatedEvent,
  childDeletedEvent,
  coreEvent,
  createdEvent,
} from './core/core-events.ts'
import { type ConfigChange, checkConfigChange, checkMetadata } from './core/config.ts'
import { type AppendDecision, placeCoreEvents } from './core/decide.ts'
import { type CoreState, DEFAULT_CONTENT_TYPE, emptyState } from './core/state.ts'
import { ItxError } from './errors.ts'
import { type AppendLimits, type EncodedInput, type Receipt, checkCount, checkLimits } from './event.ts'
import { encodeJson } from './json-text.ts'
import { type StreamPath, isBelow } from './path.ts'
import type { ProcessorRegistry } from './processors/registry.ts'
import type { StreamStorage } from './storage/port.ts'
import type { Stream } from './stream.ts'
import { importedBase } from './transfer-check.ts'
import {
  type CheckedChunk,
  type ImportChunk,
  type Imported,
  checkChunk,
  checkContinues,
  decideImport,
} from './transfer.ts'

export interface ProjectWriterOptions {
  readonly limits: AppendLimits
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** A new random identifier. */
  readonly newId: () => string
}

export const ALL_CALLER_CORE_TYPES: ReadonlySet<string> = new Set(CALLER_CORE_TYPES)

/**
 * Everything that changes a project's streams: decided in one turn against the working state, written in the open group,
 * answered once that is on the disk. What each operation promises its callers is said at `ProjectStreams`.
 */
export class ProjectWriter {
  readonly #storage: StreamStorage
  readonly #actors: Actors
  readonly #options: ProjectWriterOptions
  readonly #registry: ProcessorRegistry
  /** Streams that need not be asked again whether a pattern attaches something to them. */
  readonly #matched = new WeakSet<Stream>()

  constructor(storage: StreamStorage, actors: Actors, options: ProjectWriterOptions, registry: ProcessorRegistry) {
    this.#storage = storage
    this.#actors = actors
    this.#options = options
    this.#registry = registry
  }

  async append(
    path: StreamPath,
    inputs: readonly EncodedInput[],
    coreTypes?: ReadonlySet<string>,
  ): Promise<readonly Receipt[]> {
    const stream = this.#actors.loaded(path)
    // The usual case decides in this very turn: no await between reading and writing.
    return stream?.exists ? this.#appendNow(stream, inputs, coreTypes) : this.#appendLoading(path, inputs, coreTypes)
  }

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
    const incarnationId = this.#options.newId()
    await this.existing(path, (stream) => {
      const { contentType, childCount, descendantCount } = stream.working
      const base: CoreState = { ...emptyState(path, incarnationId), contentType, childCount, descendantCount }
      this.#actors.rebirth(stream, base, (reborn) => ({
        stream: reborn,
        ...placeCoreEvents(base, [createdEvent({ path, incarnationId, contentType })], this.#options.now()),
      }))
    })
    return { incarnationId }
  }

  async delete(path: StreamPath, { recursive = false } = {}): Promise<{ readonly deleted: number }> {
    return this.existing(
      path,
      (stream, ancestors) => {
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
      },
      always,
    )
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
      if (!stream.exists) throw new ItxError('NOT_FOUND', `stream ${path} does not exist`, { path })
      const result = act(stream, ancestors)
      // Asked for in this very turn: once the group has failed, there is none to wait for.
      await this.#storage.durable()
      return result
    })
  }

  /** Events that attach what the patterns say, before the first event that comes after. Only decided, not written. */
  #attachMatching(stream: Stream, state: CoreState): Pick<AppendDecision, 'events' | 'state'> | null {
    if (!this.#registry.hasPatterns || this.#matched.has(stream)) return null
    const planned = this.#registry.attachments(stream.path, state)
    if (planned.length > 0) return placeCoreEvents(state, planned, this.#options.now())
    this.#matched.add(stream)
    return null
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
const always = (): boolean => true
const never = (): boolean => false

function reasonPayload(reason: unknown): ReasonPayload {
  checkReason(reason)
  return reason === undefined ? {} : { reason }
}
