import type { EncodedEvent } from './event.ts'
import { FAILED, type Meter, type Outcome, type Value } from './filter-values.ts'

/** One event on its way through a filter. What is JSON is parsed when the expression first asks for it. */
export class Subject {
  readonly meter: Meter
  /** The variables of the comprehensions around what is being evaluated, by depth. */
  readonly bound: Value[] = []
  readonly #event: EncodedEvent
  #payload: Outcome | undefined
  #metadata: Outcome | undefined

  constructor(event: EncodedEvent, meter: Meter) {
    this.#event = event
    this.meter = meter
  }

  field(name: EventField): Outcome {
    const event = this.#event
    switch (name) {
      case 'payload':
        return (this.#payload ??= parsed(event.payload))
      case 'metadata':
        return (this.#metadata ??= parsed(event.metadata))
      case 'source':
        return event.source === undefined ? FAILED : (event.source as Value)
      case 'idempotencyKey':
        return event.idempotencyKey ?? FAILED
      default:
        return event[name]
    }
  }
}

function parsed(text: string | undefined): Outcome {
  return text === undefined ? FAILED : (JSON.parse(text) as Value)
}

/** The fields of `event`, with their types for the type checker. */
export const EVENT_FIELDS = {
  type: 'string',
  offset: 'int',
  createdAt: 'string',
  payload: 'dyn',
  metadata: 'dyn',
  source: 'dyn',
  idempotencyKey: 'string',
} as const
export type EventField = keyof typeof EVENT_FIELDS
