import { ItxError } from '../errors.ts'
import { type EncodedEvent, type EventInput, type Receipt, type StreamEvent, decodeEvent } from '../event.ts'
import { isUsableType } from '../event-input.ts'

/**
 * What a processor is: a pure reduction of events into state, and perhaps effects (design page `streams.md`,
 * "Processors"). Nothing here runs one; see `ProcessorHost`.
 */

/**
 * A validator by the Standard Schema specification (https://standardschema.dev), which zod, valibot and ArkType follow.
 * It must answer at once: a promise is refused.
 */
export interface Schema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] }

/** Schemas of the payloads of consumed events, by type. */
export type PayloadSchemas = Readonly<Record<string, Schema>>

type PayloadOf<Schemas, Type> = Type extends keyof Schemas
  ? Schemas[Type] extends Schema<infer Output>
    ? Output
    : unknown
  : unknown

/**
 * The events a processor gets: for each named type one member of the union, its payload typed by its schema; under `*` any
 * event, its payload unknown.
 */
export type ConsumedEvent<Types extends string, Schemas extends PayloadSchemas> = Types extends '*'
  ? StreamEvent
  : Omit<StreamEvent, 'type' | 'payload'> & { readonly type: Types; readonly payload: PayloadOf<Schemas, Types> }

/** The life of a stream that an effect acts for. */
export interface EffectStream {
  readonly path: string
  readonly incarnationId: string
}

/** One event whose effects are to run. */
export interface EffectContext<State, Event> {
  readonly event: Event
  /** The state before and after this event. */
  readonly before: State
  readonly after: State
  readonly stream: EffectStream
  /** Aborted when the processor is detached, restarted or shut down: nothing that comes later counts. */
  readonly signal: AbortSignal
  /**
   * Appends to this stream, or to another one of the project. An event without an idempotency key gets one made of the
   * processor, this event and the position among all that was appended for it, so that a repetition appends nothing
   * twice, provided that the effect appends the same things in the same order.
   */
  append(events: EventInput | readonly EventInput[], to?: string): Promise<readonly Receipt[]>
}

/** A batch whose effects are to run, for processors that would rather act once for many events. */
export interface BatchContext<State, Event> {
  readonly events: readonly EffectContext<State, Event>[]
  /** The state before and after the batch. */
  readonly before: State
  readonly after: State
  readonly stream: EffectStream
  readonly signal: AbortSignal
}

/**
 * A processor. `reduce` is pure: the same state and event give the same state, always, and neither is changed in place.
 * Effects run at least once for each event after the one that attached the processor, in order, one batch at a time.
 */
export interface ProcessorDefinition<State, Types extends string, Schemas extends PayloadSchemas> {
  /** Names the processor in a project: `a-z`, `0-9` and `-`, 1 to 64 characters. */
  readonly slug: string
  /** Another version discards state and checkpoint and reduces the log anew; effects that have run do not run again. */
  readonly version: string
  readonly description?: string
  /** The shape of the state: a JSON value of at most 1 MiB. */
  readonly state: Schema<State>
  readonly initialState: State
  /** The event types it gets, or `*` for all, the engine's own included. */
  readonly consumes: readonly Types[]
  /** A payload that does not fit its schema fails the event. Defaults and transforms apply. */
  readonly events?: Schemas
  /** Returns the next state; returning nothing keeps the one there is. */
  readonly reduce: (state: State, event: ConsumedEvent<Types, Schemas>) => State | undefined | void
  /** Acts on one event. Its promise is awaited before the next one. */
  readonly processEvent?: (context: EffectContext<State, ConsumedEvent<Types, Schemas>>) => unknown
  /** Acts on a batch. At most one of the two. */
  readonly processEventBatch?: (context: BatchContext<State, ConsumedEvent<Types, Schemas>>) => unknown
}

/** A processor of any state and any events: what can be registered. */
export interface AnyProcessor {
  readonly slug: string
  readonly version: string
  readonly description?: string
  readonly state: Schema
  readonly initialState: unknown
  readonly consumes: readonly string[]
  readonly events?: PayloadSchemas
  readonly reduce: (state: never, event: never) => unknown
  readonly processEvent?: (context: never) => unknown
  readonly processEventBatch?: (context: never) => unknown
}

const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/
/** Names that mean something else where a processor is asked for. */
const RESERVED_SLUGS: ReadonlySet<string> = new Set(['core', 'stream'])

/**
 * Makes a processor: the definition as it is, its types inferred and its parts checked.
 *
 * @throws {ItxError} BAD_REQUEST naming what is wrong: at start, not at the first event.
 */
export function defineProcessor<State, const Types extends string, const Schemas extends PayloadSchemas = {}>(
  definition: ProcessorDefinition<State, Types, Schemas>,
): ProcessorDefinition<State, Types, Schemas> {
  checkDefinition(definition)
  return definition
}

/** A processor as the host runs it, its types behind it. */
export interface RunnableProcessor {
  readonly slug: string
  readonly version: string
  readonly description: string
  readonly consumes: readonly string[]
  readonly initialState: unknown
  /** @throws {ItxError} BAD_REQUEST `state` when a value does not fit the schema. */
  checkState(value: unknown): unknown
  /** The event as `reduce` gets it, or null when it is not consumed. @throws {ItxError} BAD_REQUEST `payload`. */
  consume(event: EncodedEvent): StreamEvent | null
  /** The state after an event. Throws whatever the processor throws. */
  reduce(state: unknown, event: StreamEvent): unknown
  readonly processEvent: ((context: EffectContext<unknown, StreamEvent>) => unknown) | null
  readonly processEventBatch: ((context: BatchContext<unknown, StreamEvent>) => unknown) | null
}

/** @throws {ItxError} BAD_REQUEST naming what is wrong with the definition. */
export function runnable(definition: AnyProcessor): RunnableProcessor {
  checkDefinition(definition)
  const { slug, version, description = '', consumes, events = {} } = definition
  const types: ReadonlySet<string> = new Set(consumes)
  const schemas: ReadonlyMap<string, Schema> = new Map(Object.entries(events))
  const reduce = definition.reduce as (state: unknown, event: StreamEvent) => unknown
  const checkState = (value: unknown) => validated(definition.state, value, 'state', `the state of ${slug}`)
  return {
    slug,
    version,
    description,
    consumes,
    initialState: checkState(definition.initialState),
    checkState,
    consume: (encoded) => {
      if (!types.has('*') && !types.has(encoded.type)) return null
      const event = decodeEvent(encoded)
      const schema = schemas.get(event.type)
      if (!schema) return event
      return { ...event, payload: validated(schema, event.payload, 'payload', `the payload of ${event.type}`) }
    },
    reduce: (state, event) => {
      const next = reduce(state, event) ?? state
      if (!(next instanceof Promise)) return next
      // Nobody waits for it, and one that is rejected must not end the process.
      void Promise.allSettled([next])
      throw bad('reduce', `${slug}: reduce must answer at once, not with a promise`)
    },
    processEvent: (definition.processEvent as RunnableProcessor['processEvent'] | undefined) ?? null,
    processEventBatch: (definition.processEventBatch as RunnableProcessor['processEventBatch'] | undefined) ?? null,
  }
}

function checkDefinition(definition: AnyProcessor): void {
  const { slug, version, consumes, events = {} } = definition
  if (typeof slug !== 'string' || !SLUG.test(slug) || RESERVED_SLUGS.has(slug)) {
    throw bad('slug', `a processor's slug must be 1 to 64 of a-z, 0-9 and -, not ${JSON.stringify(slug)}`)
  }
  if (typeof version !== 'string' || version === '' || version.length > 32 || !version.isWellFormed()) {
    throw bad('version', `${slug}: version must be a string of 1 to 32 characters`)
  }
  if (!Array.isArray(consumes) || consumes.length === 0 || consumes.length > 100) {
    throw bad('consumes', `${slug}: consumes must name 1 to 100 event types, or "*"`)
  }
  const odd = consumes.find((type) => type !== '*' && !isUsableType(type))
  if (odd !== undefined) throw bad('consumes', `${slug}: ${JSON.stringify(odd)} cannot be the type of an event`)
  const unused = Object.keys(events).find((type) => !consumes.includes(type) && !consumes.includes('*'))
  if (unused !== undefined) throw bad('events', `${slug}: there is a schema for ${unused}, which is not consumed`)
  if (typeof definition.reduce !== 'function') throw bad('reduce', `${slug}: reduce must be a function`)
  for (const schema of [definition.state, ...Object.values(events)]) {
    if (typeof schema?.['~standard']?.validate !== 'function') {
      throw bad('schema', `${slug}: state and payload schemas must follow the Standard Schema specification`)
    }
  }
  if (definition.processEvent && definition.processEventBatch) {
    throw bad('processEvent', `${slug}: only one of processEvent and processEventBatch can act`)
  }
}

function validated<Output>(schema: Schema<Output>, value: unknown, reason: string, what: string): Output {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) throw bad(reason, `${what} has a schema that answers later; it must answer at once`)
  if (result.issues === undefined) return result.value
  const [issue] = result.issues
  const at = issue?.path?.map((step) => String(keyOf(step))).join('.') ?? ''
  throw bad(reason, `${what} does not fit its schema${at === '' ? '' : ` at ${at}`}: ${issue?.message ?? 'refused'}`)
}

function keyOf(step: unknown): unknown {
  return typeof step === 'object' && step !== null && 'key' in step ? step.key : step
}

function bad(reason: string, message: string): ItxError {
  return new ItxError('BAD_REQUEST', message, { reason })
}

/** A schema made of a type guard, for whoever needs no validation library. */
export function schemaOf<Output>(is: (value: unknown) => value is Output, what: string): Schema<Output> {
  return {
    '~standard': {
      version: 1,
      vendor: 'tributary',
      validate: (value) => (is(value) ? { value } : { issues: [{ message: `it is no ${what}` }] }),
    },
  }
}
