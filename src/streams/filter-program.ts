import type { ASTNode } from '@marcbachmann/cel-js'
import { FUNCTIONS } from './filter-functions.ts'
import { negated, operator } from './filter-operators.ts'
import { LinearPattern } from './filter-pattern.ts'
import { EVENT_FIELDS, type EventField, type Subject } from './filter-subject.ts'
import { FAILED, type Outcome, type Value, badFilter, isList, isMap, keysOf, memberOf } from './filter-values.ts'

/** A compiled expression. */
export type Code = (subject: Subject) => Outcome

/** Lists, maps and macros that make lists in one expression, at most: each may be a type that the checker never forgets. */
const MAX_AGGREGATES = 8

/**
 * Compiles a parsed expression to functions.
 *
 * The library parses and checks types; evaluating is ours. Its evaluator has no budget, fails on a JSON object with a
 * key `constructor`, and keeps a type for every shape of nested value it has seen, for good: what it reads is hostile.
 *
 * @throws {ItxError} BAD_REQUEST for what filters do not have.
 */
export function compileNode(root: ASTNode): Code {
  return new Compiler().node(root)
}

class Compiler {
  /** The variables of the comprehensions around, from the outermost in. */
  readonly #scope: string[] = []
  /** Nodes compiled so far: what a comprehension's body costs per element. */
  #nodes = 0
  #aggregates = 0

  node(node: ASTNode): Code {
    this.#nodes++
    switch (node.op) {
      case 'value':
        return constant(node)
      case 'id':
        return this.#variable(node)
      case '.':
        return this.#member(node)
      case '[]':
        return this.#index(node)
      case 'call':
      case 'rcall':
        return this.#call(node)
      case 'list':
        return this.#list(node.args, this.#aggregate(node))
      case 'map':
        return this.#map(node.args, this.#aggregate(node))
      case '?:':
        return this.#ternary(...node.args)
      case '&&':
        return this.#logical(node.args, false)
      case '||':
        return this.#logical(node.args, true)
      case '!_':
        return this.#unary(node.args, (value) => (typeof value === 'boolean' ? !value : FAILED))
      case '-_':
        return this.#unary(node.args, negated)
      case '.?':
      case '[?]':
        throw badFilter('optional access is not available', node.range)
      default:
        return this.#binary(node)
    }
  }

  #variable(node: ASTNode & { readonly op: 'id' }): Code {
    const depth = this.#scope.lastIndexOf(node.args)
    if (depth >= 0) return ({ bound }) => bound[depth] ?? null
    if (node.args === 'type') throw badFilter('the type of an event is event.type', node.range)
    if (node.args === 'event') throw badFilter('event is used by its fields, such as event.type', node.range)
    return eventField(node.args, node)
  }

  #member(node: ASTNode & { readonly op: '.' }): Code {
    const [object, key] = node.args
    if (this.#isEvent(object)) return eventField(key, node)
    const code = this.node(object)
    return (subject) => memberOf(code(subject), key)
  }

  #index(node: ASTNode & { readonly op: '[]' }): Code {
    const [object, index] = node.args
    if (this.#isEvent(object)) {
      if (index.op !== 'value') throw badFilter('fields of event are named by a text, as in event["type"]', index.range)
      return eventField(String(index.args), node)
    }
    const [code, at] = [this.node(object), this.node(index)]
    return (subject) => {
      const value = code(subject)
      const key = at(subject)
      if (typeof key === 'string') return memberOf(value, key)
      const element = isList(value) && typeof key === 'number' ? value[key] : undefined
      return element === undefined ? FAILED : element
    }
  }

  #isEvent(node: ASTNode): boolean {
    return node.op === 'id' && node.args === 'event' && !this.#scope.includes('event')
  }

  #call(node: ASTNode & { readonly op: 'call' | 'rcall' }): Code {
    const [name, receiver, args] = node.op === 'call' ? [node.args[0], null, node.args[1]] : node.args
    if (receiver === null && name === 'has' && args.length === 1) return this.#has(args[0] as ASTNode)
    if (receiver !== null && name === 'matches' && args.length === 1) return this.#matches(receiver, args[0] as ASTNode)
    if (receiver !== null && MACROS.has(`${name}/${args.length}`))
      return this.#comprehension(node, name, receiver, args)
    const run = FUNCTIONS.get(`${receiver === null ? '' : '.'}${name}/${args.length}`)
    if (!run) throw badFilter(`the function ${name} is not available`, node.range)
    const codes = [...(receiver === null ? [] : [receiver]), ...args].map((each) => this.node(each))
    return (subject) => {
      const values = allOf(codes, subject)
      return values === FAILED ? FAILED : run(values, subject.meter)
    }
  }

  /** Whether there is such a member: false too where something on the way to it is missing. */
  #has(argument: ASTNode): Code {
    const code = this.node(argument)
    return (subject) => code(subject) !== FAILED
  }

  #matches(receiver: ASTNode, pattern: ASTNode): Code {
    // Compiled once, and known to be one: a pattern out of an event would be neither.
    if (pattern.op !== 'value' || typeof pattern.args !== 'string') {
      throw badFilter('the pattern of matches must be a text in quotes', pattern.range)
    }
    const code = this.node(receiver)
    const compiled = patternAt(pattern, pattern.args)
    return (subject) => {
      const text = code(subject)
      return typeof text === 'string' ? compiled.test(text, subject.meter) : FAILED
    }
  }

  #comprehension(node: ASTNode, name: string, receiver: ASTNode, args: readonly ASTNode[]): Code {
    const range = this.node(receiver)
    const [variable, ...body] = args
    if (name === 'map' || name === 'filter') this.#aggregate(node)
    const depth = this.#scope.length
    const before = this.#nodes
    this.#scope.push(String(variable?.args))
    const [first = FAILS, second] = body.map((each) => this.node(each))
    this.#scope.pop()
    const perElement = 1 + this.#nodes - before
    const run = comprehension(name, first, second)
    return (subject) => {
      const value = range(subject)
      const elements = isList(value) ? value : isMap(value) ? keysOf(value, subject.meter) : null
      if (elements === null) return FAILED
      return run(elements, (code, element) => {
        subject.meter.spend(perElement)
        subject.bound[depth] = element
        return code(subject)
      })
    }
  }

  #aggregate(node: ASTNode): ASTNode {
    if (++this.#aggregates > MAX_AGGREGATES) {
      throw badFilter(`more than ${MAX_AGGREGATES} lists, maps and macros that make lists`, node.range)
    }
    return node
  }

  #list(elements: readonly ASTNode[], _node: ASTNode): Code {
    const codes = elements.map((each) => this.node(each))
    return (subject) => allOf(codes, subject)
  }

  #map(entries: readonly (readonly [ASTNode, ASTNode])[], node: ASTNode): Code {
    const keys = entries.map(([key]) => {
      if (key.op === 'value' && typeof key.args === 'string') return key.args
      throw badFilter('the keys of a map must be texts in quotes', node.range)
    })
    const codes = entries.map(([, value]) => this.node(value))
    return (subject) => {
      const values = allOf(codes, subject)
      if (values === FAILED) return FAILED
      return Object.fromEntries(keys.map((key, i) => [key, values[i] ?? null]))
    }
  }

  #ternary(condition: ASTNode, whenTrue: ASTNode, whenFalse: ASTNode): Code {
    const [test, left, right] = [this.node(condition), this.node(whenTrue), this.node(whenFalse)]
    return (subject) => {
      const chosen = test(subject)
      return chosen === true ? left(subject) : chosen === false ? right(subject) : FAILED
    }
  }

  /** `&&` and `||`: one side that decides is enough, even where the other has no value. */
  #logical([a, b]: readonly [ASTNode, ASTNode], decides: boolean): Code {
    const [left, right] = [this.node(a), this.node(b)]
    return (subject) => {
      const first = left(subject)
      if (first === decides) return decides
      const second = right(subject)
      if (second === decides) return decides
      return typeof first === 'boolean' && typeof second === 'boolean' ? !decides : FAILED
    }
  }

  #unary(operand: ASTNode, run: (value: Outcome) => Outcome): Code {
    const code = this.node(operand)
    return (subject) => run(code(subject))
  }

  #binary(node: ASTNode & { readonly args: readonly [ASTNode, ASTNode] }): Code {
    const run = operator(node)
    const [left, right] = [this.node(node.args[0]), this.node(node.args[1])]
    return (subject) => {
      const a = left(subject)
      if (a === FAILED) return FAILED
      const b = right(subject)
      return b === FAILED ? FAILED : run(a, b, subject.meter)
    }
  }
}

const FAILS: Code = () => FAILED

function allOf(codes: readonly Code[], subject: Subject): readonly Value[] | typeof FAILED {
  const values: Value[] = []
  for (const code of codes) {
    const value = code(subject)
    if (value === FAILED) return FAILED
    values.push(value)
  }
  return values
}

function eventField(name: string, node: ASTNode): Code {
  if (!Object.hasOwn(EVENT_FIELDS, name)) throw badFilter(`there is no ${name}`, node.range)
  return (subject) => subject.field(name as EventField)
}

function constant(node: ASTNode & { readonly op: 'value' }): Code {
  const { args } = node
  if (args instanceof Uint8Array) throw badFilter('bytes are not available', node.range)
  if (typeof args !== 'object' && typeof args !== 'bigint') return () => args
  if (args === null) return () => null
  const number = Number(args.valueOf())
  // JSON's numbers are doubles: beyond this, neighbours are one number.
  if (!Number.isSafeInteger(number)) throw badFilter('an integer must be within 2^53', node.range)
  return () => number
}

function patternAt(node: ASTNode, text: string): LinearPattern {
  try {
    return new LinearPattern(text)
  } catch (error) {
    throw badFilter(`matches: ${error instanceof Error ? error.message : String(error)}`, node.range)
  }
}

const MACROS: ReadonlySet<string> = new Set(['all/2', 'exists/2', 'exists_one/2', 'filter/2', 'map/2', 'map/3'])

type Each = (code: Code, element: Value) => Outcome

/** What a macro does with the elements of its range; `each` evaluates its body for one of them. */
function comprehension(
  name: string,
  first: Code,
  second: Code | undefined,
): (elements: readonly Value[], each: Each) => Outcome {
  if (name === 'all' || name === 'exists') {
    const decides = name === 'exists'
    return (elements, each) => {
      let failed = false
      for (const element of elements) {
        const found = each(first, element)
        if (found === decides) return decides
        failed ||= found !== !decides
      }
      return failed ? FAILED : !decides
    }
  }
  const condition = name === 'map' && second === undefined ? null : first
  const transform = name === 'map' ? (second ?? first) : null
  return (elements, each) => {
    const chosen: Value[] = []
    for (const element of elements) {
      const found = condition === null || each(condition, element)
      if (typeof found !== 'boolean') return FAILED
      if (!found) continue
      const value = transform === null ? element : each(transform, element)
      if (value === FAILED) return FAILED
      chosen.push(value)
    }
    return name === 'exists_one' ? chosen.length === 1 : chosen
  }
}
