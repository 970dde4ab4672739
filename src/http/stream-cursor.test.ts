import fc from 'fast-check'
import { expect, test } from 'vitest'
import { currentInterval, streamCursor } from './stream-cursor.ts'

// Guards `Stream-Cursor`: those at one tail ask for one address, and nobody is answered with what it has seen.

const EPOCH = Date.UTC(2024, 9, 9)
const at = (intervals: number) => () => EPOCH + intervals * 20_000

test('time is counted in intervals of 20 seconds since 9 October 2024', () => {
  expect(currentInterval(EPOCH)).toBe(0)
  expect(currentInterval(EPOCH + 19_999)).toBe(0)
  expect(currentInterval(EPOCH + 20_000)).toBe(1)
  expect(streamCursor(null, at(1234))).toBe('1234')
})

test.each(['', 'abc', '-5', '1e9', '12.5', ' 12', '0x10', '9'.repeat(40)])(
  'the cursor %j of a client counts as none',
  (given) => expect(streamCursor(given, at(7), () => 0.99)).toBe('7'),
)

test('a client that is behind gets the interval of now', () => expect(streamCursor('6', at(7))).toBe('7'))

test.each([
  ['7', 0, '8'],
  ['7', 0.999_999_9, '187'],
  ['1000', 0.5, '1091'],
])('a client at %s, by chance of %s, gets %s', (given, chance, expected) => {
  expect(streamCursor(given, at(7), () => chance)).toBe(expected)
})

test('the cursor is always greater than the client’s, by an hour at most beyond it, and never before now', () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.nat(10_000_000), fc.nat(10_000_000), chance, (own, now, random) => {
      const cursor = Number(streamCursor(String(own), at(now), () => random))
      expect(cursor).toBeGreaterThan(own < now ? now - 1 : own)
      expect(cursor).toBeLessThanOrEqual(Math.max(now, own + 180))
    }),
  )
})
