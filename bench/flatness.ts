/** Whether something grows: a line through samples that a few bad ones do not bend. */

export interface Sample {
  /** Since the beginning. */
  readonly seconds: number
  readonly bytes: number
}

export interface Flatness {
  /** Bytes that the line rises by over the time of the samples; negative where it falls. */
  readonly growth: number
  /** How far a sample is from the line, in the middle. */
  readonly scatter: number
  /** The middle of all samples. */
  readonly level: number
  readonly flat: boolean
}

/**
 * The line's slope is the median of the slopes between all pairs of samples (Theil and Sen): up to a quarter of them may be
 * anything, a burst at the beginning, a collection at the end, and it stays where it is. The last sample less the first
 * would be decided by those two.
 *
 * @param allowed growth over the time of the samples, in bytes, that still counts as flat
 * @throws for fewer than ten samples, which say nothing
 */
export function flatness(samples: readonly Sample[], allowed: number): Flatness {
  const [first] = samples
  const last = samples.at(-1)
  if (!first || !last || samples.length < 10)
    throw new Error(`${samples.length} samples are too few for a line; 10 are the least`)
  const slopes = samples.flatMap((one, i) =>
    samples.slice(i + 1).map((other) => (other.bytes - one.bytes) / (other.seconds - one.seconds)),
  )
  const slope = middle(slopes)
  const base = middle(samples.map(({ seconds, bytes }) => bytes - slope * seconds))
  const growth = slope * (last.seconds - first.seconds)
  return {
    growth,
    scatter: middle(samples.map(({ seconds, bytes }) => Math.abs(bytes - base - slope * seconds))),
    level: middle(samples.map(({ bytes }) => bytes)),
    flat: growth <= allowed,
  }
}

function middle(values: readonly number[]): number {
  const sorted = Float64Array.from(values).toSorted()
  const half = sorted.length / 2
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2
}
