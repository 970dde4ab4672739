import { defineProcessor, schemaOf } from '../contract.ts'

/** Rows by type and key. */
export type Collections = Readonly<Record<string, Readonly<Record<string, unknown>>>>

export interface Materialised {
  readonly collections: Collections
  /** The rows of a snapshot that has begun and not ended: they take the place of all others when it does. */
  readonly snapshot: Collections | null
  /** Messages that are neither a change nor a control message. */
  readonly ignored: number
}

/**
 * Materialises a stream of State-protocol messages (`{ type, key, value, headers: { operation } }` as payloads) into the
 * rows they describe. Rules: reference page `durable-streams-protocol.md`, section 13. Anything else is passed over.
 */
export const stateProtocol = defineProcessor({
  slug: 'state-protocol',
  version: '1',
  description: 'The rows that a stream of State-protocol messages describes, by type and key.',
  state: schemaOf(
    (value): value is Materialised => isRecord(value) && isRecord(value['collections']),
    'set of collections',
  ),
  initialState: { collections: {}, snapshot: null, ignored: 0 },
  consumes: ['*'],
  reduce: (state, { type, payload }) => {
    if (type.startsWith('stream/')) return state
    if (!isRecord(payload) || !isRecord(payload['headers'])) return { ...state, ignored: state.ignored + 1 }
    const { operation, control } = payload['headers']
    if (typeof control === 'string') return controlled(state, control)
    const changed = change(state.snapshot ?? state.collections, payload, operation)
    if (!changed) return { ...state, ignored: state.ignored + 1 }
    return state.snapshot ? { ...state, snapshot: changed } : { ...state, collections: changed }
  },
})

function controlled(state: Materialised, control: string): Materialised {
  switch (control) {
    case 'reset':
      return { ...state, collections: {}, snapshot: null }
    case 'snapshot-start':
      return { ...state, snapshot: {} }
    case 'snapshot-end':
      return state.snapshot ? { ...state, collections: state.snapshot, snapshot: null } : state
    default:
      return { ...state, ignored: state.ignored + 1 }
  }
}

/** The collections after a change, or null for what is none. */
function change(rows: Collections, message: Record<string, unknown>, operation: unknown): Collections | null {
  const { type, key, value } = message
  if (typeof type !== 'string' || type === '' || typeof key !== 'string' || key === '') return null
  const collection = Object.hasOwn(rows, type) ? (rows[type] ?? {}) : {}
  switch (operation) {
    case 'insert':
    case 'update':
    case 'upsert':
      // An update replaces the row: what it leaves out is gone. A computed key is safe, `__proto__` too.
      return value === undefined ? null : { ...rows, [type]: { ...collection, [key]: value } }
    case 'delete':
      if (!Object.hasOwn(collection, key)) return rows
      return withRows(rows, type, without(collection, key))
    default:
      return null
  }
}

/** A collection without rows is none: deletions alone must not make the state grow. */
function withRows(rows: Collections, type: string, collection: Readonly<Record<string, unknown>>): Collections {
  return Object.keys(collection).length === 0 ? without(rows, type) : { ...rows, [type]: collection }
}

function without<Value>(record: Readonly<Record<string, Value>>, key: string): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([each]) => each !== key))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
