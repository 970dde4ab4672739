import { expect, test } from 'vitest'
import { matchOf, projectsSearch } from './projects-search.ts'

test('the address says what is looked for; what cannot be looked for is left out', () => {
  expect(projectsSearch({ match: 'pay % _' })).toEqual({ match: 'pay % _' })
  expect(projectsSearch({ match: 42 })).toEqual({ match: '42' })
  expect(projectsSearch({ match: true })).toEqual({ match: 'true' })
  expect(projectsSearch({ match: 'x'.repeat(300) }).match).toHaveLength(100)
  for (const match of [undefined, null, '', '  ', {}, ['a'], () => 'a'])
    expect(projectsSearch({ match })).toStrictEqual({ match: undefined })
  expect(projectsSearch({ match: 'a', page: 7 })).toEqual({ match: 'a' })
})

test('blanks around it are not looked for', () => {
  expect(matchOf({ match: ' two words ' })).toBe('two words')
  expect(matchOf({})).toBe('')
})
