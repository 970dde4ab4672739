import { expect, test } from 'vitest'
import { courseOf } from './course.ts'

const at = '2026-01-01T00:01:40.500Z'
const second = (n: number) => Date.UTC(2026, 0, 1) + n * 1000

test('the newest number is that of the second before the one in which it was told', () => {
  expect(courseOf([7, 8], { at, on: 0, meanwhile: 0 })).toEqual([
    { at: second(98), value: 7 },
    { at: second(99), value: 8 },
  ])
})

test('as time goes by it moves on, with what is known of the seconds since; there are always as many numbers', () => {
  expect(courseOf([1, 2, 3], { at, on: 2, meanwhile: 0 })).toEqual([
    { at: second(99), value: 3 },
    { at: second(100), value: 0 },
    { at: second(101), value: 0 },
  ])
  expect(courseOf([1, 2, 3], { at, on: 1, meanwhile: null }).at(-1)).toEqual({ at: second(100), value: null })
  expect(courseOf([1, 2, 3], { at, on: 1000, meanwhile: null }).map(({ value }) => value)).toEqual([null, null, null])
})
