import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { CSV_COLUMNS, csvHeader, csvLine } from './csv.ts'
import type { EncodedEvent } from './event.ts'

// Threat: a cell ends early and what follows is read as another cell or line; a spreadsheet runs what somebody appended.

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.array(fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', '"', ',', "'", 'a', ' ')).map((all) => all.join('')),
)
const event = fc.record(
  {
    offset: fc.nat(),
    createdAt: fc.constant('2026-01-02T03:04:05.678Z'),
    type: text,
    payload: fc.json(),
    metadata: fc.json(),
    source: fc.record({ processor: fc.record({ slug: text, version: text }) }),
    idempotencyKey: text,
  },
  { requiredKeys: ['offset', 'createdAt', 'type'] },
) as fc.Arbitrary<EncodedEvent>

/** A reader of RFC 4180 that knows nothing of the writer: character by character. */
function parse(csv: string): string[][] {
  const rows: string[][] = [[]]
  let at = 0
  while (at < csv.length) {
    let value = ''
    if (csv[at] === '"') {
      for (at++; csv[at] !== '"' || csv[at + 1] === '"'; at++) {
        if (at >= csv.length) throw new Error('a quote is not closed')
        value += csv[at]
        if (csv[at] === '"') at++
      }
      at++
    } else while (at < csv.length && csv[at] !== ',' && csv[at] !== '\r') value += csv[at++]
    rows.at(-1)?.push(value)
    if (csv[at] === ',') at++
    else if (csv.startsWith('\r\n', at)) {
      at += 2
      rows.push([])
    } else throw new Error(`what follows a cell at ${at}: ${JSON.stringify(csv.slice(at, at + 5))}`)
  }
  return rows.slice(0, -1)
}

const shown = (value: unknown) =>
  value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)

test('any events are read back cell by cell, but for the apostrophe of those that would be run', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 5 }), (events) => {
      const rows = parse(csvHeader() + events.map(csvLine).join(''))
      expect(rows).toHaveLength(events.length + 1)
      rows.slice(1).forEach((row, i) => {
        expect(row).toHaveLength(CSV_COLUMNS.length)
        CSV_COLUMNS.forEach((column, n) => {
          const original = shown(events[i]?.[column])
          expect(row[n]).not.toMatch(/^[=+\-@\t\r]/)
          expect(row[n]).toBe(/^[=+\-@\t\r]/.test(original) ? `'${original}` : original)
        })
      })
    }),
    { numRuns: 1000 },
  )
})
