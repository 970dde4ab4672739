/** A number at a moment. */
export interface Point {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Null where nothing was measured: a gap, never a zero. */
  readonly value: number | null
}

export interface Summary {
  readonly last: number
  readonly least: number
  readonly most: number
}

/** What a course of numbers comes to; null when there is none. */
export function summaryOf(points: readonly Point[]): Summary | null {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]))
  const last = values.at(-1)
  if (last === undefined) return null
  return {
    last,
    least: values.reduce((a, b) => Math.min(a, b)),
    most: values.reduce((a, b) => Math.max(a, b)),
  }
}

export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0)
}
