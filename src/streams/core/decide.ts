import { ItxError } from '../errors.ts'
import type { EncodedEvent, EncodedInput, Receipt } from '../event.ts'
import { type PlannedEvent, isCoreType } from './core-events.ts'
import { reduceCore } from './reducer.ts'
import type { CoreState } from './state.ts'

/** The place and time of an event that has the key already. */
export interface KeyedEvent {
  readonly offset: number
  readonly createdAt: string
}

/** What an append will do: nothing of it has happened yet. */
export interface AppendDecision {
  /** New events, in order; empty when every input was a duplicate. */
  readonly events: readonly EncodedEvent[]
  /** One per input, at its position. */
  readonly receipts: readonly Receipt[]
  readonly state: CoreState
}

/**
 * Decides an append of callers' events: per event idempotency, then the gate, then the precondition, against the
 * working state (design page `streams.md`, "Append"). Pure but for `findKey`, which only reads.
 *
 * @param now wall clock in milliseconds since the epoch
 * @throws {ItxError} CONFLICT (`precondition`, `paused`, `closed`), FORBIDDEN for reserved types. Nothing is stored.
 */
export function decideAppend(
  state: CoreState,
  inputs: readonly EncodedInput[],
  now: number,
  findKey: (key: string) => KeyedEvent | null,
): AppendDecision {
  const events: EncodedEvent[] = []
  const receipts: Receipt[] = []
  const createdAt = timestamp(now, state.lastEventAt)
  let keysOfBatch: Map<string, KeyedEvent> | undefined
  let working = state
  for (const input of inputs) {
    if (isCoreType(input.type)) {
      throw new ItxError('FORBIDDEN', `events of type ${JSON.stringify(input.type)} are written by the engine alone`, {
        reason: 'reserved-type',
        type: input.type,
      })
    }
    const key = input.idempotencyKey
    if (key !== undefined) {
      const first = keysOfBatch?.get(key) ?? findKey(key)
      if (first !== null) {
        checkPrecondition(state, input, first.offset, 'the event with this idempotency key has')
        receipts.push({ offset: first.offset, createdAt: first.createdAt, duplicate: true })
        continue
      }
    }
    checkGate(working)
    const offset = working.maxOffset + 1
    checkPrecondition(state, input, offset, 'the next event gets')
    const event = place(input, offset, createdAt)
    events.push(event)
    receipts.push({ offset, createdAt, duplicate: false })
    if (key !== undefined) (keysOfBatch ??= new Map()).set(key, event)
    working = reduceCore(working, event)
  }
  return { events, receipts, state: working }
}

/** Places the engine's own events after the state's last one. They pass a pause and a close. */
export function placeCoreEvents(
  state: CoreState,
  planned: readonly PlannedEvent[],
  now: number,
): Pick<AppendDecision, 'events' | 'state'> {
  const createdAt = timestamp(now, state.lastEventAt)
  const events = planned.map((event, i) => ({ ...event, offset: state.maxOffset + 1 + i, createdAt }))
  return { events, state: events.reduce(reduceCore, state) }
}

/** Time of a new event: never earlier than the one before it, whatever the clock does. */
function timestamp(now: number, last: string): string {
  const iso = isoTime(now)
  return iso > last ? iso : last
}

let cachedMs = -1
let cachedIso = ''
function isoTime(ms: number): string {
  if (ms !== cachedMs) {
    cachedIso = new Date(ms).toISOString()
    cachedMs = ms
  }
  return cachedIso
}

function place(input: EncodedInput, offset: number, createdAt: string): EncodedEvent {
  const { offset: _precondition, ...rest } = input
  return { ...rest, offset, createdAt }
}

function checkGate(state: CoreState): void {
  if (state.closed) {
    throw new ItxError('CONFLICT', `${state.path} is closed`, { reason: 'closed', path: state.path })
  }
  if (state.paused) {
    const why = state.pauseReason === null ? '' : `: ${state.pauseReason}`
    throw new ItxError('CONFLICT', `${state.path} is paused${why}`, {
      reason: 'paused',
      path: state.path,
      pauseReason: state.pauseReason,
    })
  }
}

function checkPrecondition(state: CoreState, input: EncodedInput, actual: number, what: string): void {
  if (input.offset === undefined || input.offset === actual) return
  throw new ItxError('CONFLICT', `${state.path}: offset ${input.offset} was expected, but ${what} offset ${actual}`, {
    reason: 'precondition',
    path: state.path,
    expected: input.offset,
    actual,
  })
}
