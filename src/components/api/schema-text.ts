import type { JsonSchema } from '../../itx/handle.ts'
import { formatCount } from '../ui/formats.ts'

/** A field of an object schema, in words. */
export interface Field {
  readonly name: string
  readonly type: string
  readonly optional: boolean
  /** Limits, such as `1 to 1,000`; empty where there are none. */
  readonly limits: string
  readonly description: string
  /** The fields of what it holds. */
  readonly fields: readonly Field[]
}

/** Deep enough for an event in a batch and its source; deeper a page would not be read any more. */
const MOST_LEVELS = 4

/** A parameter of a method as a person reads it. */
export function fieldOf(name: string, schema: JsonSchema, optional: boolean, level = 0): Field {
  return {
    name,
    type: typeOf(schema),
    optional,
    limits: limitsOf(schema),
    description: typeof schema['description'] === 'string' ? schema['description'] : '',
    fields: level >= MOST_LEVELS ? [] : fieldsOf(schema, level),
  }
}

function fieldsOf(schema: JsonSchema, level: number): readonly Field[] {
  const inside = [schema, ...alternatives(schema)].find(
    (each) => isSchema(each['properties']) || isSchema(each['items']),
  )
  if (inside === undefined) return []
  if (isSchema(inside['items'])) return fieldsOf(inside['items'], level)
  const required = Array.isArray(inside['required']) ? (inside['required'] as readonly unknown[]) : []
  return Object.entries(inside['properties'] as JsonSchema)
    .filter((entry): entry is [string, JsonSchema] => isSchema(entry[1]))
    .map(([name, field]) => fieldOf(name, field, !required.includes(name), level + 1))
}

function typeOf(schema: JsonSchema): string {
  const choices = alternatives(schema)
  if (choices.length > 0) return [...new Set(choices.map(typeOf))].join(' | ')
  if ('const' in schema) return JSON.stringify(schema['const'])
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => JSON.stringify(value)).join(' | ')
  const type = schema['type']
  if (type === 'array') return `${isSchema(schema['items']) ? bracketed(typeOf(schema['items'])) : 'any'}[]`
  if (Array.isArray(type)) return type.join(' | ')
  if (schema['contentMediaType'] === 'application/json') return 'JSON text'
  if (typeof type === 'string') return type
  return String(schema['description'] ?? '').startsWith('A function') ? 'function' : 'any'
}

function bracketed(type: string): string {
  return type.includes(' | ') ? `(${type})` : type
}

function limitsOf(schema: JsonSchema): string {
  const characters = range(schema['minLength'], schema['maxLength'], 'character')
  const items = range(schema['minItems'], schema['maxItems'], 'item')
  const { maximum } = schema
  // What a number in JavaScript can hold at most is no limit of ours.
  const most = typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined
  const least = schema['minimum'] === 0 && most === undefined ? undefined : schema['minimum']
  return [characters, items, range(least, most, '')].filter(Boolean).join(', ')
}

function range(least: unknown, most: unknown, noun: string): string {
  const unit = noun === '' ? '' : ` ${noun}s`
  if (typeof least === 'number' && typeof most === 'number')
    return `${formatCount(least)} to ${formatCount(most)}${unit}`
  if (typeof most === 'number') return `at most ${formatCount(most)}${unit}`
  return typeof least === 'number'
    ? `at least ${formatCount(least)}${noun === '' ? '' : ` ${noun}${least === 1 ? '' : 's'}`}`
    : ''
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return Array.isArray(schema['anyOf']) ? schema['anyOf'].filter(isSchema) : []
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
