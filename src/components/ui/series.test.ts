import { expect, test } from 'vitest'
import { summaryOf } from './series.ts'

test('a course of numbers is summed up without its gaps', () => {
  const values = [null, 4, 2, null, 9, null]
  expect(summaryOf(values.map((value, at) => ({ at, value })))).toEqual({ last: 9, least: 2, most: 9 })
})

test('no value at all is no course', () => {
  expect(summaryOf([])).toBeNull()
  expect(summaryOf([{ at: 1, value: null }])).toBeNull()
})

test('a zero is a value, and so is what lies below it', () => {
  expect(summaryOf([{ at: 1, value: 0 }])).toEqual({ last: 0, least: 0, most: 0 })
  expect(summaryOf([{ at: 1, value: -3 }])?.least).toBe(-3)
})

test('a course of a hundred thousand numbers is summed up as well', () => {
  const points = Array.from({ length: 100_000 }, (_, at) => ({ at, value: at }))
  expect(summaryOf(points)?.most).toBe(99_999)
})
