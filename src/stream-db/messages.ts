import { shown } from '../streams/errors.ts'

/** What a change does to the row of its type and key. `update` replaces: it never merges. */
export type Operation = 'insert' | 'update' | 'delete' | 'upsert'

/** What a field of a row may be; `Extensions` adds what a schema's transforms make, such as `Date`. */
export type Value<Extensions = never> =
  | string
  | number
  | boolean
  | bigint
  | null
  | Value<Extensions>[]
  | { [key: string]: Value<Extensions> }
  | Extensions

export type Row<Extensions = never> = Record<string, Value<Extensions>>

export interface ChangeHeaders {
  operation: Operation
  /** Changes of one transaction carry the same; they become visible together. */
  txid?: string
  /** RFC 3339; nothing is decided by it. */
  timestamp?: string
  from?: string
  offset?: string
}

export interface ChangeEvent<T = unknown> {
  type: string
  key: string
  value?: T
  old_value?: T
  headers: ChangeHeaders
}

export type Control = 'snapshot-start' | 'snapshot-end' | 'reset'

export interface ControlEvent {
  headers: { control: Control; offset?: string }
}

export type StateEvent<T = unknown> = ChangeEvent<T> | ControlEvent

/** A message of which the shape was checked. */
export type StateMessage = StateEvent

/** What is no message of the State protocol, and why. */
export interface Poison {
  readonly poison: string
}

const OPERATIONS: readonly unknown[] = ['insert', 'update', 'upsert', 'delete'] satisfies Operation[]
const CONTROLS: readonly unknown[] = ['snapshot-start', 'snapshot-end', 'reset'] satisfies Control[]

/**
 * Any value as a message of the State protocol, or why it is none. The message is the value itself: nothing is added,
 * dropped or converted. Never throws.
 *
 * A `txid` that cannot be one makes poison too: its row belongs to a transaction that nobody could tell whole.
 */
export function readMessage(value: unknown): StateMessage | Poison {
  if (!isRecord(value)) return { poison: `a message is an object, not ${shown(value)}` }
  const { headers } = value
  if (!isRecord(headers)) return { poison: `headers are an object, not ${shown(headers)}` }
  const poison = 'control' in headers ? wrongControl(headers) : wrongChange(value, headers)
  return poison === undefined ? (value as unknown as StateMessage) : { poison }
}

function wrongControl(headers: Record<string, unknown>): string | undefined {
  if ('operation' in headers) return 'headers have both control and operation'
  if (CONTROLS.includes(headers.control)) return undefined
  return `control is ${shown(headers.control)}; one of ${CONTROLS.join(', ')}`
}

function wrongChange(value: Record<string, unknown>, headers: Record<string, unknown>): string | undefined {
  if (!isName(value.type)) return `type is ${shown(value.type)}; a string that is not empty`
  if (!isName(value.key)) return `key is ${shown(value.key)}; a string that is not empty`
  const { operation, txid } = headers
  if (!OPERATIONS.includes(operation)) return `operation is ${shown(operation)}; one of ${OPERATIONS.join(', ')}`
  if (operation !== 'delete' && value.value === undefined) return `${String(operation)} has no value`
  if (txid !== undefined && !isName(txid)) return `txid is ${shown(txid)}; a string that is not empty`
  return undefined
}

export function isPoison(message: StateMessage | Poison): message is Poison {
  return 'poison' in message && !('headers' in message)
}

/** Whether it is a change of the State protocol, whole and well formed. Takes anything. */
export function isChangeEvent<T = unknown>(event: unknown): event is ChangeEvent<T> {
  return isOf(event, 'operation')
}

/** Whether it is a control message of the State protocol. Takes anything. */
export function isControlEvent(event: unknown): event is ControlEvent {
  return isOf(event, 'control')
}

function isOf(event: unknown, header: 'operation' | 'control'): boolean {
  const message = readMessage(event)
  return !isPoison(message) && header in message.headers
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
