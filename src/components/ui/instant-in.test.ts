import { expect, test } from 'vitest'
import { instantIn } from './instant-in.ts'

const told = (clock: string, zone: string) => new Date(instantIn(clock, zone)).toISOString()

test.each([
  ['2026-11-21T03:53', 'utc', '2026-11-21T03:53:00.000Z'],
  ['2026-11-21T03:53:29.123', 'Asia/Kolkata', '2026-11-20T22:23:29.123Z'],
  ['2026-07-01T12:00', 'Europe/Berlin', '2026-07-01T10:00:00.000Z'],
  ['2026-12-01T12:00', 'Europe/Berlin', '2026-12-01T11:00:00.000Z'],
  ['2026-01-01T00:00', 'Pacific/Kiritimati', '2025-12-31T10:00:00.000Z'],
  // An hour on either side of both changes of the clocks.
  ['2026-03-29T01:59:59.999', 'Europe/Berlin', '2026-03-29T00:59:59.999Z'],
  ['2026-03-29T03:00', 'Europe/Berlin', '2026-03-29T01:00:00.000Z'],
  ['2026-10-25T01:30', 'Europe/Berlin', '2026-10-24T23:30:00.000Z'],
  ['2026-10-25T03:30', 'Europe/Berlin', '2026-10-25T02:30:00.000Z'],
  // What the clocks show twice, and what they never show.
  ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T01:30:00.000Z'],
  ['2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
])('%s in %s is %s', (clock, zone, iso) => {
  expect(told(clock, zone)).toBe(iso)
})

test('what is no time is none', () => {
  expect(instantIn('', 'utc')).toBeNaN()
  expect(instantIn('2026-13-01T00:00', 'Europe/Berlin')).toBeNaN()
})
