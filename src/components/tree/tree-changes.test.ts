import { describe, expect, test } from 'vitest'
import type { ActivityBatch, CatalogueRow } from '../../itx/handle.ts'
import { CHILDREN_PAGE, type NavigationState } from '../../itx/queries.ts'
import { goneState, levelChanges, patchPage, patchSelf, patchState } from './tree-changes.ts'
import { names } from './tree-rows-testing.ts'

const T0 = '2026-01-01T00:00:00.000Z'
const T1 = '2026-01-01T00:10:00.000Z'

export function row(path: string, change: Partial<CatalogueRow> = {}): CatalogueRow {
  return {
    path: path as CatalogueRow['path'],
    name: path.slice(path.lastIndexOf('/') + 1),
    incarnationId: 'i',
    contentType: 'application/json',
    eventCount: 1,
    maxOffset: 1,
    createdAt: T0,
    lastEventAt: T0,
    paused: false,
    closed: false,
    childCount: 0,
    descendantCount: 0,
    ...change,
  }
}

function state(
  path: string,
  children: readonly CatalogueRow[],
  change: Partial<NavigationState> = {},
): NavigationState {
  const { name: _name, incarnationId: _id, contentType: _type, ...own } = row(path)
  const counts = { childCount: children.length, descendantCount: children.length }
  return { ...own, ...counts, exists: true, children, nextAfter: null, ...change }
}

const batch = (rows: CatalogueRow[], removed: string[] = []): ActivityBatch => ({ rows, removed })
const change = (parent: string, rows: CatalogueRow[], removed: string[] = []) =>
  levelChanges(batch(rows, removed)).get(parent)!
const namesOf = ({ children }: { readonly children: readonly CatalogueRow[] }) => children.map(({ name }) => name)

test('a batch is parted by the streams that its rows are below', () => {
  const changes = levelChanges(batch([row('/a'), row('/a/b'), row('/a/c')], ['/d', '/']))
  expect([...changes.keys()].toSorted()).toEqual(['/', '/a'])
  expect([...changes.get('/a')!.rows.keys()]).toEqual(['/a/b', '/a/c'])
  expect([...changes.get('/')!.removed]).toEqual(['/d'])
})

describe('a level of which all children are known', () => {
  const before = state('/', [row('/a'), row('/c')])

  test('takes a new one in its place, and counts it', () => {
    const { value, uncertain } = patchState(before, change('/', [row('/b', { descendantCount: 2 })]))
    expect([namesOf(value), value.childCount, value.descendantCount, uncertain]).toEqual([['a', 'b', 'c'], 3, 5, false])
  })

  test('takes what a known one is now', () => {
    const { value } = patchState(before, change('/', [row('/c', { eventCount: 9, paused: true, descendantCount: 1 })]))
    expect(value.children[1]).toMatchObject({ eventCount: 9, paused: true })
    expect([value.childCount, value.descendantCount]).toEqual([2, 3])
  })

  test('lets go of one that is gone', () => {
    const { value, uncertain } = patchState(before, change('/', [], ['/a', '/unknown']))
    expect([namesOf(value), value.childCount, uncertain]).toEqual([['c'], 1, false])
  })

  test('keeps one that is gone and there again', () => {
    const { value } = patchState(before, change('/', [row('/a', { incarnationId: 'other' })], ['/a']))
    expect([namesOf(value), value.children[0]!.incarnationId]).toEqual([['a', 'c'], 'other'])
  })

  test('is the same object when nothing has changed: nobody draws it anew', () => {
    expect(patchState(before, change('/', [before.children[0]!])).value).toBe(before)
    expect(patchState(before, change('/', [], ['/unknown'])).value).toBe(before)
  })

  test('that comes to be with its first child exists', () => {
    const absent = state('/', [], { exists: false })
    expect(patchState(absent, change('/', [row('/a')])).value).toMatchObject({ exists: true, childCount: 1 })
  })

  test('that becomes longer than a page counts on, and has to be read', () => {
    const full = state(
      '/',
      names(CHILDREN_PAGE).map((name) => row(`/${name}`)),
    )
    const { value, uncertain } = patchState(full, change('/', [row('/a')]))
    expect([value.children.length, value.childCount, uncertain]).toEqual([CHILDREN_PAGE, CHILDREN_PAGE + 1, true])
    expect(namesOf(value)[0]).toBe('a')
  })
})

describe('a level of which some children are known', () => {
  const some = state(
    '/',
    names(CHILDREN_PAGE).map((name) => row(`/${name}`)),
    { childCount: 900, nextAfter: 'c00199' },
  )

  test('takes what is known as it is now', () => {
    const { value, uncertain } = patchState(some, change('/', [row('/c00003', { eventCount: 7 })]))
    expect([value.children[3]!.eventCount, value.childCount, uncertain]).toEqual([7, 900, false])
  })

  test('has to be read when one is gone, and shows it until then', () => {
    const { value, uncertain } = patchState(some, change('/', [], ['/c00003']))
    expect([value, uncertain]).toEqual([some, true])
  })

  test('has to be read when one may be new, and not when one elsewhere has only grown', () => {
    const isNew = row('/zzz', { createdAt: T1, lastEventAt: T1 })
    const hasGrown = row('/zzz', { createdAt: T0, lastEventAt: T1 })
    expect([isNew, hasGrown].map((told) => patchState(some, change('/', [told])).uncertain)).toEqual([true, false])
  })
})

describe('a page', () => {
  const first = { children: [row('/b', { createdAt: T1 }), row('/a')], total: 2 }

  test('of all there is takes a new one by its order', () => {
    const told = change('/', [row('/aa', { createdAt: '2026-01-01T00:20:00.000Z' })])
    const { value, uncertain } = patchPage(first, { order: 'created', skip: 0 }, told)
    expect([namesOf(value), value.total, uncertain]).toEqual([['aa', 'b', 'a'], 3, false])
  })

  test('further down has to be read when one may be new', () => {
    const told = change('/', [row('/new', { createdAt: T1, lastEventAt: T1 })])
    const { value, uncertain } = patchPage({ ...first, total: 500 }, { order: 'name', skip: 400 }, told)
    expect([value.total, uncertain, namesOf(value)]).toEqual([500, true, ['b', 'a']])
  })

  test('is the same object when nothing has changed', () => {
    expect(patchPage(first, { order: 'name', skip: 0 }, change('/', [first.children[0]!])).value).toBe(first)
  })
})

test('what a stream says of itself follows the list above, but not the number of children that it lists', () => {
  const before = state('/a', [row('/a/b')])
  const told = row('/a', { eventCount: 5, childCount: 4, descendantCount: 9, paused: true })
  expect(patchSelf(before, told)).toEqual({ ...before, eventCount: 5, paused: true })
  expect(patchSelf(patchSelf(before, told), told)).toEqual(patchSelf(before, told))
  expect(patchSelf(goneState(before), told)).toMatchObject({ exists: true, childCount: 4, children: [] })
})

test('of what is gone nothing is left', () => {
  expect(goneState(state('/a', [row('/a/b')], { paused: true }))).toMatchObject({
    path: '/a',
    exists: false,
    paused: false,
    eventCount: 0,
    childCount: 0,
    children: [],
    nextAfter: null,
  })
})
