import { type EncodedEvent, RESERVED_PREFIX } from '../event.ts'
import { encodeJson } from '../json-text.ts'
import type { StreamPath } from '../path.ts'

/** The engine's own events (design page `streams.md`, "Core events and state"). */
export const CREATED = 'stream/created'
export const CHILD_CREATED = 'stream/child-created'
export const PAUSED = 'stream/paused'
export const RESUMED = 'stream/resumed'
export const CLOSED = 'stream/closed'

export interface CreatedPayload {
  readonly path: StreamPath
  readonly incarnationId: string
  readonly contentType: string
}

export interface ChildCreatedPayload {
  readonly path: StreamPath
  readonly incarnationId: string
}

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
