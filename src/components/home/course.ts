import type { Point } from '../ui/series.ts'

/**
 * Numbers of whole seconds as they lie now: told at one moment, and moved on by the seconds that have gone by since.
 *
 * @param at when they were told, RFC 3339; the second that was under way is not among them
 * @param on whole seconds since then
 * @param meanwhile what those seconds were; null: nobody knows
 */
export function courseOf(
  values: readonly number[],
  { at, on, meanwhile }: { readonly at: string; readonly on: number; readonly meanwhile: number | null },
): Point[] {
  const gone = Math.min(on, values.length)
  const all = [...values.slice(gone), ...Array.from({ length: gone }, () => meanwhile)]
  const last = Math.floor(Date.parse(at) / 1000) - 1 + on
  return all.map((value, i) => ({ at: (last - all.length + 1 + i) * 1000, value }))
}
