import { ItxError, shown } from '../streams/errors.ts'
import { CallBudget } from './call-budget.ts'

/** Levels of nesting that Cap'n Web itself takes. */
const MAX_DEPTH = 256
/** Functions in one message: each is an entry in a table of ours, and no operation takes more than one. */
const MAX_FUNCTIONS = 16
/** Names between a handle and the method that is called on it. */
const MAX_PATH = 8

/**
 * Values that a frame may write in Cap'n Web's special form, `["date", 0]`. What is left out has a life of its own or
 * refers to other frames, and is nothing that any operation of ours takes:
 *
 * - a `promise` that nobody waits for rejects when its session ends, and an unhandled rejection ends the process;
 * - a `pipeline` inside of a value copies a result: twenty frames, each holding the one before twice, are a million copies;
 *   so is a `remap`;
 * - a `readable` or a `blob` collects in memory whatever is written to it, without a limit.
 */
const VALUES: ReadonlySet<unknown> = new Set([
  'undefined',
  'bigint',
  'date',
  'bytes',
  'error',
  'inf',
  '-inf',
  'nan',
  'export',
])

export interface FrameLimits {
  readonly calls: CallBudget
  /** Handles and calls that may be open at once, the session's own included. */
  readonly open: number
  /** Whether functions may be arguments; where nobody can be called back they may not. */
  readonly functions: boolean
}

/** Why a call is refused instead of made. */
type Refusal = 'calls' | 'open' | 'map'

/**
 * The frames of one session, each checked before Cap'n Web acts on it: calls by way of handles, with plain values and
 * functions as arguments. What breaks the protocol ends the session; a call beyond a limit is answered with RATE_LIMITED.
 *
 * Cap'n Web tells nobody how much it holds for a peer, so the guard keeps the same books: which ids are open, and how
 * often each was handed out.
 */
export class FrameGuard {
  readonly #limits: FrameLimits
  /** By id: how often it was handed out and not given back. 0 is the session's main handle, which stays. */
  readonly #open = new Map<number, number>([[0, 1]])
  /** Refusing costs as well. */
  readonly #refusals: CallBudget
  #calls = 0
  #functions = 0
  #flooded = false

  constructor(limits: FrameLimits) {
    this.#limits = limits
    this.#refusals = new CallBudget(limits.calls.perSecond)
  }

  /** Whether calls come so fast that even refusing them is too much: asks for a pause in reading, and is then over. */
  takeFlooded(): boolean {
    const flooded = this.#flooded
    this.#flooded = false
    return flooded
  }

  /**
   * A message as Cap'n Web may have it.
   *
   * @throws {ItxError} BAD_REQUEST `frame`, RATE_LIMITED `open` for a caller who goes on after having been refused; either
   *   ends the session.
   */
  incoming(text: string): unknown {
    let frame: unknown
    try {
      frame = JSON.parse(text)
    } catch {
      throw badFrame('a message must be JSON')
    }
    if (!Array.isArray(frame)) throw badFrame('a message must be an array')
    this.#functions = 0
    const [kind, first, second] = frame
    switch (kind) {
      case 'push':
        return this.#push(frame)
      case 'pull':
        if (!this.#open.has(first)) throw badFrame('a message asks for a result that there is not')
        return frame
      case 'release':
        this.#release(first, second)
        return frame
      case 'resolve':
      case 'reject':
        this.#checkValue(second, 0)
        return frame
      case 'abort':
        this.#checkValue(first, 0)
        return frame
      default:
        throw badFrame('a message of an unknown kind')
    }
  }

  /** Notes which handle an answer hands out. A method of ours answers a handle itself, never one inside of something. */
  outgoing(frame: unknown): void {
    const [kind, , value] = frame as readonly unknown[]
    if (kind !== 'resolve' || !Array.isArray(value) || value[0] !== 'export') return
    const id = value[1] as number
    this.#open.set(id, (this.#open.get(id) ?? 0) + 1)
  }

  /** `["push", ["pipeline", handle, path, arguments]]`, without arguments when it only names something. */
  #push(frame: readonly unknown[]): unknown {
    const call: unknown = frame[1]
    if (!Array.isArray(call)) throw badFrame('only calls can be pushed')
    const [kind, target, path, args] = call as readonly unknown[]
    if (kind !== 'pipeline' && kind !== 'remap') throw badFrame('only calls can be pushed')
    if (typeof target !== 'number' || !this.#open.has(target)) {
      throw badFrame('a call of something that was not handed out, or was given back')
    }
    if (path !== undefined && !isPath(path)) throw badFrame('the path of a call must be a few names')
    if (kind === 'pipeline' && args !== undefined) {
      if (!Array.isArray(args)) throw badFrame('the arguments of a call must be an array')
      for (const each of args) this.#checkValue(each, 1)
    }
    this.#open.set(++this.#calls, 1)
    if (kind === 'remap') return refused('map')
    if (this.#open.size > 2 * this.#limits.open) throw tooManyOpen(this.#limits.open)
    if (this.#open.size > this.#limits.open) return refused('open')
    if (this.#limits.calls.take()) return frame
    this.#flooded ||= !this.#refusals.take()
    return refused('calls')
  }

  #release(id: unknown, count: unknown): void {
    const held = this.#open.get(id as number)
    if (held === undefined || id === 0) throw badFrame('a message gives back what was not handed out')
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > held) {
      throw badFrame('a message gives something back more often than it was handed out')
    }
    if (count === held) this.#open.delete(id as number)
    else this.#open.set(id as number, held - count)
  }

  #checkValue(value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null) return
    if (depth >= MAX_DEPTH) throw badFrame(`a message is nested more than ${MAX_DEPTH} levels deep`)
    if (!Array.isArray(value)) {
      for (const each of Object.values(value)) this.#checkValue(each, depth + 1)
      return
    }
    // An array that is one comes in another; any other array is a special form.
    const [first] = value
    if (value.length === 1 && Array.isArray(first)) {
      for (const each of first) this.#checkValue(each, depth + 1)
      return
    }
    if (!VALUES.has(first)) throw badFrame('a message holds a value that is not taken here')
    if (first === 'export') this.#checkFunction()
    for (const each of value) this.#checkValue(each, depth + 1)
  }

  #checkFunction(): void {
    if (!this.#limits.functions) throw badFrame('there is nobody here who could be called back')
    if (++this.#functions > MAX_FUNCTIONS) throw badFrame(`a message holds more than ${MAX_FUNCTIONS} functions`)
  }
}

function isPath(path: unknown): boolean {
  return (
    Array.isArray(path) &&
    path.length <= MAX_PATH &&
    path.every((part) => typeof part === 'string' || typeof part === 'number')
  )
}

const REFUSED = 'refused: '

/** A call that fails, in place of one that is not made: those that build on it fail with it, as they must. */
function refused(why: Refusal): unknown {
  return ['push', ['pipeline', 0, [`${REFUSED}${why}`], []]]
}

/**
 * What Cap'n Web says when a call cannot be made, in our words: it throws plain errors, known by their text alone.
 *
 * @returns undefined for an error that is none of these.
 */
export function callFault(error: unknown, { calls, open }: FrameLimits): ItxError | undefined {
  if (!(error instanceof TypeError)) return undefined
  const [, name] = /^'([^]*)' is not a function\.$/.exec(error.message) ?? []
  if (name === undefined) {
    const isLibrary = /^\s+at followPath \(/m.test(error.stack ?? '')
    return isLibrary ? noMethod('that') : undefined
  }
  switch (name) {
    case `${REFUSED}calls`:
      return new ItxError('RATE_LIMITED', `more than ${calls.perSecond} calls in a second`, {
        reason: 'calls',
        limit: calls.perSecond,
        retryAfterMs: calls.wait,
      })
    case `${REFUSED}open`:
      return tooManyOpen(open)
    case `${REFUSED}map`:
      return new ItxError('RATE_LIMITED', 'map is not taken here: one message may make one call', {
        reason: 'map',
        limit: 0,
      })
    default:
      return noMethod(shown(name))
  }
}

function tooManyOpen(limit: number): ItxError {
  return new ItxError('RATE_LIMITED', `more than ${limit} handles and calls are open; dispose some`, {
    reason: 'open',
    limit,
  })
}

function noMethod(name: string): ItxError {
  return new ItxError('BAD_REQUEST', `there is no method ${name} here`, { reason: 'method' })
}

export function badFrame(message: string): ItxError {
  return new ItxError('BAD_REQUEST', message, { reason: 'frame' })
}
