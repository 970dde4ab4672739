import fc from 'fast-check'
import { expect, test } from 'vitest'
import { itxErrorCode } from './errors.ts'
import { compileFilter } from './filter.ts'
import type { JsonText } from './json-text.ts'

// Whatever is asked and whatever is judged: a boolean, or a coded error when the filter is compiled.

const name = fc.constantFrom('a', 'b', 'x', 'constructor', '__proto__', 'toString', 'length', 'then')
const root = fc.constantFrom(
  'payload',
  'metadata',
  'event.type',
  'offset',
  'createdAt',
  'event.source',
  'idempotencyKey',
)
const literal = fc.oneof(
  fc.integer({ min: -5, max: 5 }).map(String),
  fc.constantFrom('true', 'false', 'null', '1.5', '"a"', '"text"', '[1, 2]', '{"a": 1}'),
)

const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    literal,
    root,
    fc.tuple(root, name).map(([from, member]) => `${from}.${member}`),
    fc.tuple(tie('expression'), name).map(([of, member]) => `(${of}).${member}`),
    fc.tuple(tie('expression'), tie('expression')).map(([of, index]) => `(${of})[${index}]`),
    fc
      .tuple(
        tie('expression'),
        fc.constantFrom('==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', 'in', '&&', '||'),
        tie('expression'),
      )
      .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
    fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([a, b, c]) => `(${a}) ? (${b}) : (${c})`),
    fc
      .tuple(fc.constantFrom('all', 'exists', 'exists_one', 'filter', 'map'), tie('expression'), tie('expression'))
      .map(([macro, range, body]) => `(${range}).${macro}(a, ${body})`),
    fc
      .tuple(
        fc.constantFrom('!', '-', 'size', 'string', 'int', 'double', 'bool', 'timestamp', 'duration'),
        tie('expression'),
      )
      .map(([call, of]) => `${call}(${of})`),
    fc
      .tuple(
        tie('expression'),
        fc.constantFrom('contains', 'startsWith', 'split', 'join', 'substring'),
        tie('expression'),
      )
      .map(([of, call, argument]) => `(${of}).${call}(${argument})`),
    fc.tuple(root, name).map(([from, member]) => `has(payload.${member}) && has(${from}.${member})`),
    tie('expression').map((of) => `(${of}).matches("(a+)+$")`),
  ),
}))

const json = fc
  .jsonValue({ maxDepth: 4 })
  .chain((value) => fc.constantFrom(value, [value, value], { a: value, b: [value], x: 'text' }))
  .map((value) => JSON.stringify(value) as JsonText)
const hostile = fc.constantFrom(
  '{"__proto__":{"a":1}}',
  '{"constructor":{"a":true}}',
  '{"a":{"then":1}}',
) as fc.Arbitrary<JsonText>
const event = fc.record(
  {
    offset: fc.nat(),
    type: fc.constantFrom('a', 'order', 'stream/paused'),
    createdAt: fc.constant('2026-01-01T00:00:00.000Z'),
    payload: fc.oneof(json, hostile),
    metadata: fc.oneof(hostile, fc.constant('{}' as JsonText)),
    idempotencyKey: fc.string({ minLength: 1 }),
  },
  { requiredKeys: ['offset', 'type', 'createdAt'] },
)

function compiled(text: string) {
  try {
    return compileFilter(text)
  } catch (error) {
    expect([itxErrorCode(error), error]).toEqual(['BAD_REQUEST', error])
    return null
  }
}

test('a made-up expression is refused with a code, or judges every event with a boolean', () => {
  let judged = 0
  fc.assert(
    fc.property(expression, fc.array(event, { minLength: 1, maxLength: 5 }), (text, events) => {
      const filter = compiled(text)
      if (!filter) return
      judged++
      const first = events.map((each) => filter.matches(each))
      for (const verdict of first) expect(verdict).toBeTypeOf('boolean')
      // Judging leaves nothing behind.
      expect(events.map((each) => filter.matches(each))).toEqual(first)
      expect(({} as Record<string, unknown>)['a']).toBeUndefined()
    }),
    { numRuns: 3000 },
  )
  expect(judged).toBeGreaterThan(200)
})

test('any text at all is refused with a code, or compiles', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
      const filter = compiled(text)
      expect(filter === null || filter.text === text).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('any pattern at all is refused with a code, or gives a boolean', () => {
  const pattern = fc
    .array(
      fc.constantFrom('a', 'b', '(', ')', '*', '+', '?', '|', '[', ']', '{2}', '{,}', '\\d', '\\b', '.', '^', '$'),
      {
        maxLength: 15,
      },
    )
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b', '1', ' ') }), (text, subject) => {
      const filter = compiled(`payload.matches(${JSON.stringify(text)})`)
      const payload = JSON.stringify(subject) as JsonText
      const verdict = filter?.matches({ offset: 1, type: 'a', createdAt: '', payload }) ?? false
      expect(verdict).toBeTypeOf('boolean')
    }),
    { numRuns: 2000 },
  )
})
