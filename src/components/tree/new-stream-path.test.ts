import { expect, test } from 'vitest'
import { newStreamPath } from './new-stream-path.ts'

test.each([
  ['/', 'a', '/a'],
  ['/a', 'b', '/a/b'],
  ['/a', ' b ', '/a/b'],
  ['/a', 'b/c', '/a/b/c'],
  ['/a', '/b', '/a/b'],
  ['/a', 'b/', '/a/b'],
  ['/a', 'x/../b', '/a/b'],
])('below %s, %j is %s', (parent, typed, path) => {
  expect(newStreamPath(parent, typed)).toEqual({ path })
})

test.each([
  ['/a', '', 'needs a name'],
  ['/a', '   ', 'needs a name'],
  ['/a', '..', 'is not below /a'],
  ['/a', '.', 'is not below /a'],
  ['/a', '../ab', 'is not below /a'],
  ['/', '..', 'leads above the root'],
  ['/a', 'b//c', 'empty segment'],
  ['/a', 'b c', 'may only contain'],
  ['/a', 'ü', 'may only contain'],
  ['/a', 'x'.repeat(600), 'at most 512'],
  ['/a', Array.from({ length: 32 }, () => 'x').join('/'), 'at most 32'],
])('below %s, %j is refused, with the reason', (parent, typed, problem) => {
  expect(newStreamPath(parent, typed)).toEqual({ path: null, problem: expect.stringContaining(problem) })
})
