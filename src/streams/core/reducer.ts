import type { EncodedEvent } from '../event.ts'
import { isBelow, parentPath } from '../path.ts'
import { changedConfig } from './config.ts'
import {
  CHILD_CREATED,
  CHILD_DELETED,
  CLOSED,
  CONFIGURED,
  CREATED,
  type ChildCreatedPayload,
  type ChildDeletedPayload,
  type ClosedPayload,
  type ConfiguredPayload,
  type CreatedPayload,
  METADATA_UPDATED,
  type MetadataUpdatedPayload,
  PAUSED,
  PROCESSOR_ATTACHED,
  PROCESSOR_DETACHED,
  type ProcessorAttachedPayload,
  type ProcessorDetachedPayload,
  RESUMED,
  type ReasonPayload,
  isCoreType,
} from './core-events.ts'
import { type CoreState, emptyState } from './state.ts'

/**
 * The core state after one more event. Pure: the law "state equals replay" rests on it.
 *
 * Invariant: `event.offset === state.maxOffset + 1`; a caller that breaks it has lost or doubled an event.
 */
export function reduceCore(state: CoreState, event: EncodedEvent): CoreState {
  if (event.offset !== state.maxOffset + 1) {
    throw new Error(`${state.path}: event ${event.offset} does not follow ${state.maxOffset}`)
  }
  const core = isCoreType(event.type)
  const before = state.importing ? importOver(state) : state
  const next: CoreState = {
    ...before,
    eventCount: state.eventCount + 1,
    maxOffset: event.offset,
    lastVisibleOffset: core ? state.lastVisibleOffset : event.offset,
    lastEventAt: event.createdAt,
  }
  return core ? reduceCoreEvent(next, event) : next
}

/** Any event ends an import, as far as the state can know; the import itself says that it goes on. */
function importOver({ importing: _over, ...state }: CoreState): CoreState {
  return state
}

/** The log of a fork goes on from its source's here: what the source was told to do ends. */
function begunAsFork({ closedBy: _over, ...state }: CoreState, { createdAt }: EncodedEvent): CoreState {
  const { paused, pauseReason, closed, config, breaker, metadata } = emptyState(state.path, state.incarnationId)
  return { ...state, createdAt, paused, pauseReason, closed, config, breaker, metadata }
}

function reduceCoreEvent(state: CoreState, event: EncodedEvent): CoreState {
  switch (event.type) {
    case CREATED: {
      const { incarnationId, contentType, implicit, expiry, imported } = payloadOf<CreatedPayload>(event)
      // An imported log has a life, children and processors of its own: these it had elsewhere.
      if (imported) return event.offset === 1 ? { ...state, createdAt: event.createdAt } : begunAsFork(state, event)
      const { implicit: _asked, ...before } = state
      return {
        ...before,
        // A stream knows the life it is in; a log that was restored from a backup still tells of the former one.
        incarnationId: state.incarnationId || incarnationId,
        contentType,
        createdAt: event.createdAt,
        ...(implicit ? { implicit } : {}),
        ...(expiry ? { expiry } : {}),
      }
    }
    case CHILD_CREATED: {
      const { path, imported } = payloadOf<ChildCreatedPayload>(event)
      if (imported || !isBelow(path, state.path)) return state
      const direct = parentPath(path) === state.path
      return {
        ...state,
        childCount: state.childCount + (direct ? 1 : 0),
        descendantCount: state.descendantCount + 1,
      }
    }
    case CHILD_DELETED: {
      const { path, descendantCount, imported } = payloadOf<ChildDeletedPayload>(event)
      if (imported || !isBelow(path, state.path)) return state
      const direct = parentPath(path) === state.path
      return {
        ...state,
        childCount: state.childCount - (direct ? 1 : 0),
        descendantCount: state.descendantCount - 1 - descendantCount,
      }
    }
    // Pausing, resuming and configuring fill the bucket of the circuit breaker.
    case CONFIGURED:
      return {
        ...state,
        config: changedConfig(state.config, payloadOf<ConfiguredPayload>(event).config),
        breaker: null,
      }
    case PAUSED:
      return { ...state, paused: true, pauseReason: payloadOf<ReasonPayload>(event).reason ?? null, breaker: null }
    case RESUMED:
      return { ...state, paused: false, pauseReason: null, breaker: null }
    case METADATA_UPDATED:
      return { ...state, metadata: payloadOf<MetadataUpdatedPayload>(event).metadata }
    case PROCESSOR_ATTACHED: {
      const { slug, version, imported } = payloadOf<ProcessorAttachedPayload>(event)
      if (imported) return state
      const others = state.processors.filter((each) => each.slug !== slug)
      return { ...state, processors: [...others, { slug, version, attachedAt: event.offset, detached: false }] }
    }
    case PROCESSOR_DETACHED: {
      const { slug, imported } = payloadOf<ProcessorDetachedPayload>(event)
      if (imported) return state
      const processors = state.processors.map((each) => (each.slug === slug ? { ...each, detached: true } : each))
      return { ...state, processors }
    }
    case CLOSED: {
      const { producer } = payloadOf<ClosedPayload>(event)
      return { ...state, closed: true, ...(producer ? { closedBy: producer } : {}) }
    }
    default:
      return state
  }
}

// Core events are written by the engine alone and stored under a checksum: their payloads are trusted.
function payloadOf<T>(event: EncodedEvent): T {
  return JSON.parse(event.payload ?? '{}') as T
}
