import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readComposed } from './composer-input.ts'
import { findJsonFault } from './json-fault.ts'
import { visibleJson } from './foreign-text.ts'
import { prettyJson } from './pretty-json.ts'

describe('what is typed into the composer', () => {
  test.each([
    ['{"type":"a"}', 'one', 1],
    ['{\n  "type": "a",\n  "payload": 1\n}', 'one', 1],
    ['[{"type":"a"}, {"type":"b"}]', 'array', 2],
    ['{"type":"a"}\n\n{"type":"b"}\n', 'lines', 2],
  ])('%j is read', (text, form, count) => {
    const composed = readComposed(text)
    expect(composed).toMatchObject({ kind: 'ready', form })
    expect(composed.kind === 'ready' && composed.inputs.length).toBe(count)
  })

  test.each([
    ['{"type":', 'A value is missing, at line 1, column 9'],
    ['{"type":"a"}\n{"type":}', 'Line 2: A value is missing, at column 9'],
    ['{\n "type": "a"\n "payload": 1}', 'A comma or } is missing, at line 3, column 2'],
    ['{"type":"a"} x', 'Nothing may follow the value, at line 1, column 14'],
    ["{'type':'a'}", 'A name in double quotes or } is missing, at line 1, column 2'],
    ['{"type":"a","nope":1}', 'unknown field "nope" in an event'],
    ['[{"type":"a"},{"payload":1}]', 'Event 2: an event must have a type'],
    ['[]', 'The array is empty: there is no event in it'],
  ])('%j is refused', (text, message) => {
    expect(readComposed(text)).toEqual({ kind: 'wrong', message })
  })

  test('large integers keep their digits, one by one, in arrays and in lines', () => {
    const event = '{"type":"a","payload":90071992547409931234}'
    for (const text of [event, `[${event}]`, `${event}\n${event}`]) {
      const composed = readComposed(text)
      expect(composed.kind === 'ready' && composed.inputs[0]?.payload).toBe('90071992547409931234')
    }
  })
})

const json = fc.json({ maxDepth: 6 })

test('a fault is found in exactly what JSON.parse refuses', () => {
  const broken = fc
    .tuple(json, fc.nat(200), fc.constantFrom('', ',', '}', ']', '"', ':', 'x', '\\', '\n', '0'))
    .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at + 1))
  fc.assert(
    fc.property(fc.oneof(json, broken, fc.string()), (text) => {
      let valid = true
      try {
        JSON.parse(text)
      } catch {
        valid = false
      }
      expect(findJsonFault(text) === null).toBe(valid)
    }),
    { numRuns: 2000 },
  )
})

test('pretty and visible JSON is the same JSON', () => {
  fc.assert(
    fc.property(json, (text) => {
      const value: unknown = JSON.parse(text)
      expect(JSON.parse(visibleJson(prettyJson(text)))).toEqual(value)
      expect(prettyJson(text)).toBe(prettyJson(JSON.stringify(value)))
      expect(prettyJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2))
    }),
  )
  expect(prettyJson('{"n":90071992547409931234}')).toContain('90071992547409931234')
})

test('characters that hide or turn text are shown as escapes', () => {
  expect(visibleJson('"a\u202eb\u200b\u0085"')).toBe('"a\\u202eb\\u200b\\u0085"')
})
