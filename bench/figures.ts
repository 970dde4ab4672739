/** How many measurements become one figure. */

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = 0, high = 0] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : [sorted[middle - 1], sorted[middle]]
  return (low + high) / 2
}

/** The value that a share of all (0.99: p99) does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).toSorted()
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

/** The median of the rounds' ratios: what one round's disk was like is in both of its sides. */
export function ratio(ours: readonly number[], peers: readonly number[]): number {
  return median(ours.map((value, round) => value / (peers[round] ?? Number.NaN)))
}

/**
 * Runs each of several measurements once per round, one after the other, the last first in every second round: disks and
 * neighbours drift, and nobody may always have the better moment.
 */
export async function interleaved<Name extends string>(
  rounds: number,
  measurements: Readonly<Record<Name, (round: number) => Promise<number>>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(measurements) as Name[]
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      values[name].push(await measurements[name](round))
    }
  }
  return values
}
