import { isDeepStrictEqual } from 'node:util'
import type { CoreState } from '../core/state.ts'

/** Whether two states are the same but for the circuit breaker's bucket, which no replay can know. */
export function sameState(a: CoreState, b: CoreState): boolean {
  const [left, right] = [
    { ...a, breaker: null },
    { ...b, breaker: null },
  ]
  return JSON.stringify(left) === JSON.stringify(right) || isDeepStrictEqual(left, right)
}
