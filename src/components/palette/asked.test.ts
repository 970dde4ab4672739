import { expect, test } from 'vitest'
import { askedOf } from './asked.ts'

test.each([
  ['runs 7', { kind: 'text', text: 'runs 7' }],
  ['  /agents ', { kind: 'text', text: '/agents' }],
  ['#1234', { kind: 'offset', offset: 1234 }],
  ['# 1,234', { kind: 'offset', offset: 1234 }],
  ['@2026-09-01', { kind: 'time', time: Date.UTC(2026, 8, 1) }],
  ['@2026-09-01 10:00', { kind: 'time', time: Date.UTC(2026, 8, 1, 10) }],
  ['@2026-09-01T10:00:01.5+02:00', { kind: 'time', time: Date.UTC(2026, 8, 1, 8, 0, 1, 500) }],
])('%s is understood', (typed, asked) => {
  expect(askedOf(typed, 'utc')).toEqual(asked)
})

test.each(['#', '#-1', '#1e3', '#99999999999999999999', '@', '@yesterday', '@2026-13-41', '@2026-09-01T25:00'])(
  '%s is told what is wrong with it',
  (typed) => {
    expect(askedOf(typed, 'Asia/Tokyo').kind).toBe('wrong')
  },
)

test('a time that names no zone is in the one that times are shown in', () => {
  expect(askedOf('@2026-09-01T10:00', 'Asia/Tokyo')).toEqual({ kind: 'time', time: Date.UTC(2026, 8, 1, 1) })
  expect(askedOf('@2026-09-01T10:00Z', 'Asia/Tokyo')).toEqual({ kind: 'time', time: Date.UTC(2026, 8, 1, 10) })
})
