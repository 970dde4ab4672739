import { type StreamPath, parsePath } from '../streams/path.ts'
import {
  type PayloadSchemas,
  type ProcessorDefinition,
  type RunnableProcessor,
  runnable,
} from '../streams/processors/contract.ts'
import type { EncodedEvent, EventInput } from '../streams/event.ts'
import { equal, fail, saidBy, saysAsExpected } from './assertions.ts'
import { type GivenEvent, encodeGiven } from './given-events.ts'
import { type Appended, RecordedEffects } from './recorded-effects.ts'
import { type Reduced, Reduction } from './reduction.ts'

/** An event that effects are expected to append. Without `to` it goes to the processor's own stream; without a key any will do. */
export type ExpectedAppend = Omit<Appended, 'to' | 'idempotencyKey'> & Partial<Pick<Appended, 'to' | 'idempotencyKey'>>

/** A processor and the log it has reduced so far. */
export interface Given<State, Event> {
  /** The stream it runs over; `/test` when nobody says. */
  on(path: string): Given<State, Event>
  /** What comes next: one event, or several in one batch. */
  when(events: Event | readonly Event[]): Outcome<State>
}

/**
 * What became of it. Each method checks one thing and throws an `AssertionError` when it is not so. Whatever is asked, a
 * reducer that changes state or event in place, that gives two results for the same, or whose state does not survive
 * the disk fails the test.
 */
export interface Outcome<State> {
  /** The state is this one. */
  then(expected: State): void
  /** The state is what a function makes sure of. */
  thenState(check: (state: State) => void): void
  /** Reducing fails at one of the events: the server would try again, and then park the processor before it. */
  thenFails(message: string | RegExp): void
  /** The effects of the events, and of no earlier ones, append just this, in this order. Await it. */
  thenAppends(expected: readonly ExpectedAppend[]): Promise<void>
  /** An effect fails. Await it. */
  thenEffectsFail(message: string | RegExp): Promise<void>
}

/**
 * Tests a processor without a server: `given(processor, ...log).when(event).then(state)`.
 *
 * Offsets count from 1, times from the beginning of 2026, a second apart, where an event does not say.
 */
export function given<State, Types extends string, Schemas extends PayloadSchemas>(
  processor: ProcessorDefinition<State, Types, Schemas>,
  ...events: readonly GivenEvent<NoInfer<Types>, NoInfer<Schemas>>[]
): Given<State, GivenEvent<Types, Schemas>> {
  const log = encodeGiven(events as readonly EventInput[], [], given)
  return givenOn(runnable(processor), log, parsePath('/test'))
}

function givenOn<State, Event>(
  processor: RunnableProcessor,
  log: readonly EncodedEvent[],
  path: StreamPath,
): Given<State, Event> {
  return {
    on: (other) => givenOn(processor, log, parsePath(other)),
    when(events) {
      const inputs = (Array.isArray(events) ? events : [events]) as readonly EventInput[]
      return new CheckedOutcome(processor, path, log, encodeGiven(inputs, log, this.when))
    },
  }
}

class CheckedOutcome<State> implements Outcome<State> {
  readonly #processor: RunnableProcessor
  readonly #path: StreamPath
  readonly #log: readonly EncodedEvent[]
  readonly #events: readonly EncodedEvent[]

  constructor(
    processor: RunnableProcessor,
    path: StreamPath,
    log: readonly EncodedEvent[],
    events: readonly EncodedEvent[],
  ) {
    this.#processor = processor
    this.#path = path
    this.#log = log
    this.#events = events
  }

  // oxlint-disable-next-line unicorn/no-thenable -- the word of given, when, then; whoever awaits it is told
  then(expected: State): void {
    if (typeof expected === 'function') {
      fail('given/when/then is no promise: end it with then(state) or thenState(check), and do not await it', this.then)
    }
    const { state } = this.#succeed(this.then)
    equal(state, expected, `the state of ${this.#processor.slug} is another one`, this.then)
  }

  thenState(check: (state: State) => void): void {
    check(this.#succeed(this.thenState).state as State)
  }

  thenFails(message: string | RegExp): void {
    const { failure } = this.#reduce(this.thenFails)
    if (!failure) fail(`${this.#processor.slug} reduces all of it and does not fail`, this.thenFails)
    else saysAsExpected(failure.error, message, this.thenFails)
  }

  async thenAppends(expected: readonly ExpectedAppend[]): Promise<void> {
    const { effects, error } = await this.#act(this.thenAppends)
    if (error) fail(`an effect of ${this.#processor.slug} fails: ${saidBy(error.cause)}`, this.thenAppends, error.cause)
    const wanted = expected.map((each) => Object.assign({ to: this.#path }, each))
    const actual = effects.appended.map((each, index) => withKeyIfAsked(each, wanted[index]))
    equal(actual, wanted, `${this.#processor.slug} appends something else`, this.thenAppends)
  }

  async thenEffectsFail(message: string | RegExp): Promise<void> {
    const { error } = await this.#act(this.thenEffectsFail)
    if (error) saysAsExpected(error.cause, message, this.thenEffectsFail)
    else fail(`no effect of ${this.#processor.slug} fails`, this.thenEffectsFail)
  }

  async #act(from: Function) {
    const { steps } = this.#succeed(from)
    const effects = new RecordedEffects(this.#processor, this.#path, this.#events.at(-1) ?? this.#log.at(-1))
    const error = await effects.run(steps).then(
      () => null,
      (cause: unknown) => ({ cause }),
    )
    return { effects, error }
  }

  #succeed(from: Function): Reduced {
    const reduced = this.#reduce(from)
    if (!reduced.failure) return reduced
    const { event, error } = reduced.failure
    return fail(`${this.#processor.slug} fails at event ${event.offset} (${event.type}): ${saidBy(error)}`, from, error)
  }

  #reduce(from: Function): Reduced {
    const reduction = new Reduction(this.#processor, from)
    const { failure } = reduction.run(this.#log)
    if (failure) {
      const { event, error } = failure
      fail(`${this.#processor.slug} fails at what is given, event ${event.offset}: ${saidBy(error)}`, from, error)
    }
    return reduction.run(this.#events)
  }
}

/** A key that nobody asks about is any key. */
function withKeyIfAsked({ idempotencyKey, ...rest }: Appended, wanted: ExpectedAppend | undefined): ExpectedAppend {
  return wanted?.idempotencyKey === undefined ? rest : { ...rest, idempotencyKey }
}
