import { type ChangeEvent, type StateMessage, isPoison, readMessage } from './messages.ts'
import { type SchemaResult, type StandardSchema, describeIssues, validated } from './standard-schema.ts'

/** A message that cannot be taken, and why. */
export interface Unusable {
  readonly kind: 'message' | 'schema'
  readonly reason: string
  readonly value: unknown
}

export type Checked = StateMessage | Unusable

type Schemas = ReadonlyMap<string, StandardSchema<unknown, unknown>>

export function isUnusable(checked: Checked): checked is Unusable {
  return 'reason' in checked && !('headers' in checked)
}

/**
 * What came over the stream, held against the shape of the protocol and against the schemas: rows are what the schema made
 * of them, with its defaults and transforms. One for each value, in order; the value itself where nothing was made of it.
 * A promise only when a schema answers with one; so a history that needs none is read without a turn of the event loop for
 * each message.
 */
export function checkMessages(
  values: readonly unknown[],
  schemas: Schemas,
): readonly Checked[] | Promise<readonly Checked[]> {
  let isLater = false
  const checked = values.map((value) => {
    const one = checkMessage(value, schemas)
    isLater ||= one instanceof Promise
    return one
  })
  return isLater ? Promise.all(checked) : (checked as Checked[])
}

function checkMessage(value: unknown, schemas: Schemas): Checked | Promise<Checked> {
  const message = readMessage(value)
  if (isPoison(message)) return { kind: 'message', reason: message.poison, value }
  if (!('operation' in message.headers)) return message
  const change = message as ChangeEvent
  const schema = schemas.get(change.type)
  // A delete is known by its key; types that the state does not name are only told to onEvent.
  if (schema === undefined || change.headers.operation === 'delete') return change
  const result = validated(schema, change.value)
  return result instanceof Promise ? result.then((it) => judged(change, it)) : judged(change, result)
}

function judged(change: ChangeEvent, result: SchemaResult<unknown>): Checked {
  if (result.issues !== undefined) return refused(change, describeIssues(result.issues))
  const row = result.value
  if (typeof row !== 'object' || row === null) {
    return refused(change, `a row is an object, not ${row === null ? 'null' : typeof row}`)
  }
  return row === change.value ? change : { ...change, value: row }
}

function refused(change: ChangeEvent, why: string): Unusable {
  return { kind: 'schema', reason: `${change.type} ${JSON.stringify(change.key)}: ${why}`, value: change }
}
