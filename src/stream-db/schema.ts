import { ItxError, shown } from '../streams/errors.ts'
import { type CollectionEventHelpers, eventHelpers } from './event-helpers.ts'
import type { StandardSchema } from './standard-schema.ts'

/** One collection of a stream: the rows of one type. `Input` is what is written, `T` what the schema makes of it. */
export interface CollectionDefinition<T = unknown, Input = T> {
  /** Asked of what is written by the helpers, and of what is read by a database. */
  readonly schema: StandardSchema<Input, T>
  /** The `type` of its events. */
  readonly type: string
  /** The field of a row that its key is taken from, where none is given. */
  readonly primaryKey: string
}

export type CollectionWithHelpers<T = unknown, Input = T> = CollectionDefinition<T, Input> &
  CollectionEventHelpers<Input>

export type StreamStateDefinition = Record<string, CollectionDefinition>

/** What rows of a collection are when they are read: the output of its schema. */
export type RowOf<D> = D extends { readonly schema: StandardSchema<infer _, infer T> } ? T : unknown

/** What is written to a collection: the input of its schema. */
export type InputOf<D> = D extends { readonly schema: StandardSchema<infer Input, infer _> } ? Input : unknown

export type StateSchema<D extends StreamStateDefinition> = {
  [K in keyof D]: CollectionWithHelpers<RowOf<D[K]>, InputOf<D[K]>>
}

/** Names that a database has for itself. */
const RESERVED: readonly string[] = ['collections', 'preload', 'close', 'utils', 'actions']

/**
 * The collections of a stream by name, each with helpers that make its events: `schema.users.insert({ value })`.
 *
 * @throws ItxError BAD_REQUEST with the reason `reserved-name`, `duplicate-type` (two collections of one type) or
 *   `definition` (a definition that is none), and `collection` in its details
 */
export function createStateSchema<D extends StreamStateDefinition>(collections: D): StateSchema<D> {
  const names = new Map<string, string>()
  for (const [name, definition] of Object.entries(collections)) {
    if (RESERVED.includes(name)) {
      throw refusal('reserved-name', name, `${shown(name)} is a reserved name (${RESERVED.join(', ')})`)
    }
    const { type } = checked(name, definition)
    const other = names.get(type)
    if (other !== undefined) {
      throw refusal('duplicate-type', name, `type ${shown(type)} is a duplicate: ${shown(other)} has it already`, type)
    }
    names.set(type, name)
  }
  const made = Object.entries(collections).map(([name, definition]) => [
    name,
    { ...definition, ...eventHelpers(definition) },
  ])
  return Object.fromEntries(made) as StateSchema<D>
}

/** The definition comes from JavaScript as well. */
function checked(name: string, definition: unknown): CollectionDefinition {
  const fields: Partial<Record<keyof CollectionDefinition, unknown>> =
    typeof definition === 'object' && definition !== null ? definition : {}
  for (const field of ['type', 'primaryKey'] as const) {
    const value = fields[field]
    if (typeof value !== 'string' || value === '') {
      throw refusal('definition', name, `${field} is ${shown(value)}; a string that is not empty`, value)
    }
  }
  const { schema } = fields
  if (typeof (schema as Partial<StandardSchema> | undefined)?.['~standard']?.validate !== 'function') {
    throw refusal('definition', name, `schema is ${shown(schema)}; a Standard Schema, with '~standard'.validate`)
  }
  return definition as CollectionDefinition
}

function refusal(reason: string, collection: string, what: string, value?: unknown): ItxError {
  return new ItxError('BAD_REQUEST', `collection ${shown(collection)}: ${what}`, {
    reason,
    collection,
    ...(value === undefined ? {} : { value }),
  })
}
