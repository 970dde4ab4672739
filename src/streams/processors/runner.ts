import { ERROR_OCCURRED, type ErrorOccurredPayload, coreEvent } from '../core/core-events.ts'
import { ItxError, itxErrorCode, itxErrorDetails } from '../errors.ts'
import type { EncodedEvent } from '../event.ts'
import { nextTurn } from '../scheduler.ts'
import type { StreamRef } from '../storage/port.ts'
import type { CommittedStream } from '../stream.ts'
import type { EffectContext, RunnableProcessor } from './contract.ts'
import { effectContext } from './effects.ts'
import { Checkpoint, type Position, type ProcessorFailure } from './checkpoint.ts'
import type { ProcessorPorts } from './ports.ts'
import { encodeState } from './snapshots.ts'
import { messageOf } from './state-at.ts'

/** Waits between the attempts at a failing event, in milliseconds: a first failure and three retries, then parked. */
const RETRY_MS = [250, 500, 1000]
/** Waits while the disk or the stream takes nothing, in milliseconds: for as long as it takes. */
const WAIT_MS = [250, 500, 1000, 2000, 5000]
/** Events a processor may pass over without consuming any before that is written down. */
const UNWRITTEN_EVENTS = 1000

export type ProcessorStatus = 'caught-up' | 'running' | 'retrying' | 'waiting' | 'parked'

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
  readonly attachedAt: number
  readonly #ports: ProcessorPorts
  readonly #checkpoint: Checkpoint
  #generation = new AbortController()
  #running = false
  #woken = false
  #status: ProcessorStatus = 'caught-up'
  #failure: ProcessorFailure | null = null
  #attempts = 0
  #waits = 0
  /** Up to here one event at a time: a batch has failed, and one of its events is to blame. */
  #narrowUntil = 0
  /** The event that somebody chose to leave out. */
  #skip = 0

  constructor(ports: ProcessorPorts, processor: RunnableProcessor, ref: StreamRef, attachedAt: number) {
    this.#ports = ports
    this.processor = processor
    this.ref = ref
    this.attachedAt = attachedAt
    this.#checkpoint = new Checkpoint(ports, processor, ref, attachedAt)
  }

  /** Whether it is at work, or about to be. */
  get busy(): boolean {
    return this.#running
  }

  /** @throws {ItxError} INTERNAL when the checkpoint cannot be read. */
  status(found: CommittedStream) {
    const { offset, parked } = this.#checkpoint.read(found)
    const lag = Math.max(0, found.state.maxOffset - offset)
    // One that nobody has woken yet, as after a start, has something to do all the same.
    if (lag > 0 && !parked) this.wake()
    const status = parked ? 'parked' : this.#running ? this.#status : 'caught-up'
    return { status, checkpoint: offset, lag, error: parked ?? this.#failure } as const
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
    const current = this.#generation.signal
    // Refused before anything is stopped: what runs goes on, and so does a restart that came before this one. Going back
    // needs nothing of what is stored after it, so a damaged checkpoint can be left behind that way.
    const next = typeof from === 'number' ? await this.#checkpoint.earlier(found, from) : this.#unparked(found, from)
    if (current.aborted) return
    this.stop()
    const { signal } = (this.#generation = new AbortController())
    this.#running = true
    try {
      const skip = from === 'skip' ? next.offset + 1 : 0
      await this.#checkpoint.save(next, signal)
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
    const position = this.#checkpoint.read(found)
    const { slug } = this.processor
    if (from === 'skip' && !position.parked) {
      throw new ItxError('CONFLICT', `${slug} at ${this.ref.path} is not parked: there is no event to skip`, {
        reason: 'not-parked',
        processor: slug,
      })
    }
    return { ...position, parked: null }
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
      const position = this.#checkpoint.read(found)
      if (position.parked || position.offset >= found.state.maxOffset) return false
      const page = this.#ports.readAfter(this.ref, position.offset).events
      const events = position.offset < this.#narrowUntil ? page.slice(0, 1) : page
      const progress = await this.#process(position, events, signal)
      if (signal.aborted) return false
      const worth = progress.consumed || progress.position.offset - this.#checkpoint.stored >= UNWRITTEN_EVENTS
      if (worth) await this.#checkpoint.save(progress.position, signal)
      else this.#checkpoint.pass(progress.position)
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
          if (consumed) text = checkedText(processor, state)
          return progress(failure)
        }
        consumed = true
      }
      offset = encoded.offset
    }
    try {
      if (consumed) text = checkedText(processor, state)
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
    if (pause === undefined) return this.#park(this.#failure, signal)
    this.#status = 'retrying'
    await this.#pause(pause, signal)
  }

  /** The event is given up for now: said once in the stream, and the processor stands still before it. */
  async #park(failure: ProcessorFailure, signal: AbortSignal): Promise<void> {
    const { slug, version } = this.processor
    const { position } = this.#checkpoint
    const stream = this.#ports.working(this.ref.path)
    if (!position || stream?.working.incarnationId !== this.ref.incarnationId) {
      throw new ItxError('UNAVAILABLE', `${this.ref.path} cannot be told now that ${slug} is parked`)
    }
    const payload: ErrorOccurredPayload = { processor: { slug, version }, ...pick(failure) }
    const key = `${ERROR_OCCURRED}/${slug}@${version}/${failure.offset}`
    // One group for both: a processor that is parked has said so.
    this.#ports.place(stream, [{ ...coreEvent(ERROR_OCCURRED, payload), idempotencyKey: key }])
    await this.#checkpoint.save({ ...position, parked: failure }, signal)
    this.#ports.warn(`${this.ref.path}: ${slug} is parked before event ${failure.offset}: ${failure.message}`)
  }

  async #wait(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const offset = (this.#checkpoint.position?.offset ?? 0) + 1
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
}

/** The state as it is stored: what could not be read back must not be written. */
function checkedText(processor: RunnableProcessor, state: unknown): string {
  processor.checkState(state)
  return encodeState(state, processor.slug)
}

/** Whether time, or an operator, will mend it: no event is to blame. */
function isWorthWaiting(error: unknown): boolean {
  const reason = itxErrorDetails(error)?.['reason']
  return itxErrorCode(error) === 'UNAVAILABLE' || reason === 'paused' || reason === 'breaker'
}

function pick({ offset, message, attempts }: ProcessorFailure) {
  return { offset, message, attempts }
}
