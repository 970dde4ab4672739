const COUNT = new Intl.NumberFormat('en-US')

/** A whole number with thousands apart: the same on server and browser, whatever their locale. */
export function formatCount(count: number): string {
  return COUNT.format(count)
}

/** A count with its noun: `1 event`, `1,204 events`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

const UNITS = ['kB', 'MB', 'GB', 'TB']

/** A size in bytes, short, in steps of a thousand: `271 B`, `3.2 kB`, `45 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  let value = bytes / 1000
  let unit = 0
  // Not 1000: what is rounded to a thousand is one of the next.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 99.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`
}

/** `2026-11-21` of an ISO time. */
function isoDay(iso: string): string {
  return iso.slice(0, 10)
}

/** `03:53:29.123` of an ISO time in UTC. */
function isoClock(iso: string): string {
  return iso.slice(11, 23)
}

/** A moment as the clocks of a zone have it. */
export interface ZonedTime {
  /** `2026-11-21` */
  readonly day: string
  /** `03:53:29.123` */
  readonly clock: string
  /** `UTC`, or how far from it the zone was at that moment: `+05:30`. */
  readonly offset: string
}

/**
 * An ISO time in UTC as it is in a zone.
 *
 * @param zone `utc`, `local`, or one of the IANA database; one that is not known here is shown as UTC, and says so
 */
export function inZone(iso: string, zone: string): ZonedTime {
  const format = zone === 'utc' ? null : formatOf(zone)
  if (format === null) return { day: isoDay(iso), clock: isoClock(iso), offset: 'UTC' }
  const parts = new Map(format.formatToParts(Date.parse(iso)).map(({ type, value }) => [type, value]))
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? ''
  return {
    day: `${part('year')}-${part('month')}-${part('day')}`,
    clock: `${part('hour')}:${part('minute')}:${part('second')}.${part('fractionalSecond')}`,
    offset: part('timeZoneName').replace('GMT', '') || '+00:00',
  }
}

/** A zone as people write it. */
export function zoneName(zone: string): string {
  return zone === 'utc' ? 'UTC' : zone === 'local' ? 'local time' : zone.replaceAll('_', ' ')
}

/** Making one costs a thousand times what using it does. */
const FORMATS = new Map<string, Intl.DateTimeFormat | null>()

function formatOf(zone: string): Intl.DateTimeFormat | null {
  const known = FORMATS.get(zone)
  if (known !== undefined) return known
  const made = newFormat(zone)
  FORMATS.set(zone, made)
  return made
}

function newFormat(zone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-GB', {
      ...(zone !== 'local' && { timeZone: zone }),
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: 3,
      timeZoneName: 'longOffset',
    })
  } catch {
    // A zone that this engine's database does not have: shown in UTC rather than not at all.
    return null
  }
}

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
]

/** Clocks differ, and those of a page move on in steps: what seems to lie this little ahead has just happened. */
const AHEAD_MS = 30_000

/** How long ago: `3 minutes ago`. Depends on the moment, so never for what the server renders. */
export function formatAgo(iso: string, now = Date.now()): string {
  const ahead = Date.parse(iso) - now
  const elapsed = ahead > 0 && ahead < AHEAD_MS ? 0 : ahead
  const [unit, size] = STEPS.find(([, length]) => Math.abs(elapsed) >= length) ?? ['second', 1000]
  return new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(Math.round(elapsed / size), unit)
}
