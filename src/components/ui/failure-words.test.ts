import { describe, expect, test } from 'vitest'
import { ITX_ERROR_CODES, ItxError, type ItxErrorCode, type ItxErrorDetails } from '../../streams/errors.ts'
import { failureLine, failureWords } from './failure-words.ts'

// Every failure has words: a sentence of what is the case, and one thing to do at most.

const wordsOf = (code: ItxErrorCode, message: string, details?: ItxErrorDetails, isAct = false) =>
  failureWords(new ItxError(code, message, details), isAct)

test.each(ITX_ERROR_CODES)('%s is a sentence, read and done', (code) => {
  for (const isAct of [false, true]) {
    expect(wordsOf(code, 'the limit is 200', undefined, isAct).what).toBe('The limit is 200.')
  }
})

test.each([
  ['signed out', { reason: 'signed-out', because: 'signed out' }, 'sign-in'],
  ['of other rights', { reason: 'signed-out', because: 'access changed' }, 'reload'],
])('who is %s is told so without a code, and shown the way on', (_what, details, remedy) => {
  expect(wordsOf('FORBIDDEN', 'the server has ended the session', details)).toMatchObject({ remedy })
  expect(failureLine(new ItxError('FORBIDDEN', 'x', details))).not.toContain('FORBIDDEN')
})

test('a project that is gone leads to the others', () => {
  expect(wordsOf('NOT_FOUND', 'project x does not exist', { project: 'x' })).toMatchObject({ remedy: 'projects' })
  expect(wordsOf('NOT_FOUND', 'stream /a does not exist', { path: '/a' })).toMatchObject({ remedy: 'reload' })
})

test('a role that is too small says which one is needed, and who gives it', () => {
  const details = { reason: 'role', operation: 'append', role: 'viewer', needed: 'editor' }
  expect(wordsOf('FORBIDDEN', 'append needs the role editor', details)).toMatchObject({
    advice: 'An admin of the project can give you the role editor.',
    remedy: 'none',
  })
})

describe('whether a deed was done', () => {
  const unknown = 'Whether it was done is not known: look before you send it again.'
  test.each([
    ['UNAVAILABLE', { reason: 'connection-lost' }],
    ['UNAVAILABLE', { reason: 'no-answer' }],
    ['INTERNAL', { correlationId: 'c0ffee' }],
  ] as const)('is not known after %s %j', (code, details) => {
    expect(wordsOf(code, 'x', details, true).advice).toContain(unknown)
    expect(wordsOf(code, 'x', details).advice ?? '').not.toContain(unknown)
  })
  test('is known when nothing was sent, or the server says so', () => {
    expect(wordsOf('UNAVAILABLE', 'x', { reason: 'offline' }, true).advice).toBe('Nothing was sent.')
    expect(wordsOf('UNAVAILABLE', 'nothing was stored: the disk is full', { reason: 'full' }, true)).toEqual({
      code: 'UNAVAILABLE',
      what: 'Nothing was stored: the disk is full.',
      remedy: 'retry',
    })
  })
})

test('an error that is none of ours is told as one of the page', () => {
  expect(failureWords(new TypeError('x is not a function'))).toEqual({
    what: 'Something failed in this page.',
    advice: 'X is not a function.',
    remedy: 'retry',
  })
  expect(failureWords('boom').advice).toBe('boom.')
})

test('a name at the beginning of a message stays as it is written', () => {
  expect(wordsOf('CONFLICT', '/orders is paused', { reason: 'paused' }).what).toBe('/orders is paused.')
  expect(wordsOf('BAD_REQUEST', 'getEvent: by: no object').what).toBe('getEvent: by: no object.')
})

test('in one line the code comes first', () => {
  expect(failureLine(new ItxError('CONFLICT', '/a is closed', { reason: 'closed' }))).toBe(
    'CONFLICT: /a is closed. What is in it stays, and nothing is added.',
  )
})
