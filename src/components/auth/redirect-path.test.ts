import { expect, test } from 'vitest'
import { HOME, redirectPath } from './redirect-path.ts'

// A sign-in page that sends people wherever its link says is a phisher's best friend.

test.each([
  'http://evil.example',
  'https:/evil.example',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\/evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/.//evil.example',
  '/x/..//evil.example',
  'javascript:alert(1)',
  'projects',
  '',
  undefined,
  7,
  ['/projects'],
])('%j leads home', (asked) => {
  expect(redirectPath(asked)).toBe(HOME)
})

test.each(['/projects/demo/streams/a', '/projects?x=1#y', '/projects/demo/streams/a:b@c', '/projects//demo'])(
  '%j is kept',
  (asked) => expect(redirectPath(asked)).toBe(asked),
)
