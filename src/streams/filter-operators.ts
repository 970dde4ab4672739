import type { ASTNode } from '@marcbachmann/cel-js'
import {
  Duration,
  FAILED,
  type Meter,
  type Outcome,
  Timestamp,
  type Value,
  badFilter,
  equal,
  isList,
  isMap,
  order,
  timestampAt,
} from './filter-values.ts'

/** What an operator makes of two values. */
export type Operator = (a: Value, b: Value, meter: Meter) => Outcome

/** @throws {ItxError} BAD_REQUEST for one that filters do not have. */
export function operator(node: ASTNode): Operator {
  switch (node.op) {
    case '==':
      return equal
    case '!=':
      return (a, b, meter) => !equal(a, b, meter)
    case '<':
      return ordered((difference) => difference < 0)
    case '<=':
      return ordered((difference) => difference <= 0)
    case '>':
      return ordered((difference) => difference > 0)
    case '>=':
      return ordered((difference) => difference >= 0)
    case 'in':
      return (a, b, meter) => {
        if (isList(b)) return b.some((each) => equal(a, each, meter))
        return isMap(b) && typeof a === 'string' ? Object.hasOwn(b, a) : FAILED
      }
    case '+':
      return plus
    case '-':
      return minus
    case '*':
      return numeric((a, b) => a * b)
    case '/':
      // Whole numbers are divided as such, as CEL has it; those out of an event are doubles.
      return isWhole(node) ? numeric((a, b) => (b === 0 ? FAILED : Math.trunc(a / b))) : numeric((a, b) => a / b)
    case '%':
      return numeric((a, b) => (b === 0 ? FAILED : a % b))
    default:
      throw badFilter(`the operator ${node.op} is not available`, node.range)
  }
}

/** Whether the type checker is certain that a node is a whole number. */
function isWhole(node: ASTNode): boolean {
  return (node as { readonly checkedType?: { readonly name: string } }).checkedType?.name === 'int'
}

function ordered(holds: (difference: number) => boolean): Operator {
  return (a, b, meter) => {
    const difference = order(a, b, meter)
    return difference === FAILED ? FAILED : holds(difference)
  }
}

function numeric(run: (a: number, b: number) => Outcome): Operator {
  return (a, b) => (typeof a === 'number' && typeof b === 'number' ? run(a, b) : FAILED)
}

function plus(a: Value, b: Value, meter: Meter): Outcome {
  if (typeof a === 'number' && typeof b === 'number') return a + b
  if (typeof a === 'string' && typeof b === 'string') {
    // The whole is put together when it is looked at.
    meter.spend(1 + (a.length + b.length) / 2)
    return a + b
  }
  if (isList(a) && isList(b)) {
    meter.spend(1 + a.length + b.length)
    return [...a, ...b]
  }
  if (a instanceof Duration && b instanceof Duration) return new Duration(a.ms + b.ms)
  if (a instanceof Timestamp && b instanceof Duration) return timestampAt(a.ms + b.ms)
  return a instanceof Duration && b instanceof Timestamp ? timestampAt(a.ms + b.ms) : FAILED
}

function minus(a: Value, b: Value): Outcome {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (a instanceof Timestamp && b instanceof Timestamp) return new Duration(a.ms - b.ms)
  if (a instanceof Duration && b instanceof Duration) return new Duration(a.ms - b.ms)
  return a instanceof Timestamp && b instanceof Duration ? timestampAt(a.ms - b.ms) : FAILED
}

export function negated(value: Outcome): Outcome {
  if (typeof value === 'number') return -value
  return value instanceof Duration ? new Duration(-value.ms) : FAILED
}
