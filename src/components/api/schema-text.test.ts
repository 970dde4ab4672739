import { expect, test } from 'vitest'
import { fieldOf } from './schema-text.ts'

// What a person reads of a schema: the names of types, limits that are limits, and fields of what lies inside.

const text = (schema: Record<string, unknown>) => {
  const { type, limits } = fieldOf('x', schema, false)
  return limits === '' ? type : `${type}; ${limits}`
}

test.each([
  [{ type: 'string' }, 'string'],
  [{ type: 'string', minLength: 1, maxLength: 255 }, 'string; 1 to 255 characters'],
  [{ type: 'string', maxLength: 2000 }, 'string; at most 2,000 characters'],
  [{ type: 'string', minLength: 1 }, 'string; at least 1 character'],
  [{ type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }, 'integer'],
  [{ type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER }, 'integer; at least 1'],
  [{ type: 'integer', minimum: 1, maximum: 1000 }, 'integer; 1 to 1,000'],
  [{ type: 'number', minimum: 0, maximum: 1e12 }, 'number; 0 to 1,000,000,000,000'],
  [{ enum: ['asc', 'desc'] }, '"asc" | "desc"'],
  [{ const: 'application/json' }, '"application/json"'],
  [{ anyOf: [{ type: 'integer' }, { enum: ['start', 'now'] }] }, 'integer | "start" | "now"'],
  [{ anyOf: [{ type: 'object' }, { type: 'object' }] }, 'object'],
  [{ type: ['boolean', 'null'] }, 'boolean | null'],
  [{ type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 100 }, 'string[]; 1 to 100 items'],
  [{ type: 'array', items: { enum: ['a', 'b'] } }, '("a" | "b")[]'],
  [{ type: 'array' }, 'any[]'],
  [{ type: 'string', contentMediaType: 'application/json' }, 'JSON text'],
  [{ description: 'A function, called with rows.' }, 'function'],
  [{}, 'any'],
])('%j reads %s', (schema, expected) => {
  expect(text(schema)).toBe(expected)
})

test('what lies inside is read as well: in arrays, in alternatives, and no deeper than anybody reads', () => {
  const object = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'integer' } }, required: ['a'] }
  const names = (schema: Record<string, unknown>) =>
    fieldOf('x', schema, false).fields.map(({ name, optional }) => (optional ? `${name}?` : name))
  expect(names(object)).toEqual(['a', 'b?'])
  expect(names({ type: 'array', items: object })).toEqual(['a', 'b?'])
  expect(names({ anyOf: [{ type: 'null' }, object] })).toEqual(['a', 'b?'])
  const endless: Record<string, unknown> = { type: 'object' }
  endless['properties'] = { again: endless }
  expect(JSON.stringify(fieldOf('x', endless, false)).length).toBeLessThan(1000)
})
