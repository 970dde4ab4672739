import { storedDeadline } from '../core/expiry.ts'
import type { CoreState } from '../core/state.ts'

/** When a stream is listed as ended by itself, in whole milliseconds; null: never, or so late that no clock gets there. */
export function expiresAt(state: CoreState): number | null {
  const at = Math.floor(storedDeadline(state) ?? NaN)
  return Number.isSafeInteger(at) ? at : null
}
