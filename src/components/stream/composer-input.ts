import type { EncodedInput } from '../../streams/event.ts'
import { parseEnvelope } from '../../streams/event-input.ts'
import { splitJsonArray } from '../../streams/json-text.ts'
import { findJsonFault } from './json-fault.ts'

/** What stands in the composer. */
export type Composed =
  | { readonly kind: 'empty' }
  | { readonly kind: 'ready'; readonly inputs: readonly EncodedInput[]; readonly form: 'one' | 'array' | 'lines' }
  | { readonly kind: 'wrong'; readonly message: string }

/**
 * Reads one event, an array of events, or one event per line. Payloads keep the text they were written as, so that
 * large integers keep their digits.
 */
export function readComposed(text: string): Composed {
  const trimmed = text.trim()
  if (trimmed === '') return { kind: 'empty' }
  const lines = text
    .split('\n')
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '')
  const whole = jsonProblem(text)
  if (whole === null)
    return trimmed.startsWith('[') ? readArray(trimmed) : readAll([{ text: trimmed, where: '' }], 'one')
  // Lines that stand alone are events each; a document over several lines has no first line that does.
  const first = lines[0]
  if (lines.length < 2 || !first || jsonProblem(first.line) !== null) return { kind: 'wrong', message: whole }
  return readAll(
    lines.map(({ line, number }) => ({ text: line, where: `Line ${number}: ` })),
    'lines',
  )
}

function readArray(text: string): Composed {
  const elements = splitJsonArray(text) ?? []
  if (elements.length === 0) return { kind: 'wrong', message: 'The array is empty: there is no event in it' }
  return readAll(
    elements.map((element, index) => ({ text: element, where: `Event ${index + 1}: ` })),
    'array',
  )
}

function readAll(
  parts: readonly { readonly text: string; readonly where: string }[],
  form: 'one' | 'array' | 'lines',
): Composed {
  const inputs: EncodedInput[] = []
  for (const { text, where } of parts) {
    const problem = jsonProblem(text, where !== '' && !text.includes('\n'))
    if (problem !== null) return { kind: 'wrong', message: `${where}${problem}` }
    try {
      inputs.push(parseEnvelope(text))
    } catch (error) {
      return { kind: 'wrong', message: `${where}${messageOf(error)}` }
    }
  }
  return { kind: 'ready', inputs, form }
}

/** Why a text is no JSON, with the place; null when it is. Within one line, the line is said already. */
function jsonProblem(text: string, oneLine = false): string | null {
  try {
    JSON.parse(text)
    return null
  } catch (error) {
    // Engines name the place in some of their messages, and in words of their own.
    const fault = findJsonFault(text)
    if (!fault) return messageOf(error)
    return `${fault.message}, at ${oneLine ? '' : `line ${fault.line}, `}column ${fault.column}`
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
