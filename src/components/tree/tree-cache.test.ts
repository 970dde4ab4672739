import { QueryClient } from '@tanstack/react-query'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { CatalogueRow, ChildrenOrder } from '../../itx/handle.ts'
import {
  CHILDREN_PAGE,
  type NavigationState,
  itxKey,
  streamChildrenPageQuery,
  streamStateQuery,
} from '../../itx/queries.ts'
import { applyActivity } from './apply-activity.ts'
import { Reread } from './reread.ts'
import { queriesOf, readTreeCache, shapeOf, treeEntry } from './tree-levels.ts'
import { names } from './tree-rows-testing.ts'
import { TreeRows } from './tree-rows.ts'
import { needsOf } from './tree-needs.ts'
import { firstRows } from './use-tree-viewport.ts'

// The tree and the cache that it shares with the page: what is read from it, and what is written into it.

const PROJECT = 'prj_1'
const CREATED = '2026-01-01T00:00:00.000Z'
let queryClient: QueryClient
beforeEach(() => {
  queryClient = new QueryClient({ defaultOptions: { queries: { gcTime: Infinity } } })
})

const row = (path: string, change: Partial<CatalogueRow> = {}): CatalogueRow => ({
  path: path as CatalogueRow['path'],
  name: path.slice(path.lastIndexOf('/') + 1),
  incarnationId: 'i',
  contentType: 'application/json',
  eventCount: 1,
  maxOffset: 1,
  createdAt: CREATED,
  lastEventAt: CREATED,
  paused: false,
  closed: false,
  childCount: 0,
  descendantCount: 0,
  ...change,
})
function stateOf(
  path: string,
  children: readonly CatalogueRow[],
  change: Partial<NavigationState> = {},
): NavigationState {
  const { name: _name, incarnationId: _id, contentType: _type, ...own } = row(path)
  return { ...own, childCount: children.length, exists: true, children, nextAfter: null, ...change }
}
const stateKey = (path: string) => streamStateQuery(PROJECT, path).queryKey
const pageKey = (path: string, order: ChildrenOrder, skip: number) =>
  streamChildrenPageQuery(PROJECT, path, { order, skip }).queryKey
const putState = (path: string, children: readonly CatalogueRow[], change: Partial<NavigationState> = {}) =>
  queryClient.setQueryData(stateKey(path), stateOf(path, children, change))
const putPage = (path: string, order: ChildrenOrder, skip: number, children: readonly CatalogueRow[], total: number) =>
  queryClient.setQueryData(pageKey(path, order, skip), { children, total })
const state = (path: string) => queryClient.getQueryData<NavigationState>(stateKey(path))!
const rowsOf = (current = '/', order: ChildrenOrder = 'name') => {
  const parts = current === '/' ? [] : current.slice(1).split('/')
  const course = ['/', ...parts.map((_, at) => `/${parts.slice(0, at + 1).join('/')}`)]
  const opened = new Map(course.slice(1).map((path) => [path.slice(0, path.lastIndexOf('/')) || '/', [path]]))
  const isOpen = (path: string) => course.includes(path)
  return new TreeRows(shapeOf(readTreeCache(queryClient, PROJECT), { order, course, opened, isOpen, draft: null }))
}
const drawn = (rows: TreeRows) =>
  Array.from({ length: Math.min(rows.count, 12) }, (_, index) => rows.at(index)!).map((each) =>
    each.kind === 'stream' ? `${each.stream.name}${each.stream.absent ? ' absent' : ''}` : each.kind,
  )

describe('read from the cache', () => {
  test('the keys of other data are none of the tree', () => {
    expect(treeEntry(stateKey('/a'), PROJECT)).toEqual({ path: '/a', page: null })
    expect(treeEntry(pageKey('/a', 'created', 200), PROJECT)).toEqual({
      path: '/a',
      page: { order: 'created', skip: 200 },
    })
    expect(treeEntry(stateKey('/a'), 'prj_2')).toBeNull()
    expect(treeEntry(itxKey.project(PROJECT, 'streams', 'children', '/a', 'some-name'), PROJECT)).toBeNull()
    expect(treeEntry(itxKey.project(PROJECT, 'streams', 'newest', '/a'), PROJECT)).toBeNull()
    expect(treeEntry(itxKey.root('projects'), PROJECT)).toBeNull()
  })

  test('by name the first page is part of the state, in the other order it is an entry of its own', () => {
    putState('/', [row('/a'), row('/b')])
    putPage('/', 'created', 0, [row('/b'), row('/a')], 2)
    expect([drawn(rowsOf()), drawn(rowsOf('/', 'created'))]).toEqual([
      ['/', 'a', 'b'],
      ['/', 'b', 'a'],
    ])
  })

  test('the newest answer says how many there are', () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const first = names(CHILDREN_PAGE).map((name) => row(`/${name}`))
    putState('/', first, { childCount: 900, nextAfter: 'c00199' })
    vi.setSystemTime(Date.now() + 1000)
    putPage('/', 'name', 400, [row('/x')], 950)
    expect(rowsOf().count).toBe(951)
    vi.setSystemTime(Date.now() + 1000)
    putState('/', first, { childCount: 1000, nextAfter: 'c00199' })
    expect(rowsOf().count).toBe(1001)
    vi.useRealTimers()
  })

  test('a stream that does not exist yet stands where it will be', () => {
    putState('/', [row('/a'), row('/c')])
    putState('/b', [], { exists: false })
    expect(drawn(rowsOf('/b'))).toEqual(['/', 'a', 'b absent', 'c'])
    expect(rowsOf('/b').at(2)).toMatchObject({ place: 1, setSize: 3, onCourse: true })
    putState('/b', [])
    expect(drawn(rowsOf('/b'))).toEqual(['/', 'a', 'b', 'c'])
    expect(drawn(rowsOf('/b/deep'))).toEqual(['/', 'a', 'b', 'deep absent', 'c'])
  })

  test('a failure stands where the rows would be', async () => {
    putState('/', [row('/a', { childCount: 1 })])
    await queryClient.prefetchQuery({
      queryKey: stateKey('/a'),
      queryFn: () => Promise.reject(new Error('no')),
      retry: false,
    })
    expect(drawn(rowsOf('/a'))).toEqual(['/', 'a', 'failed', 'failed', 'failed'])
  })
})

describe('the first paint', () => {
  test('has 50 rows at most, from the top or from the open stream on, with what is above it', () => {
    putState(
      '/',
      names(150).map((name) => row(`/${name}`, { childCount: 1 })),
    )
    putState('/c00120', [row('/c00120/x')])
    expect(firstRows(rowsOf(), 0)).toEqual(Array.from({ length: 50 }, (_, at) => at))
    const rows = rowsOf('/c00120/x')
    const shown = firstRows(rows, rows.indexOf('/c00120/x'))
    expect([shown.length, shown[0], shown.includes(122)]).toEqual([41, 0, true])
    expect(rows.at(122)).toMatchObject({ stream: { path: '/c00120/x' } })
  })
})

test('needed are the streams that rows are below, those that are open, and the pages of the rows', () => {
  putState(
    '/',
    names(CHILDREN_PAGE).map((name) => row(`/${name}`)),
    { childCount: 5000, nextAfter: 'c00199' },
  )
  const needs = needsOf(rowsOf('/c00003'), { first: 0, end: 3 })
  expect(needs).toEqual({ levels: ['/'], pages: [{ path: '/', page: 0 }] })
  const further = needsOf(rowsOf(), { first: 395, end: 405 })
  expect(further).toEqual({
    levels: ['/'],
    pages: [
      { path: '/', page: 1 },
      { path: '/', page: 2 },
    ],
  })
  const keys = (order: ChildrenOrder) => queriesOf(PROJECT, order, needs).map(({ query }) => query.queryKey)
  expect(keys('name')).toEqual([stateKey('/')])
  expect(keys('created')).toEqual([stateKey('/'), pageKey('/', 'created', 0)])
})

describe('what is told', () => {
  test('is written where tree, breadcrumbs and page read it', () => {
    putState('/', [row('/a'), row('/b')])
    putState('/a', [])
    putPage('/', 'created', 0, [row('/b'), row('/a')], 2)
    const told = row('/a', { eventCount: 5, paused: true, lastEventAt: '2026-01-02T00:00:00.000Z' })
    const { stale, risen } = applyActivity(queryClient, PROJECT, { rows: [told], removed: [] })
    expect(state('/').children[0]).toEqual(told)
    expect(state('/a')).toMatchObject({ eventCount: 5, paused: true })
    expect(queryClient.getQueryData(pageKey('/', 'created', 0))).toMatchObject({ children: [{ path: '/b' }, told] })
    expect([[...stale], risen]).toEqual([[], ['/a']])
  })

  test('of another project changes nothing', () => {
    putState('/', [row('/a')])
    const before = state('/')
    applyActivity(queryClient, 'prj_2', { rows: [row('/a', { eventCount: 9 })], removed: ['/a'] })
    expect(state('/')).toBe(before)
  })

  test('of a new child of the root has the root itself read: nobody tells of its own count', () => {
    putState('/', [row('/a')])
    const { stale, risen } = applyActivity(queryClient, PROJECT, { rows: [row('/b')], removed: [] })
    expect([state('/').childCount, [...stale], risen]).toEqual([2, ['/'], ['/b']])
  })

  test('takes a stream that is gone away, with everything below it', () => {
    putState('/', [row('/a'), row('/ab')])
    putState('/a', [row('/a/b')])
    putState('/a/b', [row('/a/b/c')])
    putState('/ab', [row('/ab/x')])
    const { stale } = applyActivity(queryClient, PROJECT, { rows: [], removed: ['/a'] })
    expect(state('/').children.map(({ path }) => path)).toEqual(['/ab'])
    expect([state('/a').exists, state('/a/b').exists, state('/ab').exists]).toEqual([false, false, true])
    expect([...stale].toSorted()).toEqual(['/', '/a', '/a/b'])
  })

  test('has a long level read anew when it may have another child', () => {
    putState(
      '/a',
      names(CHILDREN_PAGE).map((name) => row(`/a/${name}`)),
      { childCount: 900, nextAfter: 'c00199' },
    )
    const made = row('/a/zzz', { createdAt: '2026-01-03T00:00:00.000Z', lastEventAt: '2026-01-03T00:00:00.000Z' })
    expect([...applyActivity(queryClient, PROJECT, { rows: [made], removed: [] }).stale]).toEqual(['/a'])
  })

  test('counts as risen only when there is more', () => {
    putState('/', [row('/a', { eventCount: 5 }), row('/b')])
    const rows = [row('/a', { eventCount: 5, paused: true }), row('/b', { eventCount: 2 })]
    expect(applyActivity(queryClient, PROJECT, { rows, removed: [] }).risen).toEqual(['/b'])
  })
})

describe('reading anew', () => {
  test('happens at once, and then at most once a second, for the last change too', async () => {
    vi.useFakeTimers()
    try {
      let asked = 0
      putState('/', [])
      const reread = new Reread(queryClient, PROJECT)
      const invalidated = vi.spyOn(queryClient, 'invalidateQueries').mockImplementation(async () => void asked++)
      for (let time = 0; time < 50; time++) reread.level('/')
      expect(asked).toBe(2)
      await vi.advanceTimersByTimeAsync(1000)
      expect(asked).toBe(4)
      await vi.advanceTimersByTimeAsync(10_000)
      expect(asked).toBe(4)
      reread.level('/')
      reread.end()
      reread.level('/')
      await vi.advanceTimersByTimeAsync(10_000)
      expect(asked).toBe(6)
      expect(invalidated.mock.calls[0]![0]).toMatchObject({ queryKey: stateKey('/'), exact: true })
    } finally {
      vi.useRealTimers()
    }
  })

  test('later is left out for what was read meanwhile', async () => {
    vi.useFakeTimers()
    try {
      putState('/', [])
      putState('/a', [])
      const reread = new Reread(queryClient, PROJECT)
      reread.levelsLater(['/', '/a', '/unknown'], 2000)
      await vi.advanceTimersByTimeAsync(1000)
      putState('/a', [])
      await vi.advanceTimersByTimeAsync(1000)
      const stale = ['/', '/a'].map((path) => queryClient.getQueryState(stateKey(path))?.isInvalidated)
      expect(stale).toEqual([true, false])
      reread.end()
    } finally {
      vi.useRealTimers()
    }
  })
})
