import { ItxError, shown } from './errors.ts'

declare const jsonText: unique symbol

/**
 * A JSON value as text, known to be well-formed, on one line, and nested at most 256 deep.
 *
 * Payloads stay text from the door to the disk and back: Cap'n Web would drop keys such as `constructor`, and a parsed
 * number loses the digits of a large integer (design page `streams.md`, "Events").
 */
export type JsonText = string & { readonly [jsonText]: true }

/** Levels of nesting in a payload, at most, through every door. */
export const MAX_JSON_DEPTH = 256

/**
 * Accepts JSON text from outside.
 *
 * @param levels of nesting that are accepted; more only for what is taken apart, its parts being held to the limit
 * @throws {ItxError} BAD_REQUEST naming the field when the text is not JSON or is nested too deeply.
 */
export function parseJsonText(text: string, field: string, levels: number = MAX_JSON_DEPTH): JsonText {
  try {
    JSON.parse(text)
  } catch (error) {
    throw new ItxError('BAD_REQUEST', `${field} is not valid JSON: ${message(error)}`, { field })
  }
  checkDepth(text, field, levels)
  // A raw lone surrogate would not survive UTF-8; written as its escape it does, and the rest stays as it was sent.
  const whole = text.isWellFormed() ? text : text.replaceAll(/\p{Surrogate}/gu, escaped)
  // A raw line break is only legal between tokens: taking it out keeps a payload on one line of NDJSON.
  return (whole.includes('\n') || whole.includes('\r') ? whole.replaceAll(/[\r\n]+/g, ' ') : whole).trim() as JsonText
}

/**
 * Encodes a value as JSON text. Undefined, also as what a function or symbol encodes to, is refused.
 *
 * @throws {ItxError} BAD_REQUEST naming the field: BigInt, a cycle, a throwing `toJSON`, too deep.
 */
export function encodeJson(value: unknown, field: string): JsonText {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw new ItxError('BAD_REQUEST', `${field} cannot be written as JSON: ${message(error)}`, { field })
  }
  if (text === undefined) throw new ItxError('BAD_REQUEST', `${field} cannot be written as JSON`, { field })
  checkDepth(text, field, MAX_JSON_DEPTH)
  return text as JsonText
}

function checkDepth(text: string, field: string, levels: number): void {
  // 257 levels need 257 opening and 257 closing brackets.
  if (text.length < 2 * (levels + 1)) return
  let depth = 0
  let deepest = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) {
      i = stringEnd(text, i)
    } else if (c === 0x5b || c === 0x7b) {
      if (++depth > deepest) deepest = depth
    } else if (c === 0x5d || c === 0x7d) depth--
  }
  if (deepest > levels) {
    throw new ItxError('BAD_REQUEST', `${field} is nested ${deepest} levels deep; at most ${levels}`, {
      field,
      depth: deepest,
      limit: levels,
    })
  }
}

/** The index of the quote that closes the string opened at `start`, in text that is known to be JSON. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++
    if (backslashes % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
  return text.length
}

/**
 * The elements of a JSON array as the text they were sent as, or null when the text is not an array.
 * The text must be valid JSON.
 */
export function splitJsonArray(text: string): string[] | null {
  const open = text.search(/\S/)
  if (text[open] !== '[') return null
  const elements: string[] = []
  let depth = 0
  let from = open + 1
  for (let i = open; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) i = stringEnd(text, i)
    else if (c === 0x5b || c === 0x7b) depth++
    else if (c === 0x5d || c === 0x7d) {
      if (--depth === 0) {
        const last = text.slice(from, i).trim()
        if (last !== '') elements.push(last)
        break
      }
    } else if (c === 0x2c && depth === 1) {
      elements.push(text.slice(from, i).trim())
      from = i + 1
    }
  }
  return elements
}

/** The text of a member of a JSON object, the last of that name, as `JSON.parse` would take it; null without one. */
export function memberText(object: JsonText, name: string): JsonText | null {
  // An object's members lie as an array's elements do: apart at the commas of its own level.
  const members = splitJsonArray(`[${object.slice(1, -1)}]`) ?? []
  let found: string | null = null
  for (const member of members) {
    const end = stringEnd(member, 0)
    if (JSON.parse(member.slice(0, end + 1)) === name) found = member.slice(member.indexOf(':', end) + 1).trim()
  }
  return found as JsonText | null
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16)}`
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : shown(error)
}
