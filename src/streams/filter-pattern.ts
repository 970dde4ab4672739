import { RE2JS } from '@bufbuild/re2'
import type { Meter } from './filter-values.ts'

/** Instructions of a compiled pattern, at most: every character of a text may cost as many steps. */
export const MAX_PATTERN_SIZE = 1000
/** States kept of a pattern's automaton; beyond it, matching goes on without keeping them. */
const KEPT_STATES = 1000
/** Units a step costs: sets of instructions are built and compared for it. */
const STEP_UNITS = 3
/** Steps after which what was kept is dropped: each may have added a transition, and texts can be made so that all do. */
const KEPT_STEPS = 500_000

/**
 * A pattern whose matching takes time linear in the text, whatever the pattern: RE2's, not a backtracking engine.
 *
 * Linear is not cheap (a thousand instructions on each of a million characters), so every step is paid for: all of RE2's
 * work beyond a table look-up per character goes through `getInst`.
 */
export class LinearPattern {
  readonly #text: string
  #compiled: RE2JS
  #meter: Meter | null = null
  #steps = 0

  /** @throws {Error} saying what is wrong with the pattern. */
  constructor(text: string) {
    this.#text = text
    this.#compiled = this.#compile()
  }

  /** Whether the pattern is found anywhere in the text. @throws {Exhausted} when that costs more than is left. */
  test(text: string, meter: Meter): boolean {
    if (this.#steps > KEPT_STEPS) this.#compiled = this.#compile()
    // A look-up per character, however often the text was seen.
    meter.spend(1 + text.length / 4)
    this.#meter = meter
    return this.#compiled.test(text)
  }

  #compile(): RE2JS {
    this.#steps = 0
    const compiled = RE2JS.compile(this.#text)
    const { prog, dfa } = compiled.re2()
    const size = prog.numInst()
    if (size > MAX_PATTERN_SIZE) throw new Error(`pattern of ${size} instructions; at most ${MAX_PATTERN_SIZE}`)
    dfa.stateLimit = KEPT_STATES
    const getInst = prog.getInst.bind(prog)
    prog.getInst = (pc) => {
      this.#steps++
      this.#meter?.spend(STEP_UNITS)
      return getInst(pc)
    }
    return compiled
  }
}
