import { randomUUID } from 'node:crypto'
import type { EncodedInput } from '../src/streams/event.ts'
import { encodeInput } from '../src/streams/event-input.ts'

/** The event that everything is measured with: 220 bytes of payload, as an agent's step may look. */

export const TYPE = 'agent/step'
export const PAYLOAD = { step: 7, kind: 'reasoning', model: 'river-2-large', text: 'x'.repeat(150) }

/** The event as a caller hands it over; its payload is encoded anew each time, as for any caller. */
export function step(): EncodedInput {
  return encodeInput({ type: TYPE, payload: PAYLOAD })
}

export function stepWithRandomKey(): EncodedInput {
  return encodeInput({ type: TYPE, payload: PAYLOAD, idempotencyKey: randomUUID() })
}

export function steps(count: number, make: () => EncodedInput = step): EncodedInput[] {
  return Array.from({ length: count }, make)
}
