/** What the address of a stream's page may ask for. */
export interface StreamSearch {
  /** The offset of the event that is open. */
  readonly at?: number
}

/**
 * Reads search parameters, as the router has them; what cannot be used is left out. The router lays what is returned
 * over what was asked, so that a bad value shows through, for `leftOut` to find: who uses the parameters reads them with
 * this once more.
 */
export function streamSearch({ at }: Readonly<Record<string, unknown>>): StreamSearch {
  return isOffset(at) ? { at } : {}
}

/** What of an address was left out, in words: a link that was mistyped must not look as if it had been followed. */
export function leftOut(search: string): readonly string[] {
  const given = new URLSearchParams(search)
  return [...given].flatMap(([name, value]) => {
    if (name !== 'at') return [`${name}=${value} (this page knows no ${name})`]
    return isOffset(Number(value)) && /^\d+$/.test(value) ? [] : [`at=${value} (an offset is a whole number from 1)`]
  })
}

function isOffset(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
}
