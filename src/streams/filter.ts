import { Environment } from '@marcbachmann/cel-js'
import { ItxError } from './errors.ts'
import type { EncodedEvent } from './event.ts'
import { type Code, compileNode } from './filter-program.ts'
import { EVENT_FIELDS, Subject } from './filter-subject.ts'
import { Exhausted, type FilterPosition, Meter, badFilter } from './filter-values.ts'

/** Characters of a filter, at most. */
export const MAX_FILTER_LENGTH = 2000
/** What judging one event may cost: 0.2 s at the worst that was found, on one core. */
const EVENT_UNITS = 5_000_000

/** A compiled filter expression: which events of a stream somebody wants to see. */
export interface EventFilter {
  /** The expression as it was given. */
  readonly text: string
  /**
   * Whether an event matches. One for which the expression has no value does not: a missing field, a value of the
   * wrong kind, anything but true. Never throws for an event that was stored.
   */
  matches(event: EncodedEvent): boolean
  /** Events so far that cost more to judge than one event may. They did not match, rightly or not. */
  readonly unjudged: number
}

// One for all filters: it holds nothing of any of them. JSON's numbers are doubles, so they mix with whole ones.
const environment = new Environment({
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 500, maxDepth: 32, maxListElements: 500, maxMapEntries: 100 },
})
  .registerType('Event', { fields: EVENT_FIELDS })
  .registerVariable('event', 'Event')
for (const [name, type] of Object.entries(EVENT_FIELDS)) {
  // `type` is a function of CEL's own: an event's type is `event.type`.
  if (name !== 'type') environment.registerVariable(name, type)
}
const onlyTyped = () => null
environment.registerOperator('int == double: bool', onlyTyped)
for (const op of ['+', '-', '*', '/', '%']) {
  environment.registerOperator(`int ${op} double: double`, onlyTyped)
  environment.registerOperator(`double ${op} int: double`, onlyTyped)
}
environment.registerOperator('double % double: double', onlyTyped)

/**
 * Compiles a filter, an expression of CEL (https://cel.dev) over one event: `event.type == "order" && payload.total > 100`.
 *
 * @throws {ItxError} BAD_REQUEST `filter`, with the position where it is known: not an expression, of a wrong type, too
 *   long or too complex, or with something that filters do not have.
 */
export function compileFilter(text: unknown): EventFilter {
  if (typeof text !== 'string') throw badFilter(`must be a text, not ${text === null ? 'null' : typeof text}`)
  if (text.length > MAX_FILTER_LENGTH) {
    throw new ItxError('BAD_REQUEST', `filter has ${text.length} characters; at most ${MAX_FILTER_LENGTH}`, {
      field: 'filter',
      reason: 'filter',
      size: text.length,
      limit: MAX_FILTER_LENGTH,
    })
  }
  return new CompiledFilter(text, compile(text))
}

function compile(text: string): Code {
  try {
    const expression = environment.parse(text)
    // Before the types: how many there can be is bounded here.
    compileNode(expression.ast)
    const { valid, type, error } = expression.check()
    if (!valid) throw error
    if (type !== 'bool' && type !== 'dyn') throw badFilter(`must be true or false of an event; this is of type ${type}`)
    return compileNode(expression.ast)
  } catch (error) {
    if (error instanceof ItxError) throw error
    const { summary, message, range } = error as { summary?: string; message?: string; range?: FilterPosition }
    throw badFilter(summary ?? message ?? String(error), range && { start: range.start, end: range.end })
  }
}

class CompiledFilter implements EventFilter {
  readonly text: string
  readonly #code: Code
  #unjudged = 0

  constructor(text: string, code: Code) {
    this.text = text
    this.#code = code
  }

  get unjudged(): number {
    return this.#unjudged
  }

  matches(event: EncodedEvent): boolean {
    try {
      return this.#code(new Subject(event, new Meter(EVENT_UNITS))) === true
    } catch (error) {
      if (!(error instanceof Exhausted)) throw error
      this.#unjudged++
      return false
    }
  }
}
