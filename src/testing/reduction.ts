import type { EncodedEvent, StreamEvent } from '../streams/event.ts'
import type { RunnableProcessor } from '../streams/processors/contract.ts'
import { encodeState } from '../streams/processors/snapshots.ts'
import { equal, fail, saidBy } from './assertions.ts'

/** An event that the processor has consumed, and the state around it. Frozen to the ground. */
export interface Step {
  readonly event: StreamEvent
  readonly before: unknown
  readonly after: unknown
}

export interface Reduced {
  readonly state: unknown
  readonly steps: readonly Step[]
  /** The event that the processor would be parked at. */
  readonly failure: { readonly event: EncodedEvent; readonly error: unknown } | null
}

type Outcome = { readonly value: unknown } | { readonly error: unknown }

/**
 * Reduces events as the server does, and holds the reducer to its promises: it changes nothing in place, gives the same
 * for the same, answers at once, and its state fits the schema and is the same when it is read back from the disk.
 *
 * All of it throws an `AssertionError` when a promise is broken. A reducer that throws breaks none: that is a `failure`.
 */
export class Reduction {
  readonly #processor: RunnableProcessor
  readonly #from: Function
  /** Frozen. */
  #state: unknown
  /** The same as it was read back, for a reducer to spoil. */
  #spare: unknown

  constructor(processor: RunnableProcessor, from: Function) {
    this.#processor = processor
    this.#from = from
    const { initialState, slug } = processor
    const text = encodeState(initialState, slug)
    this.#spare = this.#readBack(initialState, text, 'the initial state')
    this.#state = frozen(processor.checkState(JSON.parse(text)))
  }

  /** Goes on with these events, up to one that the processor fails at. */
  run(events: readonly EncodedEvent[]): Reduced {
    const steps: Step[] = []
    for (const event of events) {
      try {
        const step = this.#step(event)
        if (step) steps.push(step)
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        return { state: this.#state, steps, failure: { event, error: error.cause } }
      }
    }
    return { state: this.#state, steps, failure: null }
  }

  #step(encoded: EncodedEvent): Step | null {
    const at = `event ${encoded.offset} (${encoded.type})`
    const event = this.#consumed(encoded)
    if (!event) return null
    const before = this.#state
    const { after, text } = this.#reducedTwice(encoded, frozen(event), at)
    this.#spare = this.#readBack(after, text, `the state after ${at}`)
    this.#state = frozen(after)
    return { event, before, after }
  }

  #reducedTwice(encoded: EncodedEvent, event: StreamEvent, at: string) {
    const processor = this.#processor
    const name = `the reducer of ${processor.slug}`
    // Not frozen: code that is not strict would be stopped by a frozen object without a word.
    const own = { state: this.#spare, event: this.#consumed(encoded) as StreamEvent }
    const first = attempt(() => processor.reduce(own.state, own.event))
    equal(own.state, this.#state, `${name} changed the state in place at ${at}`, this.#from)
    equal(own.event, event, `${name} changed the event in place at ${at}`, this.#from)
    // As text, and now: a result that the reducer keeps for itself may be another one after the next call.
    const firstText = attempt(() => JSON.stringify(valueOf(first)))
    const second = attempt(() => processor.reduce(this.#state, event))
    if ('error' in first && 'error' in second) throw new Failure(first.error)
    const broken = 'error' in first ? first : 'error' in second ? second : null
    if (broken) fail(`${name} is not pure: at ${at} it fails one time of two (${saidBy(broken.error)})`, this.#from)
    const after = valueOf(second)
    const text = this.#encoded(after)
    if ('value' in firstText && firstText.value !== text) {
      const twoStates = `${name} is not pure: at ${at} it gives two states for the same state and event`
      equal(JSON.parse(text), JSON.parse(String(firstText.value)), twoStates, this.#from)
    }
    return { after, text }
  }

  #encoded(state: unknown): string {
    const text = attempt(() => encodeState(state, this.#processor.slug))
    if ('error' in text) throw new Failure(text.error)
    return text.value as string
  }

  #consumed(encoded: EncodedEvent): StreamEvent | null {
    const consumed = attempt(() => this.#processor.consume(encoded))
    if ('error' in consumed) throw new Failure(consumed.error)
    return consumed.value as StreamEvent | null
  }

  /** What the server would have after a restart. */
  #readBack(state: unknown, text: string, what: string): unknown {
    const read = attempt(() => this.#processor.checkState(JSON.parse(text)))
    if ('error' in read) return fail(`${what}: ${saidBy(read.error)}`, this.#from, read.error)
    equal(read.value, state, `${what} is not the same when it is read back from the disk`, this.#from)
    return read.value
  }
}

/** The processor failed at an event, as it may. */
class Failure extends Error {
  constructor(cause: unknown) {
    super('the processor failed', { cause })
  }
}

function attempt(act: () => unknown): Outcome {
  try {
    return { value: act() }
  } catch (error) {
    return { error }
  }
}

function valueOf(outcome: Outcome): unknown {
  return 'value' in outcome ? outcome.value : undefined
}

/** Freezes a value and all that is in it. @returns the value. */
export function frozen<T>(value: T, seen = new Set<unknown>()): T {
  // Arrays of bytes cannot be frozen.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return value
  seen.add(value)
  Object.freeze(value)
  for (const each of Object.values(value)) frozen(each, seen)
  return value
}
