import { ItxError } from './errors.ts'

/**
 * What a filter computes with: JSON values as `JSON.parse` makes them, and moments and spans of time. Numbers are those
 * of JSON, doubles.
 */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly [key: string]: Value }
  | Timestamp
  | Duration

/**
 * What is left where an expression has no value: a field that is missing, an operand of the wrong kind. A value rather
 * than an exception, since in a list of a hundred thousand elements each may fail.
 */
export const FAILED: unique symbol = Symbol('failed')
export type Outcome = Value | typeof FAILED

export class Timestamp {
  readonly ms: number
  constructor(ms: number) {
    this.ms = ms
  }
}

/** The years 1 to 9999, as in CEL. */
const FIRST_MS = -62_135_596_800_000
const LAST_MS = 253_402_300_799_999

export function timestampAt(ms: number): Timestamp | typeof FAILED {
  return ms >= FIRST_MS && ms <= LAST_MS ? new Timestamp(ms) : FAILED
}

export class Duration {
  readonly ms: number
  constructor(ms: number) {
    this.ms = ms
  }
}

/** The event costs more to judge than one event may. Never leaves the filter. */
export class Exhausted extends Error {}
const EXHAUSTED = new Exhausted()

/** What the evaluation of one event has left to spend. A unit is about the work of looking at one small value. */
export class Meter {
  #left: number

  constructor(units: number) {
    this.#left = units
  }

  get left(): number {
    return this.#left
  }

  /** @throws {Exhausted} once more was spent than there was. */
  spend(units: number): void {
    this.#left -= units
    if (this.#left < 0) throw EXHAUSTED
  }

  /** For work that is proportional to a text's length: comparing, searching, copying. */
  spendText(length: number): void {
    this.spend(1 + length / 16)
  }
}

export type Kind = 'null' | 'bool' | 'number' | 'string' | 'list' | 'map' | 'timestamp' | 'duration'

export function kindOf(value: Value): Kind {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'number':
      return 'number'
    case 'string':
      return 'string'
    default:
      if (value === null) return 'null'
      if (Array.isArray(value)) return 'list'
      if (value instanceof Timestamp) return 'timestamp'
      return value instanceof Duration ? 'duration' : 'map'
  }
}

export function isList(value: Outcome): value is readonly Value[] {
  return Array.isArray(value)
}

export function isMap(value: Outcome): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && value !== null && kindOf(value) === 'map'
}

/** A member of a JSON object; FAILED where there is none. What an object inherits is no member of it. */
export function memberOf(value: Outcome, key: string): Outcome {
  if (!isMap(value) || !Object.hasOwn(value, key)) return FAILED
  return value[key] ?? null
}

/** Whether two values are the same; values of different kinds are not. */
export function equal(a: Value, b: Value, meter: Meter): boolean {
  meter.spend(1)
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length !== b.length) return false
    meter.spendText(a.length)
  }
  if (a === b) return true
  if (isList(a)) {
    if (!isList(b) || a.length !== b.length) return false
    return a.every((each, i) => equal(each, b[i] ?? null, meter))
  }
  if (a instanceof Timestamp) return b instanceof Timestamp && a.ms === b.ms
  if (a instanceof Duration) return b instanceof Duration && a.ms === b.ms
  if (!isMap(a) || !isMap(b)) return false
  const keys = keysOf(a, meter)
  if (keys.length !== keysOf(b, meter).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && equal(a[key] ?? null, b[key] ?? null, meter))
}

export function keysOf(map: { readonly [key: string]: Value }, meter: Meter): readonly string[] {
  const keys = Object.keys(map)
  // Naming the keys of a large object takes long, however often it was done.
  meter.spend(1 + 10 * keys.length)
  return keys
}

/** Below, above or at zero as `a` is before, after or at `b`; FAILED where the two have no order. */
export function order(a: Value, b: Value, meter: Meter): number | typeof FAILED {
  meter.spend(1)
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') {
    meter.spendText(Math.min(a.length, b.length))
    return a < b ? -1 : a > b ? 1 : 0
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Timestamp && b instanceof Timestamp) return a.ms - b.ms
  return a instanceof Duration && b instanceof Duration ? a.ms - b.ms : FAILED
}

/** Where in a filter's text something is wrong: from a character, up to another. */
export interface FilterPosition {
  readonly start: number
  readonly end: number
}

/** The error for a filter that cannot be used. */
export function badFilter(message: string, position?: FilterPosition): ItxError {
  const where = position ? ` (at character ${position.start + 1})` : ''
  return new ItxError('BAD_REQUEST', `filter: ${message}${where}`, {
    field: 'filter',
    reason: 'filter',
    ...(position ? { position } : {}),
  })
}
