import { type ChangeEvent, type StateMessage, isPoison, readMessage } from './messages.ts'
import { type SchemaResult, type StandardSchema, describeIssues, validated } from './standard-schema.ts'

/** A message that cannot be taken, and why. */
export interface Unusable {
  readonly kind: 'message' | 'schema'
  readonly reason: string
  readonly value: unknown
}

export type Checked = { readonly event: unknown; readonly message: StateMessage } | Unusable

export function isUnusable(checked: Checked): checked is Unusable {
  return 'reason' in checked
}

/**
 * What came over the stream, held against the shape of the protocol and against the schemas: rows are what the schema made
 * of them, with its defaults and transforms. A promise only when a schema answers with one; so a history that needs none is
 * read without a turn of the event loop for each message.
 */
export function checkMessages(
  values: readonly unknown[],
  schemas: ReadonlyMap<string, StandardSchema<unknown, unknown>>,
): readonly Checked[] | Promise<readonly Checked[]> {
  const checked = values.map((value) => checkMessage(value, schemas))
  return checked.some((one) => one instanceof Promise) ? Promise.all(checked) : (checked as Checked[])
}

function checkMessage(
  value: unknown,
  schemas: ReadonlyMap<string, StandardSchema<unknown, unknown>>,
): Checked | Promise<Checked> {
  const message = readMessage(value)
  if (isPoison(message)) return { kind: 'message', reason: message.poison, value }
  if (!('operation' in message.headers)) return { event: value, message }
  const change = message as ChangeEvent
  const schema = schemas.get(change.type)
  // A delete is known by its key; types that the state does not name are only told to onEvent.
  if (schema === undefined || change.headers.operation === 'delete') return { event: value, message }
  const result = validated(schema, change.value)
  return result instanceof Promise ? result.then((it) => judged(change, it)) : judged(change, result)
}

function judged(change: ChangeEvent, result: SchemaResult<unknown>): Checked {
  const named = `${change.type} ${JSON.stringify(change.key)}`
  if (result.issues !== undefined) {
    return { kind: 'schema', reason: `${named}: ${describeIssues(result.issues)}`, value: change }
  }
  const row = result.value
  if (typeof row !== 'object' || row === null) {
    return {
      kind: 'schema',
      reason: `${named}: a row is an object, not ${row === null ? 'null' : typeof row}`,
      value: change,
    }
  }
  return { event: change, message: { ...change, value: row } }
}
