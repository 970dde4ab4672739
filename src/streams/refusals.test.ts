import { expect, test } from 'vitest'
import { ItxError } from './errors.ts'
import { Refusals } from './refusals.ts'

// Guards memory that callers fill: whatever they are refused for, few causes are kept.

const conflict = (reason: string) => new ItxError('CONFLICT', 'no', { reason })

test('refusals count in their second, by code and reason, the most frequent first, for 300 seconds', () => {
  const refusals = new Refusals(0)
  refusals.add(1, conflict('paused'))
  refusals.add(2, conflict('paused'))
  refusals.add(2, new ItxError('BAD_REQUEST', 'no', { field: 'type' }))
  expect(refusals.before(3).slice(-3)).toEqual([0, 1, 2])
  expect(refusals.causes(3)).toEqual([
    { code: 'CONFLICT', reason: 'paused', count: 2 },
    { code: 'BAD_REQUEST', reason: null, count: 1 },
  ])
  // Not before it is over, and not when it is too long ago.
  expect(refusals.causes(2)).toEqual([{ code: 'CONFLICT', reason: 'paused', count: 1 }])
  expect(refusals.causes(302)).toEqual([
    { code: 'CONFLICT', reason: 'paused', count: 1 },
    { code: 'BAD_REQUEST', reason: null, count: 1 },
  ])
  expect(refusals.causes(303)).toEqual([])
})

test('a reason that is none of ours, and an error without a code, count under the code', () => {
  const refusals = new Refusals(0)
  for (const reason of ['<b>', 'x'.repeat(200), 'Upper', '', 7 as never]) refusals.add(1, conflict(reason))
  refusals.add(1, new Error('anything'))
  refusals.add(1, null)
  expect(refusals.causes(2)).toEqual([
    { code: 'CONFLICT', reason: null, count: 5 },
    { code: 'INTERNAL', reason: null, count: 2 },
  ])
})

test('beyond 32 causes no other is kept apart, and none is lost', () => {
  const refusals = new Refusals(0)
  const name = (i: number) => `r${String.fromCharCode(97 + Math.floor(i / 26), 97 + (i % 26))}`
  for (let i = 0; i < 500; i++) refusals.add(1, conflict(name(i)))
  refusals.add(1, conflict(name(0)))
  const causes = refusals.causes(2)
  expect(causes).toHaveLength(33)
  expect(causes.slice(0, 2)).toEqual([
    { code: 'CONFLICT', reason: null, count: 468 },
    { code: 'CONFLICT', reason: 'raa', count: 2 },
  ])
})
