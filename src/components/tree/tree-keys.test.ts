import { describe, expect, test } from 'vitest'
import { MOST_OPENED, Typing, treeMove } from './tree-keys.ts'
import { TreeRows } from './tree-rows.ts'
import { type TestTree, names, testShape } from './tree-rows-testing.ts'

const children = { '/': ['apple', 'beech', 'birch', 'cedar'], '/beech': ['one', 'two'], '/birch': ['leaf'] }
const rowsOf = (tree: Partial<TestTree> = {}) => new TreeRows(testShape({ children, ...tree }))
const open = { open: ['/beech'] }
const go = (index: number) => ({ kind: 'go', index })
const stay = { kind: 'stay' }

describe('keys', () => {
  test.each([
    ['ArrowDown', 0, go(1)],
    ['ArrowDown', 6, stay],
    ['ArrowUp', 3, go(2)],
    ['ArrowUp', 0, stay],
    ['Home', 5, go(0)],
    ['End', 2, go(6)],
    ['PageDown', 0, go(3)],
    ['PageUp', 5, go(2)],
    ['PageDown', 6, stay],
    ['ArrowRight', 2, go(3)],
    ['ArrowRight', 5, { kind: 'open', paths: ['/birch'] }],
    ['ArrowRight', 1, stay],
    ['ArrowLeft', 2, { kind: 'close', path: '/beech' }],
    ['ArrowLeft', 4, go(2)],
    ['ArrowLeft', 5, go(0)],
    [' ', 1, { kind: 'press' }],
    ['+', 4, { kind: 'create', below: '/beech/two' }],
    ['*', 1, { kind: 'open', paths: ['/birch'] }],
    ['Enter', 1, null],
    ['Tab', 1, null],
    ['a', 1, null],
  ])('%s on row %i', (key, at, move) => {
    expect(treeMove(key, rowsOf(open), at, 4)).toEqual(move)
  })

  test('the root is closed, and left alone when it is', () => {
    const rows = new TreeRows({ ...testShape({ children }), isOpen: () => false })
    expect(treeMove('ArrowLeft', rowsOf(), 0, 4)).toEqual({ kind: 'close', path: '/' })
    expect(treeMove('ArrowLeft', rows, 0, 4)).toEqual(stay)
    expect(treeMove('*', rows, 0, 4)).toEqual({ kind: 'open', paths: ['/'] })
  })

  test('step over the rows that only keep the place of another', () => {
    const rows = rowsOf({ ...open, loaded: { '/beech': [] }, failed: { '/beech': [0] } })
    expect(treeMove('ArrowDown', rows, 2, 4)).toEqual(go(3))
    expect(treeMove('ArrowDown', rows, 3, 4)).toEqual(go(6))
    expect(treeMove('ArrowUp', rows, 6, 4)).toEqual(go(3))
    expect(treeMove('PageDown', rows, 1, 4)).toEqual(go(3))
    const last = rowsOf({
      open: ['/birch'],
      children: { '/': ['birch'], '/birch': ['x'] },
      loaded: { '/birch': [] },
      failed: { '/birch': [0] },
    })
    expect(treeMove('End', last, 0, 4)).toEqual(go(2))
    expect(treeMove('ArrowDown', last, 2, 4)).toEqual(stay)
  })

  test('a star opens what is next to the row first, and not a hundred thousand', () => {
    const many = { '/': names(1000), ...Object.fromEntries(names(1000).map((name) => [`/${name}`, ['x']])) }
    const move = treeMove('*', rowsOf({ children: many }), 501, 4)
    const paths = move?.kind === 'open' ? move.paths : []
    expect(paths).toHaveLength(MOST_OPENED)
    expect(paths[0]).toBe('/c00500')
    expect(paths.every((path) => Math.abs(Number(path.slice(2)) - 500) <= 50)).toBe(true)
  })
})

describe('typing', () => {
  const rows = rowsOf()

  test('goes to the next name that begins so, around the end, in any case', () => {
    expect(new Typing().key('b', rows, 0, 0)).toBe(2)
    expect(new Typing().key('B', rows, 2, 0)).toBe(3)
    expect(new Typing().key('a', rows, 4, 0)).toBe(1)
    expect(new Typing().key('x', rows, 0, 0)).toBeNull()
  })

  test('several letters are one word until there was a pause', () => {
    const typing = new Typing()
    expect(typing.key('b', rows, 0, 0)).toBe(2)
    expect(typing.key('i', rows, 2, 300)).toBe(3)
    expect(typing.key('c', rows, 3, 2000)).toBe(4)
  })

  test('the same letter steps from one to the next', () => {
    const typing = new Typing()
    expect([typing.key('b', rows, 0, 0), typing.key('b', rows, 2, 100), typing.key('b', rows, 3, 200)]).toEqual([
      2, 3, 2,
    ])
  })

  test.each(['?', '/', '*', '+', ' ', 'Enter', 'ArrowDown', 'é'])('leaves %s to others', (key) => {
    expect(new Typing().key(key, rows, 0, 0)).toBeNull()
  })
})
