import { ERROR_OCCURRED, type ErrorOccurredPayload, coreEvent } from '../core/core-events.ts'
import { ItxError, itxErrorCode, itxErrorDetails } from '../errors.ts'
import type { EncodedEvent } from '../event.ts'
import { nextTurn } from '../scheduler.ts'
import type { StreamRef } from '../storage/port.ts'
import type { CommittedStream } from '../stream.ts'
import type { EffectContext, RunnableProcessor } from './contract.ts'
import { effectContext } from './effects.ts'
import { NO_MEMORY, type ProcessorPorts } from './ports.ts'
import { encodeState, superfluous } from './snapshots.ts'
import { messageOf, stateAt } from './state-at.ts'

/** Waits between the attempts at a failing event, in milliseconds: a first failure and three retries, then parked. */
const RETRY_MS = [250, 500, 1000]
/** Waits while the disk or the stream takes nothing, in milliseconds: for as long as it takes. */
const WAIT_MS = [250, 500, 1000, 2000, 5000]
/** Events a processor may pass over without consuming any before that is written down. */
const UNWRITTEN_EVENTS = 1000

export type ProcessorStatus = 'caught-up' | 'running' | 'retrying' | 'waiting' | 'parked'

/** Why a processor does not get on. */
export interface ProcessorFailure {
  /** The event that failed; for the disk's failures, the one that would have come next. */
  readonly offset: number
  readonly message: string
  readonly attempts: number
  /** ISO 8601. */
  readonly at: string
}

/** How far a processor is and what it has made of that. Invariant: it never runs ahead of its newest snapshot's effects. */
interface Position {
  readonly offset: number
  readonly state: unknown
  /** The state as it is stored. */
  readonly text: string
  readonly effectsAfter: number
  readonly parked: ProcessorFailure | null
}

interface Progress {
  readonly position: Position
  readonly consumed: boolean
  readonly failure: { readonly offset: number; readonly error: unknown } | null
}

/** Where to go on: at the checkpoint, behind the event that failed, or after an offset, effects and all. */
export type RestartFrom = 'checkpoint' | 'skip' | number

/**
 * One processor over one life of one stream: reads the committed log after its checkpoint, reduces, acts, writes the
 * snapshot, and only then moves on.
 *
 * A generation is an `AbortController`: a restart aborts the old one, and whatever the old one still does finds its signal
 * aborted at the next step and is dropped. So nothing is ever processed by two generations' bookkeeping at once.
 */
export class ProcessorRunner {
  readonly processor: RunnableProcessor
  readonly ref: StreamRef
  readonly #ports: ProcessorPorts
  readonly attachedAt: number
  #generation = new AbortController()
  #running = false
  #woken = false
  #status: ProcessorStatus = 'caught-up'
  #position: Position | null = null
  #failure: ProcessorFailure | null = null
  #attempts = 0
  #waits = 0
  /** The offsets of the snapshots that are stored. */
  #snapshots: number[] = []
  /** The snapshots are another version's: they go when the first of this version is written. */
  #discard = false
  /** Up to here one event at a time: a batch has failed, and one of its events is to blame. */
  #narrowUntil = 0
  /** The event that somebody chose to leave out. */
  #skip = 0

  constructor(ports: ProcessorPorts, processor: RunnableProcessor, ref: StreamRef, attachedAt: number) {
    this.#ports = ports
    this.processor = processor
    this.ref = ref
    this.attachedAt = attachedAt
  }

  /** Whether it is at work, or about to be. */
  get busy(): boolean {
    return this.#running
  }

  /** @throws {ItxError} INTERNAL when the checkpoint cannot be read. */
  status(found: CommittedStream) {
    const position = (this.#position ??= this.#load(found))
    return {
      status: position.parked ? ('parked' as const) : this.#running ? this.#status : ('caught-up' as const),
      checkpoint: position.offset,
      lag: Math.max(0, found.state.maxOffset - position.offset),
      error: position.parked ?? this.#failure,
    }
  }

  /** There may be something new. */
  wake(): void {
    this.#woken = true
    if (!this.#running) void this.#run(this.#generation.signal)
  }

  /** Ends this generation for good. */
  stop(): void {
    this.#generation.abort()
    this.#running = false
  }

  /**
   * Begins a new generation: from its checkpoint, behind the event it is parked at, or after an offset. What the old one
   * is still doing is aborted and no longer counts.
   *
   * @throws {ItxError} CONFLICT `not-parked` when there is nothing to skip; what `stateAt` throws.
   */
  async restart(found: CommittedStream, from: RestartFrom): Promise<void> {
    this.stop()
    const { signal } = (this.#generation = new AbortController())
    this.#running = true
    try {
      // Going back needs nothing of what is stored after it, so a damaged checkpoint can be left behind that way.
      const next = typeof from === 'number' ? await this.#positionAt(found, from) : this.#unparked(found, from)
      if (signal.aborted) return
      const skip = from === 'skip' ? next.offset + 1 : 0
      await this.#save(next, typeof from === 'number')
      if (!signal.aborted) this.#begin(skip)
    } finally {
      if (!signal.aborted) {
        this.#running = false
        this.wake()
      }
    }
  }

  #begin(skip: number): void {
    this.#skip = skip
    this.#failure = null
    this.#attempts = 0
    this.#waits = 0
    this.#narrowUntil = 0
  }

  #unparked(found: CommittedStream, from: 'checkpoint' | 'skip'): Position {
    const position = this.#load(found)
    const { slug } = this.processor
    if (from === 'skip' && !position.parked) {
      throw new ItxError('CONFLICT', `${slug} at ${this.ref.path} is not parked: there is no event to skip`, {
        reason: 'not-parked',
        processor: slug,
      })
    }
    return { ...position, parked: null }
  }

  async #positionAt(found: CommittedStream, offset: number): Promise<Position> {
    const { slug } = this.processor
    this.#snapshots = this.#ports.storage.working.snapshotOffsets(this.ref.id, slug)
    const checkpoint = Math.max(this.#position?.offset ?? 0, this.#snapshots.at(-1) ?? 0)
    if (offset > checkpoint) {
      throw new ItxError(
        'BAD_REQUEST',
        `${slug} is at offset ${checkpoint} of ${this.ref.path}: it can go back, not on`,
        {
          field: 'from',
          checkpoint,
        },
      )
    }
    const { state } = await stateAt(this.#ports, this.processor, found, offset, checkpoint)
    return { offset, state, text: encodeState(state, slug), effectsAfter: this.attachedAt, parked: null }
  }

  // -- the loop ---------------------------------------------------------------------------------------------------

  async #run(signal: AbortSignal): Promise<void> {
    this.#running = true
    this.#status = 'running'
    try {
      while (!signal.aborted) {
        this.#woken = false
        const more = await this.#step(signal)
        // Checked and ended in one turn: a wake-up cannot fall in between.
        if (!more && !this.#woken) break
      }
    } finally {
      if (!signal.aborted) this.#running = false
    }
  }

  /** Takes one batch. @returns whether there may be more. */
  async #step(signal: AbortSignal): Promise<boolean> {
    try {
      const found = await this.#ports.committed(this.ref.path)
      if (signal.aborted || found?.ref.incarnationId !== this.ref.incarnationId) return false
      const position = (this.#position ??= this.#load(found))
      if (position.parked || position.offset >= found.state.maxOffset) return false
      const page = this.#ports.readAfter(this.ref, position.offset).events
      const events = position.offset < this.#narrowUntil ? page.slice(0, 1) : page
      const progress = await this.#process(position, events, signal)
      if (signal.aborted) return false
      const worth = progress.consumed || progress.position.offset - (this.#snapshots.at(-1) ?? 0) >= UNWRITTEN_EVENTS
      if (worth) await this.#save(progress.position)
      else this.#position = progress.position
      if (signal.aborted) return false
      if (progress.position.offset >= this.#narrowUntil && !progress.failure) this.#recovered()
      if (progress.failure) await this.#failed(progress.failure, signal)
      else if (!worth) await nextTurn(this.#ports.scheduler)
      return true
    } catch (error) {
      // The disk's doing, not an event's: nothing is given up, however long it takes.
      await this.#wait(error, signal)
      return true
    }
  }

  #recovered(): void {
    this.#waits = 0
    this.#attempts = 0
    this.#failure = null
    this.#status = 'running'
  }

  /** Reduces and acts, as far as it gets. Pure but for the effects: nothing of it is kept yet. */
  async #process(position: Position, events: readonly EncodedEvent[], signal: AbortSignal): Promise<Progress> {
    const { processor } = this
    let { offset, state, text } = position
    let consumed = false
    const batch: EffectContext<unknown, never>[] = []
    const progress = (failure: Progress['failure']): Progress => ({
      position: { ...position, offset, state, text },
      consumed,
      failure,
    })
    for (const encoded of events) {
      const skipped = encoded.offset === this.#skip
      try {
        const event = processor.consume(encoded)
        if (event) {
          const before = state
          const after = processor.reduce(before, event)
          const acts = !skipped && event.offset > position.effectsAfter
          if (acts && (processor.processEvent ?? processor.processEventBatch)) {
            const context = effectContext(this.#ports, processor, this.ref, signal, { event, before, after })
            if (processor.processEvent) await processor.processEvent(context)
            else batch.push(context as EffectContext<unknown, never>)
            if (signal.aborted) return progress(null)
          }
          state = after
          consumed = true
        }
      } catch (error) {
        if (!skipped) {
          const failure = { offset: encoded.offset, error }
          // What came before it in this batch has to act before that can be kept.
          if (batch.length > 0) return this.#narrowed(position, events, failure)
          if (consumed) text = encodeState(state, processor.slug)
          return progress(failure)
        }
        consumed = true
      }
      offset = encoded.offset
    }
    try {
      if (consumed) text = encodeState(state, processor.slug)
      const [first] = batch
      if (first && processor.processEventBatch) {
        const context = { events: batch, before: position.state, after: state, stream: first.stream, signal }
        await processor.processEventBatch(context)
      }
    } catch (error) {
      return this.#narrowed(position, events, { offset: batch[0]?.event['offset'] ?? offset, error })
    }
    return progress(null)
  }

  /** Nothing of this batch is kept; the next attempt takes its events one by one, and so finds the one to blame. */
  #narrowed(position: Position, events: readonly EncodedEvent[], failure: NonNullable<Progress['failure']>): Progress {
    this.#narrowUntil = Math.max(this.#narrowUntil, events.at(-1)?.offset ?? 0)
    return { position, consumed: false, failure }
  }

  // -- failures ---------------------------------------------------------------------------------------------------

  async #failed({ offset, error }: NonNullable<Progress['failure']>, signal: AbortSignal): Promise<void> {
    if (isWorthWaiting(error)) return this.#wait(error, signal)
    this.#narrowUntil = Math.max(this.#narrowUntil, offset)
    const attempts = ++this.#attempts
    this.#failure = { offset, message: messageOf(error), attempts, at: this.#time() }
    const pause = RETRY_MS[attempts - 1]
    if (pause === undefined) return this.#park(this.#failure)
    this.#status = 'retrying'
    await this.#pause(pause, signal)
  }

  /** The event is given up for now: said once in the stream, and the processor stands still before it. */
  async #park(failure: ProcessorFailure): Promise<void> {
    const { slug, version } = this.processor
    const position = this.#position
    const stream = this.#ports.working(this.ref.path)
    if (!position || stream?.working.incarnationId !== this.ref.incarnationId) {
      throw new ItxError('UNAVAILABLE', `${this.ref.path} cannot be told now that ${slug} is parked`)
    }
    const payload: ErrorOccurredPayload = { processor: { slug, version }, ...pick(failure) }
    const key = `${ERROR_OCCURRED}/${slug}@${version}/${failure.offset}`
    // One group for both: a processor that is parked has said so.
    this.#ports.place(stream, [{ ...coreEvent(ERROR_OCCURRED, payload), idempotencyKey: key }])
    await this.#save({ ...position, parked: failure })
    this.#ports.warn(`${this.ref.path}: ${slug} is parked before event ${failure.offset}: ${failure.message}`)
  }

  async #wait(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const offset = (this.#position?.offset ?? 0) + 1
    this.#failure = { offset, message: messageOf(error), attempts: this.#waits + 1, at: this.#time() }
    this.#status = 'waiting'
    const pause = WAIT_MS[Math.min(this.#waits++, WAIT_MS.length - 1)] ?? 0
    await this.#pause(pause, signal)
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#ports.scheduler.timer(ms, resolve)
    const stop = () => resolve()
    signal.addEventListener('abort', stop)
    return promise.finally(() => {
      cancel()
      signal.removeEventListener('abort', stop)
    })
  }

  #time(): string {
    return new Date(this.#ports.now()).toISOString()
  }

  // -- the checkpoint ---------------------------------------------------------------------------------------------

  #load(found: CommittedStream): Position {
    const { slug, version, initialState } = this.processor
    const { working } = this.#ports.storage
    this.#snapshots = working.snapshotOffsets(this.ref.id, slug)
    const row = working.findSnapshot(this.ref, slug, Number.MAX_SAFE_INTEGER)
    const text = encodeState(initialState, slug)
    const beginning = { offset: found.state.firstOffset - 1, state: initialState, text, parked: null }
    if (!row) return { ...beginning, effectsAfter: this.attachedAt }
    const state = row.version === version ? this.#stateOf(row.state) : undefined
    if (state === undefined) {
      this.#discard = true
      // What has acted already does not act again only because it is reduced anew.
      return { ...beginning, effectsAfter: Math.max(this.attachedAt, row.effectsAfter, row.offset) }
    }
    const parked = row.parked === null ? null : (JSON.parse(row.parked) as ProcessorFailure)
    return { offset: row.offset, state, text: row.state, effectsAfter: row.effectsAfter, parked }
  }

  /** Undefined when it no longer fits the schema: then the log is reduced anew. */
  #stateOf(text: string): unknown {
    try {
      return this.processor.checkState(JSON.parse(text))
    } catch {
      return undefined
    }
  }

  /**
   * Writes the snapshot, and only once it is on the disk moves there in memory: a write that fails is made again.
   *
   * @param goingBack whether snapshots after this one are to be forgotten
   */
  async #save(position: Position, goingBack = false): Promise<void> {
    const { storage } = this.#ports
    const { slug, version } = this.processor
    const { ref } = this
    const { offset, effectsAfter } = position
    const stream = this.#ports.working(ref.path)
    if (stream?.working.incarnationId !== ref.incarnationId) {
      throw new ItxError('CONFLICT', `${ref.path} is not there, or began a new life`, { reason: 'incarnation' })
    }
    const snapshot = {
      offset,
      version,
      effectsAfter,
      state: position.text,
      parked: position.parked && JSON.stringify(position.parked),
    }
    const older = this.#discard ? [] : this.#snapshots.filter((each) => each < offset)
    const all = [...older, offset]
    const gone = superfluous(all)
    storage.transactionSync(NO_MEMORY, (tx) => {
      if (this.#discard) tx.deleteSnapshots(ref.id, slug, 0, Number.MAX_SAFE_INTEGER)
      else if (goingBack) tx.deleteSnapshots(ref.id, slug, offset, Number.MAX_SAFE_INTEGER)
      for (const each of gone) tx.deleteSnapshots(ref.id, slug, each, each)
      tx.saveSnapshot(ref, slug, snapshot)
    })
    const { signal } = this.#generation
    await storage.durable()
    if (signal.aborted) return
    this.#discard = false
    this.#snapshots = all.filter((each) => !gone.includes(each))
    this.#position = position
  }
}

/** Whether time, or an operator, will mend it: no event is to blame. */
function isWorthWaiting(error: unknown): boolean {
  const reason = itxErrorDetails(error)?.['reason']
  return itxErrorCode(error) === 'UNAVAILABLE' || reason === 'paused' || reason === 'breaker'
}

function pick({ offset, message, attempts }: ProcessorFailure) {
  return { offset, message, attempts }
}
