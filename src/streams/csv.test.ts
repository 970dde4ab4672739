import { describe, expect, test } from 'vitest'
import { csvHeader, csvLine } from './csv.ts'
import type { EncodedEvent } from './event.ts'
import { encodeInput } from './event-input.ts'

const event = (input: object): EncodedEvent => ({
  ...encodeInput({ type: 'a', ...input }),
  offset: 7,
  createdAt: '2026-01-02T03:04:05.678Z',
})
/** A line without what all of them have. */
const cells = (input: object) => csvLine(event(input)).slice('7,2026-01-02T03:04:05.678Z,'.length, -2)

test('the header names the columns', () => {
  expect(csvHeader()).toBe('offset,createdAt,type,payload,metadata,source,idempotencyKey\r\n')
})

test('an event is a line, what is absent an empty cell', () => {
  expect(csvLine(event({}))).toBe('7,2026-01-02T03:04:05.678Z,a,,,,\r\n')
})

test('an absent payload, null and an empty text are three things', () => {
  expect([cells({}), cells({ payload: null }), cells({ payload: '' })]).toEqual(['a,,,,', 'a,null,,,', 'a,"""""",,,'])
})

test('quotes are doubled; what has a comma, a quote or a line break is quoted', () => {
  expect(cells({ type: 'a,b', payload: { text: 'say "hi"\n' } })).toBe(`"a,b","{""text"":""say \\""hi\\""\\n""}",,,`)
})

test('metadata and source are JSON', () => {
  const source = { processor: { slug: 's', version: '1' } }
  expect(cells({ metadata: { by: 1 }, source, idempotencyKey: 'k' })).toBe(
    'a,,"{""by"":1}","{""processor"":{""slug"":""s"",""version"":""1""}}",k',
  )
})

describe('a cell that a spreadsheet would run begins with an apostrophe', () => {
  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '=HYPERLINK("http://x","y")', '-'])('a type %j', (type) => {
    expect(cells({ type }).replace(/^"/, '')).toMatch(/^'[=+\-@]/)
  })

  test('a key with blanks before it', () => {
    expect(csvLine({ ...event({}), idempotencyKey: '\t=1' })).toMatch(/,'\t=1\r\n$/)
    expect(csvLine({ ...event({}), idempotencyKey: '\r=1' })).toMatch(/,"'\r=1"\r\n$/)
  })

  test('a negative number, which is the price', () => expect(cells({ payload: -5 })).toBe("a,'-5,,,"))

  test('and no other: what stands further behind is text', () => {
    expect(cells({ type: 'a=1', payload: '=1' })).toBe('a=1,"""=1""",,,')
  })
})
