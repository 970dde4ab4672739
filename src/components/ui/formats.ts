const COUNT = new Intl.NumberFormat('en-US')

/** A whole number with thousands apart: the same on server and browser, whatever their locale. */
export function formatCount(count: number): string {
  return COUNT.format(count)
}

/** A count with its noun: `1 event`, `1,204 events`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** A size in bytes, short: `271 B`, `3.2 kB`, `3.2 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const [value, unit] = bytes < 999_950 ? [bytes / 1000, 'kB'] : [bytes / 1_000_000, 'MB']
  return `${value < 99.95 ? value.toFixed(1) : Math.round(value)} ${unit}`
}

/** `2026-11-21` of an ISO time. */
export function isoDay(iso: string): string {
  return iso.slice(0, 10)
}

/** `03:53:29.123` of an ISO time in UTC. */
export function isoClock(iso: string): string {
  return iso.slice(11, 23)
}

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
]

/** How long ago: `3 minutes ago`. Depends on the moment, so never for what the server renders. */
export function formatAgo(iso: string, now = Date.now()): string {
  const elapsed = Date.parse(iso) - now
  const [unit, size] = STEPS.find(([, length]) => Math.abs(elapsed) >= length) ?? ['second', 1000]
  return new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(Math.round(elapsed / size), unit)
}
