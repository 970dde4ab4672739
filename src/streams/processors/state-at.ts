import { reduceCore } from '../core/reducer.ts'
import { type CoreState, emptyState } from '../core/state.ts'
import { ItxError, trimmedBelow } from '../errors.ts'
import type { EncodedEvent } from '../event.ts'
import { nextTurn } from '../scheduler.ts'
import type { StreamRef } from '../storage/port.ts'
import type { CommittedStream } from '../stream.ts'
import type { RunnableProcessor } from './contract.ts'
import type { ProcessorPorts } from './ports.ts'

/** A processor's state as it was after an event. */
export interface StateAt {
  readonly offset: number
  readonly state: unknown
}

/**
 * The state of a processor after any event of the log: from the nearest snapshot below it, and the events in between.
 * Effects do not run. It needs no attachment: any processor can be asked about any log.
 *
 * An event that cannot be reduced leaves the state as it is when the processor has been brought past it (somebody skipped
 * it); otherwise that is the answer.
 *
 * @param checkpoint how far the processor is
 * @throws {ItxError} BAD_REQUEST beyond the end; NOT_FOUND `trimmed`; CONFLICT `processor-failed` naming the event.
 */
export async function stateAt(
  ports: ProcessorPorts,
  processor: RunnableProcessor,
  found: CommittedStream,
  offset: number,
  checkpoint: number,
): Promise<StateAt> {
  const { ref } = found
  checkInside(found, offset)
  const snapshot = ports.storage.working.findSnapshot(ref, processor.slug, offset)
  const usable = snapshot?.version === processor.version ? snapshot : null
  const start = usable
    ? { offset: usable.offset, state: processor.checkState(JSON.parse(usable.state)) }
    : { offset: found.state.firstOffset - 1, state: processor.initialState }
  return fold(ports, ref, start, offset, (state, event) => {
    try {
      const consumed = processor.consume(event)
      return consumed ? processor.reduce(state, consumed) : state
    } catch (error) {
      if (event.offset <= checkpoint) return state
      throw new ItxError(
        'CONFLICT',
        `${processor.slug} cannot process event ${event.offset} of ${ref.path}: ${messageOf(error)}`,
        { reason: 'processor-failed', processor: processor.slug, path: ref.path, offset: event.offset },
      )
    }
  })
}

/** The core state after any event of the log; what replay cannot know (the breaker's bucket) is full. */
export async function coreStateAt(
  ports: ProcessorPorts,
  found: CommittedStream,
  offset: number,
): Promise<{ readonly offset: number; readonly state: CoreState }> {
  checkInside(found, offset)
  const base = ports.storage.committed.loadStream(found.ref.path)?.baseState
  const start = base ?? emptyState(found.ref.path, found.ref.incarnationId)
  return fold(ports, found.ref, { offset: start.maxOffset, state: start }, offset, reduceCore)
}

/** Folds events up to an offset, a page per turn of the event loop. */
async function fold<State>(
  ports: ProcessorPorts,
  ref: StreamRef,
  start: { readonly offset: number; readonly state: State },
  upTo: number,
  step: (state: State, event: EncodedEvent) => State,
): Promise<{ readonly offset: number; readonly state: State }> {
  let { offset, state } = start
  while (offset < upTo) {
    const { events } = ports.readAfter(ref, offset)
    for (const event of events) {
      if (event.offset > upTo) break
      state = step(state, event)
      offset = event.offset
    }
    // Reset or deleted in between: what is left of that life is nobody's state.
    if (events.length === 0) {
      throw new ItxError('CONFLICT', `${ref.path} began a new life meanwhile`, {
        reason: 'incarnation',
        path: ref.path,
      })
    }
    if (offset < upTo) await nextTurn(ports.scheduler)
  }
  return { offset, state }
}

function checkInside({ ref, state }: CommittedStream, offset: number): void {
  if (offset < state.firstOffset - 1) throw trimmedBelow(ref.path, offset, state.firstOffset)
  if (offset <= state.maxOffset) return
  throw new ItxError('BAD_REQUEST', `${ref.path} ends at offset ${state.maxOffset}; there is no state at ${offset}`, {
    field: 'offset',
    maxOffset: state.maxOffset,
  })
}

export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.length > 500 ? `${message.slice(0, 500)}…` : message
}
