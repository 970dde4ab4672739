/** How a person wants to see things. Kept in a cookie, so that the server renders the first paint as they want it. */
export interface Preferences {
  readonly theme: 'system' | 'light' | 'dark'
  /** Rows of 28 px, or of 36. */
  readonly density: 'compact' | 'comfortable'
  /** `utc`, `local`, or a zone of the IANA database: `Europe/Berlin`. */
  readonly zone: string
  /** Which of the two stands in the page; the other is in the tooltip. */
  readonly times: 'absolute' | 'relative'
  /** Shortcuts of a single key, which some input devices press by accident (WCAG 2.1.4). */
  readonly keys: 'on' | 'off'
}

export const DEFAULTS: Preferences = {
  theme: 'system',
  density: 'compact',
  zone: 'utc',
  times: 'absolute',
  keys: 'on',
}

const COOKIE = 'tributary-view'
const YEAR_SECONDS = 31_536_000

const CHOICES: Readonly<Record<Exclude<keyof Preferences, 'zone'>, readonly string[]>> = {
  theme: ['system', 'light', 'dark'],
  density: ['compact', 'comfortable'],
  times: ['absolute', 'relative'],
  keys: ['on', 'off'],
}

/** What a Cookie header says; what it does not say, or says wrongly, is as by default. */
export function preferencesOf(cookies: string | null | undefined): Preferences {
  const [, said = ''] = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]*)`).exec(cookies ?? '') ?? []
  const given = new URLSearchParams(decoded(said))
  const found = Object.entries(CHOICES).flatMap(([name, choices]) => {
    const value = given.get(name)
    return value !== null && choices.includes(value) ? [[name, value]] : []
  })
  const zone = given.get('zone')
  return { ...DEFAULTS, ...Object.fromEntries(found), ...(zone !== null && isZone(zone) ? { zone } : {}) }
}

/** What to set as `document.cookie`: only what differs from the defaults. */
export function cookieOf(preferences: Preferences): string {
  const said = Object.entries(preferences).filter(([name, value]) => DEFAULTS[name as keyof Preferences] !== value)
  const value = encodeURIComponent(new URLSearchParams(said as [string, string][]).toString())
  return `${COOKIE}=${value}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`
}

/** Whether times can be shown in it here. */
export function isZone(zone: string): boolean {
  if (zone === 'utc' || zone === 'local') return true
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
