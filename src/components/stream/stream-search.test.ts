import { describe, expect, test } from 'vitest'
import { leftOut, streamSearch } from './stream-search.ts'

describe('the search parameters of a stream', () => {
  test('name the event to show', () => {
    expect(streamSearch({ at: 1234 })).toEqual({ at: 1234 })
    expect(leftOut('?at=1234')).toEqual([])
    expect(leftOut('')).toEqual([])
  })

  test.each([0, -1, 1.5, Number.NaN, 2 ** 53, '12', 'abc', null, undefined, [1], { at: 1 }])(
    'that cannot be used are as if they were not there: %s',
    (at) => {
      expect(streamSearch({ at })).toEqual({})
    },
  )

  test.each(['?at=abc', '?at=-1', '?at=1.5', '?at=', '?at=1e3', '?att=5', '?at=12&zoom=2'])(
    'that cannot be used are told: %s',
    (search) => {
      expect(leftOut(search)).toHaveLength(1)
    },
  )
})
