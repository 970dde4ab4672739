import type { PayloadSchemas } from '../streams/processors/contract.ts'
import {
  DEFAULT_APPEND_LIMITS,
  type EncodedEvent,
  type EncodedInput,
  type EventInput,
  checkLimits,
} from '../streams/event.ts'
import { encodeInput } from '../streams/event-input.ts'
import { fail, saidBy } from './assertions.ts'

/** When the first event of a test comes, and how long after it each next one does. */
const FIRST_EVENT_AT = Date.UTC(2026, 0, 1)
const BETWEEN_EVENTS_MS = 1000

interface Timed {
  /** ISO 8601; without it, a second after the event before. Never earlier than that one: then it is that one's time. */
  readonly createdAt?: string
}

/** What a schema takes, which need not be what it gives. */
type TakenBy<Schemas, Type> = Type extends keyof Schemas
  ? Schemas[Type] extends { readonly '~standard': { readonly types?: infer Types } }
    ? NonNullable<Types> extends { readonly input: infer Input }
      ? Input
      : unknown
    : unknown
  : unknown

type WithPayload<Payload> = undefined extends Payload ? { readonly payload?: Payload } : { readonly payload: Payload }

/**
 * An event as a test gives it: what an append takes. For each named type one member of the union, its payload as the
 * schema takes it; under `*` any event.
 */
export type GivenEvent<Types extends string, Schemas extends PayloadSchemas> = Types extends '*'
  ? EventInput & Timed
  : Omit<EventInput, 'type' | 'payload'> & Timed & { readonly type: Types } & WithPayload<TakenBy<Schemas, Types>>

/**
 * Events as the log would hold them: checked as an append checks them, with offsets and times that are the same in every
 * run. Types of the engine's own are taken: a processor gets those too.
 *
 * @throws {AssertionError} for an event that could not have been appended: that is a mistake in the test.
 */
export function encodeGiven(
  given: readonly (EventInput & Timed)[],
  before: readonly EncodedEvent[],
  from: Function,
): EncodedEvent[] {
  const all = [...before]
  for (const event of given) {
    const offset = all.length + 1
    const wrong = (why: string, cause?: unknown): never => fail(`event ${offset} of this test: ${why}`, from, cause)
    const { createdAt, ...input } = event
    const encoded = checked(input, wrong)
    const { offset: precondition, ...rest } = encoded
    if (precondition !== undefined && precondition !== offset) wrong(`it asks for offset ${precondition}`)
    const twin = rest.idempotencyKey === undefined ? -1 : all.findIndex((each) => sameKey(each, rest))
    if (twin !== -1) wrong(`it has the key of event ${twin + 1}, so it would not be stored`)
    all.push({ ...rest, offset, createdAt: timeOf(createdAt, all.at(-1), wrong) })
  }
  return all.slice(before.length)
}

function checked(input: EventInput, wrong: (why: string, cause: unknown) => never): EncodedInput {
  try {
    const encoded = encodeInput(input)
    checkLimits([encoded], DEFAULT_APPEND_LIMITS)
    return encoded
  } catch (error) {
    return wrong(saidBy(error), error)
  }
}

function sameKey(one: { readonly idempotencyKey?: string }, other: { readonly idempotencyKey?: string }): boolean {
  return one.idempotencyKey === other.idempotencyKey
}

function timeOf(asked: string | undefined, before: EncodedEvent | undefined, wrong: (why: string) => never): string {
  const last = before === undefined ? FIRST_EVENT_AT - BETWEEN_EVENTS_MS : Date.parse(before.createdAt)
  const time = asked === undefined ? last + BETWEEN_EVENTS_MS : Date.parse(asked)
  if (Number.isNaN(time)) wrong(`createdAt must be a time such as 2026-01-01T00:00:00.000Z, not ${String(asked)}`)
  return new Date(before === undefined ? time : Math.max(time, last)).toISOString()
}
