import { expect, test } from 'vitest'
import fc from 'fast-check'
import { globMatcher, literalStart } from './glob.ts'

test.each([
  ['events/*', 'events/a', true],
  ['events/*', 'events', false],
  ['events/*', 'events/a/b', false],
  ['*', 'a', true],
  ['**', 'a/b/c', true],
  ['**/z', 'z', true],
  ['**/z', 'a/b/z', true],
  ['**/z', 'a/z/b', false],
  ['a/**/b/**/c', 'a/b/b/x/c', true],
  ['a/**/b/**/c', 'a/c/b', false],
  ['a/**', 'a', true],
  ['a/b', 'a/b', true],
  ['a/b', 'a/B', false],
  // A star inside a segment is a character like any other.
  ['a*', 'ab', false],
  ['a*', 'a*', true],
  ['%2A/x', '*/x', true],
  ['%2A/x', 'a/x', false],
])('the pattern %s and the name %s: %s', (pattern, name, expected) => {
  expect(globMatcher(pattern)(name)).toBe(expected)
})

/** The rule as it is written down, without any care for how long it takes. */
function slow(pattern: readonly string[], name: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return name.length === 0
  if (first === '**') return slow(rest, name) || (name.length > 0 && slow(pattern, name.slice(1)))
  return name.length > 0 && (first === '*' || first === name[0]) && slow(rest, name.slice(1))
}

test('it matches what the rule says', () => {
  const segment = fc.constantFrom('a', 'b', '*', '**')
  const plain = fc.constantFrom('a', 'b', 'c')
  fc.assert(
    fc.property(
      fc.array(segment, { minLength: 1, maxLength: 7 }),
      fc.array(plain, { minLength: 1, maxLength: 7 }),
      (pattern, name) => {
        expect(globMatcher(pattern.join('/'))(name.join('/'))).toBe(slow(pattern, name))
      },
    ),
    { numRuns: 2000 },
  )
})

test('the worst pattern of 32 segments takes at most 32 x 32 comparisons', () => {
  const pattern = `${'**/a/'.repeat(15)}**/b`
  const name = Array.from({ length: 32 }, () => 'a').join('/')
  const began = performance.now()
  // By trying every way to share the segments this would not end: there are more than 10^8.
  for (let i = 0; i < 1000; i++) expect(globMatcher(pattern)(name)).toBe(false)
  expect(performance.now() - began).toBeLessThan(5000)
})

test('what all matches begin with is known, so that no more of the catalogue is looked through', () => {
  expect(literalStart('events/*')).toEqual(['events'])
  expect(literalStart('a/b')).toEqual(['a', 'b'])
  expect(literalStart('**/a')).toEqual([])
  expect(literalStart('a/%2A/**')).toEqual(['a', '*'])
})
