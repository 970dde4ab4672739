import { ItxError, streamClosed } from '../errors.ts'
import type { EncodedEvent, EncodedInput, Receipt } from '../event.ts'
import { utf8Bytes } from '../utf8.ts'
import { type BreakerLimits, takeToken } from './breaker.ts'
import { MAX_CONFIG_BYTES } from './config.ts'
import { PAUSED, type PlannedEvent, checkCallerCoreEvent, coreEvent, isCoreType } from './core-events.ts'
import { reduceCore } from './reducer.ts'
import type { CoreState } from './state.ts'

/** The place and time of an event that has the key already. */
export interface KeyedEvent {
  readonly offset: number
  readonly createdAt: string
}

const NO_CORE_TYPES: ReadonlySet<string> = new Set()

/** What an append will do: nothing of it has happened yet. */
export interface AppendDecision {
  /** New events, in order; empty when every input was a duplicate. */
  readonly events: readonly EncodedEvent[]
  /** One per input, at its position. */
  readonly receipts: readonly Receipt[]
  /** Set when the batch is refused and `events` is what is stored instead: the breaker has paused the stream. */
  readonly refusal?: ItxError
  readonly state: CoreState
}

/**
 * Decides an append of callers' events: per event idempotency, then the gate, then the precondition, against the
 * working state (design page `streams.md`, "Append"). Pure but for `findKey`, which only reads.
 *
 * A batch that empties the circuit breaker is refused whole and the stream paused in its place.
 *
 * @param now wall clock in milliseconds since the epoch
 * @param coreTypes core events that this caller may append
 * @throws {ItxError} CONFLICT (`precondition`, `paused`, `closed`), FORBIDDEN for reserved types. Nothing is stored.
 */
export function decideAppend(
  state: CoreState,
  inputs: readonly EncodedInput[],
  now: number,
  findKey: (key: string) => KeyedEvent | null,
  coreTypes: ReadonlySet<string> = NO_CORE_TYPES,
): AppendDecision {
  const events: EncodedEvent[] = []
  const receipts: Receipt[] = []
  const createdAt = timestamp(now, state.lastEventAt)
  let keysOfBatch: Map<string, KeyedEvent> | undefined
  let working = state
  for (const input of inputs) {
    const core = isCoreType(input.type)
    if (core) checkCallerCoreEvent(input, coreTypes)
    const key = input.idempotencyKey
    if (key !== undefined) {
      const first = keysOfBatch?.get(key) ?? findKey(key)
      if (first !== null) {
        checkPrecondition(state, input, first.offset, 'the event with this idempotency key has')
        receipts.push({ offset: first.offset, createdAt: first.createdAt, duplicate: true })
        continue
      }
    }
    if (!core) checkGate(working)
    const offset = working.maxOffset + 1
    checkPrecondition(state, input, offset, 'the next event gets')
    const event = place(input, offset, createdAt)
    events.push(event)
    receipts.push({ offset, createdAt, duplicate: false })
    if (key !== undefined) (keysOfBatch ??= new Map()).set(key, event)
    working = reduceCore(working, event)
    if (core) checkConfigSize(working)
    else {
      const spent = spendToken(working, now)
      // By the limits that hold at this event: the batch itself may have set them.
      if (spent === null) return refuseByBreaker(state, working.config.circuitBreaker, inputs.length, now)
      working = spent
    }
  }
  return { events, receipts, state: working }
}

/** The state after one more event has passed the breaker, or null when it trips. */
function spendToken(state: CoreState, now: number): CoreState | null {
  const limits = state.config.circuitBreaker
  if (!limits) return state
  const breaker = takeToken(limits, state.breaker, now)
  return breaker && { ...state, breaker }
}

function refuseByBreaker(
  state: CoreState,
  limits: BreakerLimits | undefined,
  size: number,
  now: number,
): AppendDecision {
  const { burstCapacity, refillRatePerMinute } = limits ?? {}
  const reason = `circuit breaker: more than ${burstCapacity} events at once, or ${refillRatePerMinute} a minute`
  const refusal = new ItxError(
    'CONFLICT',
    `${state.path} was paused by its circuit breaker; nothing of the batch is stored`,
    {
      reason: 'breaker',
      path: state.path,
      events: size,
      burstCapacity,
      refillRatePerMinute,
    },
  )
  return { ...placeCoreEvents(state, [coreEvent(PAUSED, { reason })], now), receipts: [], refusal }
}

function checkConfigSize(state: CoreState): void {
  const bytes = utf8Bytes(JSON.stringify(state.config))
  if (bytes <= MAX_CONFIG_BYTES) return
  throw new ItxError('BAD_REQUEST', `the configuration would have ${bytes} bytes; at most ${MAX_CONFIG_BYTES}`, {
    field: 'config',
    reason: 'too-large',
    size: bytes,
    limit: MAX_CONFIG_BYTES,
  })
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
  if (state.closed) throw streamClosed(state)
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
