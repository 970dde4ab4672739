import { ItxError } from '../errors.ts'
import { type EncodedEvent, type EncodedInput, RESERVED_PREFIX } from '../event.ts'
import { encodeJson } from '../json-text.ts'
import type { StreamPath } from '../path.ts'
import { type ConfigChange, checkConfigChange, checkMetadata } from './config.ts'
import type { Expiry, Producer } from './state.ts'

/** The engine's own events (design page `streams.md`, "Core events and state"). */
export const CREATED = 'stream/created'
export const CHILD_CREATED = 'stream/child-created'
export const CHILD_DELETED = 'stream/child-deleted'
export const CONFIGURED = 'stream/configured'
export const METADATA_UPDATED = 'stream/metadata-updated'
export const PAUSED = 'stream/paused'
export const RESUMED = 'stream/resumed'
export const CLOSED = 'stream/closed'
export const SUBSCRIBER_CONNECTED = 'stream/subscriber-connected'
export const SUBSCRIBER_DISCONNECTED = 'stream/subscriber-disconnected'
export const PROCESSOR_ATTACHED = 'stream/processor-attached'
export const PROCESSOR_DETACHED = 'stream/processor-detached'
export const ERROR_OCCURRED = 'stream/error-occurred'

/** Core events that a caller with the right may append like any other; the rest have methods of their own. */
export const CALLER_CORE_TYPES = [CONFIGURED, METADATA_UPDATED, PAUSED, RESUMED] as const
export type CallerCoreType = (typeof CALLER_CORE_TYPES)[number]

/** Set on events that came with an imported log and speak of the place they were written in. */
interface Importable {
  readonly imported?: true
}

export interface CreatedPayload extends Importable {
  readonly path: StreamPath
  readonly incarnationId: string
  readonly contentType: string
  /** Nobody asked for it: it came into being above a stream that was created. */
  readonly implicit?: true
  readonly expiry?: Expiry
  readonly forkedFrom?: { readonly path: StreamPath; readonly offset: number; readonly subOffset: number }
}

export interface ClosedPayload {
  readonly reason?: string
  /** The append that closed it: its retry is known by this. */
  readonly producer?: Producer
}

export interface ChildCreatedPayload extends Importable {
  readonly path: StreamPath
  readonly incarnationId: string
}

export interface ChildDeletedPayload extends ChildCreatedPayload {
  /** Streams below it that went with it. */
  readonly descendantCount: number
}

export interface ProcessorAttachedPayload extends Importable {
  readonly slug: string
  readonly version: string
}

export interface ProcessorDetachedPayload extends Importable {
  readonly slug: string
}

/** A processor gave an event up and stands still before it. */
export interface ErrorOccurredPayload {
  readonly processor: { readonly slug: string; readonly version: string }
  /** The event that it could not process. */
  readonly offset: number
  readonly message: string
  readonly attempts: number
}

export interface ConfiguredPayload {
  readonly config: ConfigChange
}

export interface MetadataUpdatedPayload {
  readonly metadata: Readonly<Record<string, unknown>>
}

export interface ReasonPayload {
  readonly reason?: string
}

const MAX_REASON_LENGTH = 1000

export function isCoreType(type: string): boolean {
  return type.startsWith(RESERVED_PREFIX)
}

/** An event that the engine is about to append: all but its place and time. */
export type PlannedEvent = Omit<EncodedEvent, 'offset' | 'createdAt'>

export function createdEvent(payload: CreatedPayload): PlannedEvent {
  return { type: CREATED, payload: encodeJson(payload, 'payload') }
}

/** Tells an ancestor of a new stream. The key holds the incarnation: a recreated stream is announced again. */
export function childCreatedEvent(payload: ChildCreatedPayload): PlannedEvent {
  return {
    type: CHILD_CREATED,
    payload: encodeJson(payload, 'payload'),
    idempotencyKey: `${CHILD_CREATED}${payload.path}@${payload.incarnationId}`,
  }
}

/** Tells an ancestor that a stream is gone, and how many went with it. */
export function childDeletedEvent(payload: ChildDeletedPayload): PlannedEvent {
  return {
    type: CHILD_DELETED,
    payload: encodeJson(payload, 'payload'),
    idempotencyKey: `${CHILD_DELETED}${payload.path}@${payload.incarnationId}`,
  }
}

/** An event of the engine's own with a payload that it vouches for. */
export function coreEvent(type: string, payload: unknown): PlannedEvent {
  return { type, payload: encodeJson(payload, 'payload') }
}

/**
 * Validates a core event that a caller appends.
 *
 * @throws {ItxError} FORBIDDEN when it is not theirs to append, BAD_REQUEST for a payload that is none.
 */
export function checkCallerCoreEvent(input: EncodedInput, allowed: ReadonlySet<string>): void {
  if (!allowed.has(input.type)) {
    const known = (CALLER_CORE_TYPES as readonly string[]).includes(input.type)
    const why = known ? 'need a greater role' : 'are written by the engine alone'
    throw new ItxError('FORBIDDEN', `events of type ${JSON.stringify(input.type)} ${why}`, {
      reason: known ? 'role' : 'reserved-type',
      type: input.type,
    })
  }
  const payload: unknown = JSON.parse(input.payload ?? '{}')
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
    throw new ItxError('BAD_REQUEST', `the payload of ${input.type} must be an object`, { field: 'payload' })
  }
  switch (input.type as CallerCoreType) {
    case CONFIGURED:
      checkKeys(payload, input.type, ['config'])
      checkConfigChange((payload as { config?: unknown }).config)
      return
    case METADATA_UPDATED:
      checkKeys(payload, input.type, ['metadata'])
      checkMetadata((payload as { metadata?: unknown }).metadata)
      return
    case PAUSED:
    case RESUMED:
      checkKeys(payload, input.type, ['reason'])
      checkReason((payload as { reason?: unknown }).reason)
  }
}

/** @throws {ItxError} BAD_REQUEST for a reason that is no short text. */
export function checkReason(reason: unknown): asserts reason is string | undefined {
  if (reason === undefined) return
  if (typeof reason === 'string' && reason.length <= MAX_REASON_LENGTH && reason.isWellFormed()) return
  throw new ItxError('BAD_REQUEST', `a reason must be text of at most ${MAX_REASON_LENGTH} characters`, {
    field: 'reason',
    limit: MAX_REASON_LENGTH,
  })
}

function checkKeys(payload: object, type: string, keys: readonly string[]): void {
  const unknown = Object.keys(payload).find((key) => !keys.includes(key))
  if (unknown === undefined) return
  throw new ItxError('BAD_REQUEST', `unknown field ${JSON.stringify(unknown.slice(0, 80))} in the payload of ${type}`, {
    field: 'payload',
  })
}
