import type { Actors, Change } from './actors.ts'
import { mediaType } from './content-type.ts'
import { CLOSED, type CreatedPayload, childCreatedEvent, coreEvent, createdEvent } from './core/core-events.ts'
import { type AppendDecision, placeCoreEvents } from './core/decide.ts'
import { type CoreState, DEFAULT_CONTENT_TYPE, type Expiry } from './core/state.ts'
import { type ItxError, otherContentType, streamGone, streamNotFound } from './errors.ts'
import type { AppendLimits, EncodedInput, Receipt } from './event.ts'
import { type ForkPlace, forkBase } from './fork.ts'
import { type StreamPath, isBelow } from './path.ts'
import type { ProcessorRegistry } from './processors/registry.ts'
import type { StreamStorage } from './storage/port.ts'
import type { Stream } from './stream.ts'

/** How a stream is to be made. */
export interface Creation {
  /** `application/json` when absent. */
  readonly contentType?: string
  /** Its first events. */
  readonly inputs?: readonly EncodedInput[]
  readonly expiry?: Expiry
  /** It is complete with its first events. */
  readonly closed?: boolean
}

/** What a stream is, and whether it was made just now. */
export interface Created {
  readonly created: boolean
  readonly state: CoreState
}

export interface WriterOptions {
  readonly limits: AppendLimits
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** A new random identifier. */
  readonly newId: () => string
}

/**
 * Makes streams, each with the ancestors that are missing, what the patterns attach and the announcements to all above it,
 * decided in one turn and written in the open group.
 */
export class StreamCreation {
  readonly #storage: StreamStorage
  readonly #actors: Actors
  readonly #options: WriterOptions
  readonly #registry: ProcessorRegistry
  /** Streams that need not be asked again whether a pattern attaches something to them. */
  readonly #matched = new WeakSet<Stream>()

  constructor(storage: StreamStorage, actors: Actors, options: WriterOptions, registry: ProcessorRegistry) {
    this.#storage = storage
    this.#actors = actors
    this.#options = options
    this.#registry = registry
  }

  /** What is said of a stream that is not there. */
  absent(path: StreamPath, whenGone: 'NOT_FOUND' | 'CONFLICT' = 'NOT_FOUND'): ItxError {
    return this.#storage.working.isRetained(path) ? streamGone(whenGone, path) : streamNotFound(path)
  }

  /** Creates the stream and its missing ancestors, announces each to all of its ancestors, and appends; one commit. */
  create(
    stream: Stream,
    ancestors: readonly Stream[],
    base: CoreState,
    { inputs = [], closed = false, ...asked }: Creation & Pick<CreatedPayload, 'forkedFrom'>,
    coreTypes?: ReadonlySet<string>,
  ): readonly Receipt[] {
    const now = this.#options.now()
    const changes = this.plan(stream, ancestors, now, () => this.#firstEvents(stream, base, asked, now))
    const created = changes.get(stream)
    const decision = stream.decide(created?.state ?? stream.working, inputs, now, coreTypes)
    // A stream that does not exist yet cannot be paused: nothing at all is stored.
    if (decision.refusal) throw decision.refusal
    const end = placeCoreEvents(decision.state, closed ? [coreEvent(CLOSED, {})] : [], now)
    const events = [...(created?.events ?? []), ...decision.events, ...end.events]
    changes.set(stream, { stream, events, state: end.state })
    if (base === stream.working) this.#actors.write([...changes.values()])
    else this.#actors.begin(stream, base, [...changes.values()])
    return decision.receipts
  }

  /** What creating a stream means for it and its ancestors; `first` decides its own first events. */
  plan(
    stream: Stream,
    ancestors: readonly Stream[],
    now: number,
    first: () => Pick<AppendDecision, 'events' | 'state'>,
  ): Map<Stream, Change> {
    if (!stream.exists && this.#storage.working.isRetained(stream.path)) throw streamGone('CONFLICT', stream.path)
    const absent = [...ancestors, stream].filter((each) => !each.exists)
    const changes = new Map<Stream, Change>()
    for (const each of ancestors.filter((ancestor) => !ancestor.exists)) {
      changes.set(each, { stream: each, ...this.#firstEvents(each, each.working, { implicit: true }, now) })
    }
    changes.set(stream, { stream, ...first() })
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

  #firstEvents(
    stream: Stream,
    base: CoreState,
    asked: Omit<Partial<CreatedPayload>, 'path' | 'incarnationId'>,
    now: number,
  ): Pick<AppendDecision, 'events' | 'state'> {
    const { path, incarnationId } = base
    const event = createdEvent({ contentType: DEFAULT_CONTENT_TYPE, ...asked, path, incarnationId })
    const created = placeCoreEvents(base, [event], now)
    const attached = this.attachMatching(stream, created.state)
    return attached ? { ...attached, events: [...created.events, ...attached.events] } : created
  }

  async fork(
    source: Stream,
    place: ForkPlace,
    stream: Stream,
    ancestors: readonly Stream[],
    creation: Creation,
  ): Promise<Created> {
    if (!source.ref) throw this.absent(source.path, 'CONFLICT')
    const created = !stream.exists
    if (created) {
      this.#actors.checkSound(source.path)
      const { ref, working } = source
      const base = this.#actors.readLog(source.path, () =>
        forkBase(stream.working, { ref, state: working }, place, this.#storage.working),
      )
      const { contentType, expiry = working.expiry } = { contentType: working.contentType, ...creation }
      if (mediaType(contentType) !== mediaType(working.contentType)) throw otherContentType(working)
      const forkedFrom = { path: place.source, offset: place.offset, subOffset: place.subOffset }
      this.create(stream, ancestors, base, {
        ...creation,
        contentType,
        ...(expiry ? { expiry } : {}),
        forkedFrom,
      })
    }
    const { working: state } = this.#actors.loaded(stream.path) ?? stream
    await this.#storage.durable()
    return { created, state }
  }

  /** Events that attach what the patterns say, before the first event that comes after. Only decided, not written. */
  attachMatching(stream: Stream, state: CoreState): Pick<AppendDecision, 'events' | 'state'> | null {
    if (!this.#registry.hasPatterns || this.#matched.has(stream)) return null
    const planned = this.#registry.attachments(stream.path, state)
    if (planned.length > 0) return placeCoreEvents(state, planned, this.#options.now())
    this.#matched.add(stream)
    return null
  }
}
