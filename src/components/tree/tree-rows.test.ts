import { describe, expect, test } from 'vitest'
import { FAILED_ROWS } from './tree-branch.ts'
import { type TreeRow, TreeRows } from './tree-rows.ts'
import { childTowards } from './tree-shape.ts'
import { type TestTree, names, testShape } from './tree-rows-testing.ts'

const rowsOf = (tree: TestTree) => new TreeRows(testShape(tree))
const allOf = (rows: TreeRows) => Array.from({ length: rows.count }, (_, index) => rows.at(index)!)
/** A row as a person would see it: `+ a`, `- b` for one that is open, indented by its level. */
const drawn = (row: TreeRow) => {
  const indent = '  '.repeat(row.level - 1)
  if (row.kind === 'pending') return `${indent}… ${row.place} of ${row.setSize}`
  if (row.kind === 'failed') return `${indent}! ${row.part}`
  if (row.kind === 'draft') return `${indent}new`
  return `${indent}${row.expanded === null ? '' : row.expanded ? '- ' : '+ '}${row.stream.name}`
}
const drawing = (tree: TestTree) => allOf(rowsOf(tree)).map(drawn)

describe('rows', () => {
  const children = { '/': ['a', 'b', 'c'], '/b': ['x', 'y'], '/b/x': ['deep'] }

  test('are the open streams in their order, each followed by what is below it', () => {
    expect(drawing({ children })).toEqual(['- /', '  a', '  + b', '  c'])
    expect(drawing({ children, open: ['/b', '/b/x'] })).toEqual([
      '- /',
      '  a',
      '  - b',
      '    - x',
      '      deep',
      '    y',
      '  c',
    ])
  })

  test('of a stream that is open below a closed one wait until that is opened', () => {
    expect(drawing({ children, open: ['/b/x'] })).toEqual(['- /', '  a', '  + b', '  c'])
  })

  test('say their place among their siblings, and how many there are', () => {
    const rows = allOf(rowsOf({ children, open: ['/b'] })).filter((row) => row.kind === 'stream')
    expect(rows.map(({ level, place, setSize }) => [level, place, setSize])).toEqual([
      [1, 0, 1],
      [2, 0, 3],
      [2, 1, 3],
      [3, 0, 2],
      [3, 1, 2],
      [2, 2, 3],
    ])
  })

  test('have lines beside them where siblings follow, and the course its own', () => {
    const rails = (current: string) => allOf(rowsOf({ children, open: ['/b'], current })).map((row) => row.rails)
    expect(rails('/')).toEqual(['', '1', '1', '11', '10', '0'])
    expect(rails('/c')).toEqual(['', '2', '2', '21', '20', '0'])
    expect(rails('/b/y')).toEqual(['', '2', '1', '12', '10', '0'])
  })

  test('that are not loaded are there, in their number', () => {
    const rows = rowsOf({ children: { '/': names(1000) }, loaded: { '/': [0, 3] } })
    expect(rows.count).toBe(1001)
    expect([rows.at(200), rows.at(201), rows.at(601), rows.at(1000)].map((row) => drawn(row!))).toEqual([
      '  c00199',
      '  … 200 of 1000',
      '  c00600',
      '  … 999 of 1000',
    ])
    expect([rows.indexOf('/c00600'), rows.indexOf('/c00200'), rows.indexOfPlace('/', 200)]).toEqual([601, -1, 201])
  })

  test('of a level of which nothing is known yet are as many as its stream said, or one', () => {
    const tree = { children: { '/': ['a'], '/a': ['x', 'y'] }, open: ['/a'], unknown: ['/a'], loaded: { '/a': [] } }
    expect(drawing(tree)).toEqual(['- /', '  - a', '    … 0 of 2', '    … 1 of 2'])
    expect(drawing({ children: {}, unknown: ['/'], loaded: { '/': [] } })).toEqual(['- /', '  … 0 of 1'])
  })

  test('of a level that failed say why, in one place', () => {
    const tree = { children, open: ['/b'], failed: { '/b': [0] }, loaded: { '/b': [] } }
    expect(drawing(tree)).toEqual(['- /', '  a', '  - b', '    ! 0', '    ! 1', '    ! 2', '  c'])
    expect(rowsOf(tree).count).toBe(4 + FAILED_ROWS)
  })

  test('of a page that failed say so each, as nobody sees all of them', () => {
    const rows = rowsOf({ children: { '/': names(500) }, loaded: { '/': [0, 2] }, failed: { '/': [1] } })
    expect(rows.at(300)).toMatchObject({ kind: 'pending', place: 299, error: { message: 'page 1 of /' } })
    expect(rows.at(450)).toMatchObject({ kind: 'stream' })
  })

  test('begin with the name of a new stream, where one is being made', () => {
    expect(drawing({ children, draft: '/c' })).toEqual(['- /', '  a', '  + b', '  - c', '    new'])
  })
})

describe('the way to the open stream', () => {
  const children = { '/': names(1000), '/c00700': ['x'] }

  test('is shown first where its place is not known, and the others stay as they are', () => {
    const rows = rowsOf({ children, loaded: { '/': [0] }, current: '/c00700/x' })
    expect(allOf(rows).slice(0, 4).map(drawn)).toEqual(['- /', '  - c00700', '    x', '  c00000'])
    expect(rows.at(1)).toMatchObject({ place: null, setSize: 1000, onCourse: true })
    expect(rows.count).toBe(1 + 2 + 1000)
    expect(rows.indexOf('/c00700/x')).toBe(2)
  })

  test('is left out at its own place as soon as that is known', () => {
    const rows = rowsOf({ children, loaded: { '/': [0, 3] }, current: '/c00700/x' })
    expect(rows.at(1)).toMatchObject({ place: 700, setSize: 1000 })
    expect(rows.count).toBe(1 + 2 + 999)
    expect(drawn(rows.at(rows.indexOf('/c00699') + 1)!)).toBe('  c00701')
    expect([rows.indexOf('/c00700'), rows.indexOfPlace('/', 700)]).toEqual([1, 1])
  })

  test('is shown first from the first place on that the first page does not hold', () => {
    const at = (name: string) => {
      const rows = rowsOf({ children: { '/': names(1000) }, current: `/${name}` })
      return rows.indexOf(`/${name}`)
    }
    expect([at('c00199'), at('c00200')]).toEqual([200, 1])
  })

  test('stays in its place where it is on the first page', () => {
    const rows = rowsOf({
      children: { '/': names(1000), '/c00007': ['x'] },
      loaded: { '/': [0] },
      current: '/c00007/x',
    })
    expect(rows.indexOf('/c00007/x')).toBe(9)
    expect(rows.count).toBe(1002)
  })
})

test('a row of 100,000 siblings is found without looking at the others', () => {
  const children = Object.fromEntries([['/', names(100_000)], ...names(100).map((name) => [`/${name}`, ['x']])])
  const shape = testShape({ children, open: names(100).map((name) => `/${name}`) })
  const rows = new TreeRows(shape)
  let levels = 0
  const counting = new TreeRows({ ...shape, level: (path) => (levels++, shape.level(path)) })
  levels = 0
  expect(drawn(counting.at(100_100)!)).toBe(drawn(rows.at(100_100)!))
  expect(drawn(rows.at(100_100)!)).toBe('  c99999')
  expect(levels).toBeLessThan(5)
})

test('there is no row before the first and after the last', () => {
  const rows = rowsOf({ children: { '/': ['a'] } })
  expect([rows.at(-1), rows.at(2)]).toEqual([null, null])
  expect([rows.indexOf('/nope'), rows.indexOf('nope'), rows.indexOfPlace('/', 1)]).toEqual([-1, -1, -1])
})

test('the child on the way down is found by whole names', () => {
  expect([childTowards('/', '/a/b'), childTowards('/a', '/a/b/c'), childTowards('/a', '/ab')]).toEqual([
    '/a',
    '/a/b',
    null,
  ])
  expect([childTowards('/a', '/a'), childTowards('/', '/')]).toEqual([null, null])
})
