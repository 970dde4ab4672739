// oxlint-disable vitest/expect-expect -- given/when/then is the assertion
import { expect, test } from 'vitest'
import { given } from '../../../testing/index.ts'
import { eventCounter } from './event-counter.ts'

// A producer invents type names; the counter must count them right and stay small, whatever they are.

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
const events = (...types: string[]) => types.map((type) => ({ type }))

test('counts by type, with the first and the newest offset, the core events too', () => {
  given(eventCounter, ...events('stream/created', 'a', 'b', 'a'))
    .when({ type: 'a' })
    .then({
      total: 5,
      types: {
        'stream/created': { count: 1, first: 1, last: 1, lastAt: at(0) },
        a: { count: 3, first: 2, last: 5, lastAt: at(4) },
        b: { count: 1, first: 3, last: 3, lastAt: at(2) },
      },
      other: 0,
    })
})

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', '0'])(
  'counts a type named %s like any other',
  (type) => {
    // Computed by the parser: in a literal, __proto__ would be the prototype.
    const types = JSON.parse(
      `{${JSON.stringify(type)}:${JSON.stringify({ count: 2, first: 1, last: 2, lastAt: at(1) })}}`,
    )
    given(eventCounter, { type }).when({ type }).then({ total: 2, types, other: 0 })
  },
)

test('names the first 500 types, goes on counting those, and counts all others together', () => {
  const names = Array.from({ length: 500 }, (_, index) => `type-${index}`)
  given(eventCounter, ...events(...names))
    .when(events('one too many', 'type-0', 'another', 'type-499', 'one too many', '__proto__', 'constructor'))
    .thenState(({ total, types, other }) => {
      expect([total, Object.keys(types).length, other]).toEqual([507, 500, 5])
      expect(types['type-0']).toEqual({ count: 2, first: 1, last: 502, lastAt: at(501) })
      expect(types['type-499']).toMatchObject({ count: 2, last: 504 })
      expect(Object.hasOwn(types, 'another')).toBe(false)
    })
})

test('stays below the limit of a state when all names are as long as they can be', () => {
  // Three bytes a character, and a state that is over the limit would fail.
  const names = Array.from({ length: 510 }, (_, index) => String(index).padEnd(255, '€'))
  given(eventCounter, ...events(...names))
    .when([])
    .thenState(({ other }) => expect(other).toBe(10))
})
