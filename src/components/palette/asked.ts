import { instantIn } from '../ui/instant-in.ts'

/** What was typed into the palette. */
export type Asked =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'offset'; readonly offset: number }
  /** Milliseconds since 1970. */
  | { readonly kind: 'time'; readonly time: number }
  | { readonly kind: 'wrong'; readonly why: string }

/**
 * `#1234` is an offset, `@2026-09-01T10:00` a time; everything else is looked for.
 *
 * @param zone that times are in when they name none: the one in which the page shows them
 */
export function askedOf(typed: string, zone: string): Asked {
  const text = typed.trim()
  if (text.startsWith('#')) return offsetOf(text.slice(1).replaceAll(/[\s,_.]/g, ''))
  if (text.startsWith('@')) return timeOf(text.slice(1).trim(), zone)
  return { kind: 'text', text }
}

function offsetOf(digits: string): Asked {
  const offset = Number(digits)
  if (/^\d+$/.test(digits) && Number.isSafeInteger(offset)) return { kind: 'offset', offset }
  return { kind: 'wrong', why: 'An offset is a whole number: #1234' }
}

function timeOf(text: string, zone: string): Asked {
  const [, day, clock = '00:00', named] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?))?\s*(Z|[+-]\d{2}:\d{2})?$/i.exec(text) ?? []
  const time =
    named === undefined ? instantIn(`${day}T${clock}`, zone) : Date.parse(`${day}T${clock}${named.toUpperCase()}`)
  return Number.isNaN(time) ? { kind: 'wrong', why: 'A time is written as @2026-09-01T10:00' } : { kind: 'time', time }
}
