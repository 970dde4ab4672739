import {
  Duration,
  FAILED,
  type Meter,
  type Outcome,
  Timestamp,
  type Value,
  isList,
  isMap,
  keysOf,
  timestampAt,
} from './filter-values.ts'

/** A function of a filter: gets the values of its arguments, the receiver first. */
export type FilterFunction = (args: readonly Value[], meter: Meter) => Outcome

/**
 * The functions a filter can call, by name and number of arguments; with a dot those called on a value. What the
 * library's type checker knows beyond these is refused when a filter is compiled.
 */
export const FUNCTIONS: ReadonlyMap<string, FilterFunction> = new Map<string, FilterFunction>([
  ['dyn/1', ([value = null]) => value],
  ['size/1', ([value = null], meter) => sizeOf(value, meter)],
  ['.size/0', ([value = null], meter) => sizeOf(value, meter)],
  ['bool/1', converting(toBool)],
  ['int/1', converting(toInt)],
  ['double/1', converting(toDouble)],
  ['string/1', converting(toText)],
  ['timestamp/1', converting(toTimestamp)],
  ['duration/1', converting(toDuration)],
  ['.startsWith/1', onTexts((text, part) => text.startsWith(part), compareCost)],
  ['.endsWith/1', onTexts((text, part) => text.endsWith(part), compareCost)],
  ['.contains/1', onTexts((text, part) => text.includes(part), searchCost)],
  ['.indexOf/1', onTexts((text, part) => text.indexOf(part), searchCost)],
  ['.lowerAscii/0', onText((text) => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()))],
  ['.upperAscii/0', onText((text) => text.replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase()))],
  ['.trim/0', onText((text) => text.trim())],
  ['.split/1', onTexts((text, separator) => text.split(separator), splitCost)],
  ['.join/0', ([list = null], meter) => join(list, '', meter)],
  ['.join/1', ([list = null, separator = null], meter) => join(list, separator, meter)],
  ['.substring/1', ([text = null, from = null], meter) => substring(text, from, Infinity, meter)],
  ['.substring/2', ([text = null, from = null, to = null], meter) => substring(text, from, to, meter)],
])

function converting(run: (value: Value) => Outcome): FilterFunction {
  return ([value = null], meter) => {
    // No conversion reads more than a hundred characters.
    meter.spend(20 + (typeof value === 'string' ? Math.min(value.length, 100) : 0))
    return run(value)
  }
}

function onText(run: (text: string) => Value): FilterFunction {
  return ([text = null], meter) => {
    if (typeof text !== 'string') return FAILED
    // A new text is built piece by piece, and takes memory.
    meter.spend(1 + 2 * text.length)
    return run(text)
  }
}

function onTexts(
  run: (text: string, part: string) => Value,
  cost: (text: string, part: string) => number,
): FilterFunction {
  return ([text = null, part = null], meter) => {
    if (typeof text !== 'string' || typeof part !== 'string') return FAILED
    meter.spend(1 + cost(text, part))
    return run(text, part)
  }
}

function compareCost(_text: string, part: string): number {
  return part.length / 16
}

/** Engines search in linear time only for parts that fit their tables; one of 250 characters does in all of them. */
const TABLE_LENGTH = 250

function searchCost(text: string, part: string): number {
  return (text.length * (part.length > TABLE_LENGTH ? part.length : 1)) / 8
}

function splitCost(text: string, part: string): number {
  return 2 * text.length + searchCost(text, part)
}

function sizeOf(value: Value, meter: Meter): Outcome {
  if (isList(value)) return value.length
  if (isMap(value)) return keysOf(value, meter).length
  if (typeof value !== 'string') return FAILED
  // Characters, not UTF-16 units.
  meter.spend(1 + value.length / 4)
  let characters = value.length
  for (let i = 0; i + 1 < value.length; i++) {
    if ((value.charCodeAt(i) & 0xfc00) !== 0xd800 || (value.charCodeAt(i + 1) & 0xfc00) !== 0xdc00) continue
    characters--
    i++
  }
  return characters
}

function toBool(value: Value): Outcome {
  if (typeof value === 'boolean') return value
  if (value === 'true') return true
  return value === 'false' ? false : FAILED
}

function toInt(value: Value): Outcome {
  if (value instanceof Timestamp) return Math.floor(value.ms / 1000)
  if (typeof value === 'string' && !/^-?\d{1,16}$/.test(value)) return FAILED
  const number = Math.trunc(typeof value === 'string' ? Number(value) : typeof value === 'number' ? value : NaN)
  // Beyond it neighbours are one number.
  return Number.isSafeInteger(number) ? number : FAILED
}

function toDouble(value: Value): Outcome {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value.length > 64 || !/^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(value))
    return FAILED
  return Number(value)
}

function toText(value: Value): Outcome {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value instanceof Timestamp) return new Date(value.ms).toISOString()
  return value instanceof Duration ? `${value.ms / 1000}s` : FAILED
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[-+]\d\d:\d\d)$/

function toTimestamp(value: Value): Outcome {
  if (value instanceof Timestamp) return value
  if (typeof value === 'string' && (value.length > 40 || !ISO_TIME.test(value))) return FAILED
  const ms = typeof value === 'string' ? Date.parse(value) : typeof value === 'number' ? value * 1000 : NaN
  return timestampAt(ms)
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, ns: 1e-6 }
const SPAN = /^-?(?:\d{1,12}(?:\.\d{1,9})?(?:ms|us|ns|h|m|s))+$/
const SPAN_PART = /(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)/g

function toDuration(value: Value): Outcome {
  if (value instanceof Duration) return value
  if (typeof value !== 'string' || value.length > 100 || !SPAN.test(value)) return FAILED
  let ms = 0
  for (const [, count, unit = ''] of value.matchAll(SPAN_PART)) ms += Number(count) * (UNIT_MS[unit] ?? NaN)
  return new Duration(value.startsWith('-') ? -ms : ms)
}

function join(list: Value, separator: Value, meter: Meter): Outcome {
  if (!isList(list) || typeof separator !== 'string') return FAILED
  for (const each of list) {
    if (typeof each !== 'string') return FAILED
    meter.spend(1 + (each.length + separator.length) / 2)
  }
  return list.join(separator)
}

function substring(text: Value, from: Value, to: Value, meter: Meter): Outcome {
  if (typeof text !== 'string' || typeof from !== 'number' || typeof to !== 'number') return FAILED
  const end = to === Infinity ? text.length : to
  if (!Number.isInteger(from) || !Number.isInteger(end) || from < 0 || end < from || end > text.length) return FAILED
  meter.spend(1)
  return text.slice(from, end)
}
