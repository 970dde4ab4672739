import { inZone } from './formats.ts'

/**
 * The moment at which the clocks of a zone show a time: what a reader typed, who reads times of that zone everywhere
 * else. Where clocks were put back, and show it twice, the later of both; where they were put forward, and never show
 * it, as if they had not been yet.
 *
 * @param clock `2026-11-21T03:53`, with seconds and milliseconds where they matter, as date fields answer it
 * @param zone `utc`, `local`, or one of the IANA database
 * @returns milliseconds since 1970; NaN for what is no time
 */
export function instantIn(clock: string, zone: string): number {
  const asUtc = Date.parse(`${clock}Z`)
  if (Number.isNaN(asUtc)) return asUtc
  // How far the zone is from UTC depends on the moment that is looked for: the second try has the right one.
  return asUtc - ahead(asUtc - ahead(asUtc, zone), zone)
}

/** Milliseconds that the clocks of a zone are ahead of UTC at a moment. */
function ahead(time: number, zone: string): number {
  const { day, clock } = inZone(new Date(time).toISOString(), zone)
  return Date.parse(`${day}T${clock}Z`) - time
}
