import { describe, expect, test } from 'vitest'
import { formatAgo, formatBytes, inZone } from './formats.ts'

describe('a size', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [99_949, '99.9 kB'],
    [99_951, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [45_204_113_000, '45.2 GB'],
    [999_600_000_000, '1.0 TB'],
    [5e15, '5000 TB'],
  ])('of %d bytes is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('a moment', () => {
  test.each([
    ['utc', '2026-11-21 03:53:29.123 UTC'],
    ['Europe/Berlin', '2026-11-21 04:53:29.123 +01:00'],
    ['Asia/Kolkata', '2026-11-21 09:23:29.123 +05:30'],
    ['America/St_Johns', '2026-11-21 00:23:29.123 -03:30'],
    ['Europe/London', '2026-11-21 03:53:29.123 +00:00'],
    // Not shown at all would be worse than in UTC, which it says.
    ['Asia/Atlantis', '2026-11-21 03:53:29.123 UTC'],
  ])('in %s is %s', (zone, text) => {
    expect(told('2026-11-21T03:53:29.123Z', zone)).toBe(text)
  })

  test('has the offset that its zone had then', () => {
    expect(told('2026-07-01T12:00:00.000Z', 'Europe/Berlin')).toBe('2026-07-01 14:00:00.000 +02:00')
  })

  test('may be on another day', () => {
    expect(told('2026-12-31T23:59:59.999Z', 'Asia/Tokyo')).toBe('2027-01-01 08:59:59.999 +09:00')
  })

  test('at midnight is at 00, never at 24', () => {
    expect(told('2026-11-20T23:00:00.000Z', 'Europe/Berlin')).toBe('2026-11-21 00:00:00.000 +01:00')
  })

  test('in the zone of the reader is the one the engine has', () => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
    const local = told('2026-11-21T03:53:29.123Z', 'local')
    expect(local.slice(0, 23)).toBe(told('2026-11-21T03:53:29.123Z', zone).slice(0, 23))
  })
})

describe('how long ago', () => {
  const now = Date.parse('2026-11-21T12:00:00.000Z')
  test.each([
    ['2026-11-21T12:00:00.000Z', 'now'],
    ['2026-11-21T12:00:29.999Z', 'now'],
    ['2026-11-21T12:00:30.000Z', 'in 30 seconds'],
    ['2026-11-21T11:59:59.000Z', '1 second ago'],
    ['2026-11-21T11:57:00.000Z', '3 minutes ago'],
    ['2026-11-20T12:00:00.000Z', 'yesterday'],
    ['2026-11-21T13:00:00.000Z', 'in 1 hour'],
  ])('%s is %s', (iso, text) => {
    expect(formatAgo(iso, now)).toBe(text)
  })
})

function told(iso: string, zone: string): string {
  const { day, clock, offset } = inZone(iso, zone)
  return `${day} ${clock} ${offset}`
}
