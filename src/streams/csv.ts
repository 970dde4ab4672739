import type { EncodedEvent } from './event.ts'

/** The columns, in order; payload, metadata and source are JSON. */
export const CSV_COLUMNS = [
  'offset',
  'createdAt',
  'type',
  'payload',
  'metadata',
  'source',
  'idempotencyKey',
] as const satisfies readonly (keyof EncodedEvent)[]

/** What a spreadsheet takes for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r]/
/** What must be quoted (RFC 4180); blanks at the ends as well, which some readers trim. */
const QUOTED = /[",\r\n]|^\s|\s$/

/** The first line, with its line break. */
export function csvHeader(): string {
  return `${CSV_COLUMNS.join(',')}\r\n`
}

/**
 * An event as a line of CSV (RFC 4180), with its line break. What is absent is an empty cell.
 *
 * A cell that a spreadsheet would run as a formula begins with an apostrophe: events are written by others, and whoever
 * opens the file should not have to trust them. So a cell is not always the text it was made from: for programs there is
 * NDJSON.
 */
export function csvLine(event: EncodedEvent): string {
  return `${CSV_COLUMNS.map((column) => cell(event[column])).join(',')}\r\n`
}

function cell(value: EncodedEvent[(typeof CSV_COLUMNS)[number]]): string {
  if (value === undefined) return ''
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  const harmless = FORMULA.test(text) ? `'${text}` : text
  return QUOTED.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
