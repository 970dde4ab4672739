import { describe, expect, test } from 'vitest'
import { fuzzyMatch, wordsMatch } from './fuzzy.ts'

const order = (query: string, texts: readonly string[]) =>
  texts
    .flatMap((text) => {
      const match = fuzzyMatch(query, text)
      return match ? [{ text, ...match }] : []
    })
    .toSorted((a, b) => b.score - a.score)
    .map(({ text }) => text)

describe('a fuzzy match', () => {
  test('has the letters in their order, in any case, and says where', () => {
    expect(fuzzyMatch('AR7', '/agents/a1/runs/7')).toMatchObject({ at: [8, 11, 16] })
    expect(fuzzyMatch('runs', '/agents/a1/runs/7')).toMatchObject({ at: [11, 12, 13, 14] })
    expect(fuzzyMatch('xyz', '/agents')).toBeNull()
    expect(fuzzyMatch('aag', '/ag')).toBeNull()
    expect(fuzzyMatch('', '/agents')).toEqual({ score: 0, at: [] })
  })

  test('puts what stands together before what is scattered, and segments before middles', () => {
    expect(order('run', ['/r/u/n', '/prunes', '/runs', '/a/run'])).toEqual(['/a/run', '/runs', '/prunes', '/r/u/n'])
  })

  test('never answers positions that do not hold the letters', () => {
    const pairs = ['/', '/aa', '/a/a/a', '/agents/a1', 'ab'].flatMap((text) =>
      ['a', 'aa', 'aaa', '/a', 'a1', 'ab', 'b/'].map((query) => ({ text, query, match: fuzzyMatch(query, text) })),
    )
    const wrong = pairs.filter(
      ({ text, query, match }) => match && match.at.map((position) => text.charAt(position)).join('') !== query,
    )
    expect(wrong).toEqual([])
  })
})

test('an action is found by the beginnings of its words, in any order', () => {
  const label = 'Go to the home of the project'
  expect(wordsMatch('HOME go', label)?.at).toEqual([0, 1, 10, 11, 12, 13])
  expect(wordsMatch('', label)).toMatchObject({ at: [] })
  expect(wordsMatch('ome', label)).toBeNull()
  expect(wordsMatch('home gone', label)).toBeNull()
  expect(wordsMatch('pt', 'Open the previous event')).toBeNull()
})
