import { ItxError, shown } from '../streams/errors.ts'
import { type ChangeEvent, type Operation, isPoison, readMessage } from './messages.ts'
import { type SchemaResult, type StandardSchema, describeIssues, validated } from './standard-schema.ts'

/** Headers of one's own, `txid` among them. `operation` is the helper's and cannot be set. */
export type EventHeaders = Omit<Record<string, string>, 'operation'>

export interface WriteParams<T> {
  /** Absent: the value's primary key, as a string. */
  readonly key?: string | undefined
  readonly value: T
  readonly headers?: EventHeaders | undefined
}

export interface UpdateParams<T> extends WriteParams<T> {
  readonly oldValue?: T | undefined
}

export interface DeleteParams<T> {
  /** Absent: the primary key of the old value. */
  readonly key?: string | undefined
  readonly oldValue?: T | undefined
  readonly headers?: EventHeaders | undefined
}

/**
 * Make events; nothing is sent. The event carries the value as it was given, not what the schema makes of it: defaults and
 * transforms are applied by whoever reads, each time.
 *
 * @throws ItxError BAD_REQUEST with the reason `invalid` (the schema refuses, `issues` in the details), `key` (none, or none
 *   that can be one), `message` (headers that would make poison) or `async-schema`: of a schema that answers with a promise
 *   there are only the helpers under `awaited`
 */
export interface CollectionEventHelpers<T> {
  readonly insert: (params: WriteParams<T>) => ChangeEvent<T>
  /** Replaces the row: fields that are left out are gone. */
  readonly update: (params: UpdateParams<T>) => ChangeEvent<T>
  readonly delete: (params: DeleteParams<T>) => ChangeEvent<T>
  /** Insert or update. */
  readonly upsert: (params: WriteParams<T>) => ChangeEvent<T>
  /** The same for any schema, asynchronous ones too. What is wrong rejects. */
  readonly awaited: AwaitedEventHelpers<T>
}

export interface AwaitedEventHelpers<T> {
  readonly insert: (params: WriteParams<T>) => Promise<ChangeEvent<T>>
  readonly update: (params: UpdateParams<T>) => Promise<ChangeEvent<T>>
  readonly delete: (params: DeleteParams<T>) => Promise<ChangeEvent<T>>
  readonly upsert: (params: WriteParams<T>) => Promise<ChangeEvent<T>>
}

interface Definition<T> {
  readonly schema: StandardSchema<T, unknown>
  readonly type: string
  readonly primaryKey: string
}

interface Params<T> extends DeleteParams<T> {
  readonly value?: T | undefined
}

export function eventHelpers<T>(definition: Definition<T>): CollectionEventHelpers<T> {
  const now = (operation: Operation) => (params: Params<T>) => {
    for (const { field, answer } of asked(definition, operation, params)) {
      if (answer instanceof Promise) throw asynchronous(definition.type, operation)
      judge(definition.type, operation, field, answer)
    }
    return eventOf(definition, operation, params)
  }
  const later = (operation: Operation) => async (params: Params<T>) => {
    for (const { field, answer } of asked(definition, operation, params)) {
      judge(definition.type, operation, field, await answer)
    }
    return eventOf(definition, operation, params)
  }
  return { ...ofEach(now), awaited: ofEach(later) }
}

function ofEach<Helper>(helper: (operation: Operation) => Helper): Record<Operation, Helper> {
  return { insert: helper('insert'), update: helper('update'), delete: helper('delete'), upsert: helper('upsert') }
}

interface Asked {
  readonly field: 'value' | 'oldValue'
  readonly answer: SchemaResult<unknown> | Promise<SchemaResult<unknown>>
}

/** The schema's answers to what the event will carry. They never reject, so none has to be waited for. */
function asked<T>({ schema }: Definition<T>, operation: Operation, { value, oldValue }: Params<T>): Asked[] {
  const answers: Asked[] = []
  if (operation !== 'delete') answers.push({ field: 'value', answer: validated(schema, value) })
  if (carriesOld(operation) && oldValue !== undefined) {
    answers.push({ field: 'oldValue', answer: validated(schema, oldValue) })
  }
  return answers
}

function judge(type: string, operation: Operation, field: Asked['field'], { issues }: SchemaResult<unknown>): void {
  if (issues === undefined) return
  throw new ItxError(
    'BAD_REQUEST',
    `${operation} of ${shown(type)}: ${field} is not valid: ${describeIssues(issues)}`,
    {
      reason: 'invalid',
      type,
      operation,
      field,
      issues: issues.map(({ message }) => message),
    },
  )
}

function eventOf<T>(definition: Definition<T>, operation: Operation, params: Params<T>): ChangeEvent<T> {
  const { type } = definition
  const { value, oldValue, headers } = params
  const event: ChangeEvent<T> = {
    type,
    key: params.key ?? derivedKey(definition, operation, operation === 'delete' ? oldValue : value),
    ...(operation === 'delete' || value === undefined ? {} : { value }),
    ...(carriesOld(operation) && oldValue !== undefined ? { old_value: oldValue } : {}),
    headers: { ...headers, operation },
  }
  // What is written here must never be poison to a reader.
  const read = readMessage(event)
  if (!isPoison(read)) return event
  const reason = params.key !== undefined && !isKey(params.key) ? 'key' : 'message'
  throw new ItxError('BAD_REQUEST', `${operation} of ${shown(type)}: ${read.poison}`, { reason, type, operation })
}

function carriesOld(operation: Operation): boolean {
  return operation === 'update' || operation === 'delete'
}

/** Only what reads the same in every language: an object would be `[object Object]`, like every other. */
function derivedKey(
  { type, primaryKey }: Omit<Definition<unknown>, 'schema'>,
  operation: Operation,
  value: unknown,
): string {
  const field: unknown =
    typeof value === 'object' && value !== null && Object.hasOwn(value, primaryKey)
      ? (value as Record<string, unknown>)[primaryKey]
      : undefined
  if (typeof field === 'bigint' || typeof field === 'boolean' || Number.isFinite(field)) return String(field)
  if (isKey(field)) return field
  const source = operation === 'delete' ? 'oldValue' : 'value'
  throw new ItxError(
    'BAD_REQUEST',
    `${operation} of ${shown(type)}: no key is given, and ${primaryKey} of ${source} is ${shown(field)}`,
    { reason: 'key', type, operation, primaryKey },
  )
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function asynchronous(type: string, operation: Operation): ItxError {
  return new ItxError('BAD_REQUEST', `the schema of ${shown(type)} is asynchronous: use awaited.${operation}`, {
    reason: 'async-schema',
    type,
    operation,
  })
}
