import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestTributary } from '../server/testing.ts'
import type { ProjectOverview } from './handle.ts'
import { overviewOf } from './project-overview.ts'
import {
  CHILDREN_PAGE,
  SEARCH_RESULTS,
  itxKey,
  projectOverviewQuery,
  streamChildrenPageQuery,
  streamChildrenQuery,
  streamSearchQuery,
} from './queries.ts'

// Threat: a tab that was loaded from another version of the server gets an overview of another shape, and the first page
// of every project breaks for a field it could do without.

const row = {
  path: '/a/b',
  name: 'b',
  incarnationId: 'i',
  contentType: 'application/json',
  eventCount: 3,
  maxOffset: 3,
  createdAt: '2026-01-01T00:00:00.000Z',
  lastEventAt: '2026-01-02T00:00:00.000Z',
  paused: true,
  closed: false,
  childCount: 1,
  descendantCount: 2,
}
const numbers = (length: number) => Array.from({ length }, (_, i) => i)
const active = { row, appended: numbers(60) }
const whole = {
  at: '2026-01-02T00:00:00.000Z',
  streams: 7,
  appended: numbers(300),
  since: '2026-01-01T00:00:00.000Z',
  subscribers: 2,
  subscribed: numbers(300),
  refused: numbers(300),
  refusals: [{ code: 'CONFLICT', reason: 'paused', count: 4 }],
  recent: [active],
  busiest: [active],
  paused: [row],
  pausedCount: 5,
  parked: [{ path: '/a', processor: 'p', offset: 9, error: 'broken', at: '2026-01-02T00:00:00.000Z' }],
  parkedCount: 6,
}
const READ_AT = Date.UTC(2026, 5, 1)

describe('an overview, read leniently', () => {
  test('stays as it is where it is known, and what is not known is left out', () => {
    expect(overviewOf(whole)).toEqual(whole)
    const newer = { ...whole, colour: 'blue', recent: [{ ...active, p99: 1, row: { ...row, owner: 'me' } }] }
    expect(overviewOf(newer)).toEqual(whole)
  })

  test('of nothing is one of a project that does nothing', () => {
    for (const nothing of [undefined, null, 7, 'text', [], {}]) {
      expect(overviewOf(nothing, READ_AT)).toEqual<ProjectOverview>({
        at: '2026-06-01T00:00:00.000Z',
        streams: 0,
        appended: Array.from({ length: 300 }, () => 0),
        since: '2026-06-01T00:00:00.000Z',
        subscribers: 0,
        subscribed: Array.from({ length: 300 }, () => 0),
        refused: Array.from({ length: 300 }, () => 0),
        refusals: [],
        recent: [],
        busiest: [],
        paused: [],
        pausedCount: 0,
        parked: [],
        parkedCount: 0,
      })
    }
  })

  test('each field may be missing or of another kind, alone', () => {
    for (const key of Object.keys(whole)) {
      for (const value of [undefined, null, -1, 1.5, 'x', {}, [], [7], [null], [{}]]) {
        const { [key as 'at']: _, ...others } = overviewOf({ ...whole, [key]: value }, READ_AT)
        const { [key as 'at']: __, ...expected } = whole
        expect([key, value, others]).toEqual([key, value, expected])
      }
    }
  })

  test('always has 300 numbers of the project and 60 of a stream; what is missing is at the old end', () => {
    const { appended, recent } = overviewOf({
      appended: [1, 'two', -3, 4],
      recent: [{ row, appended: numbers(100) }, { row }],
    })
    expect([appended.length, appended.slice(-5)]).toEqual([300, [0, 1, 0, 0, 4]])
    expect(recent.map((each) => each.appended)).toEqual([numbers(100).slice(40), Array.from({ length: 60 }, () => 0)])
  })

  test('leaves out what could not be opened, and never counts less than it lists', () => {
    const told = overviewOf({
      recent: [null, { row: { path: 'no-slash' } }, { row: { path: '/c' } }],
      paused: [{ name: 'x' }, { path: '/c' }],
      parked: [{ path: '/a' }, { processor: 'p' }, { path: 'a', processor: 'p' }, { path: '/a', processor: 'p' }],
      pausedCount: 0,
    })
    expect(told.recent.map(({ row: { path, name } }) => [path, name])).toEqual([['/c', 'c']])
    expect(told).toMatchObject({ pausedCount: 1, parkedCount: 1 })
    expect(told.parked).toEqual([{ path: '/a', processor: 'p', offset: 0, error: '', at: '' }])
  })

  test('whatever comes, it is one', () => {
    const value = fc.anything()
    const told = fc.oneof(value, fc.dictionary(fc.constantFrom(...Object.keys(whole)), value))
    fc.assert(
      fc.property(told, (each) => {
        const { at, appended, recent, busiest, paused, parked, ...counts } = overviewOf(each, READ_AT)
        expect(Date.parse(at)).not.toBeNaN()
        expect(Date.parse(counts.since)).not.toBeNaN()
        expect([appended.length, appended.every(Number.isSafeInteger)]).toEqual([300, true])
        for (const { appended: own } of [...recent, ...busiest]) expect(own).toHaveLength(60)
        for (const { path } of [...recent.map((found) => found.row), ...paused, ...parked]) expect(path).toMatch(/^\//)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('queries over a project', () => {
  let tributary: TestTributary
  beforeAll(async () => {
    tributary = await TestTributary.start()
    for (let i = 0; i < CHILDREN_PAGE + 5; i++) {
      await tributary.streams().append(`/many/c${String(i).padStart(4, '0')}` as never, [{ type: 'a' }])
    }
  })
  afterAll(() => tributary.stop())

  test('find pages of children in either order, anywhere, each an entry of its own', async () => {
    const id = tributary.projectId('demo')
    const { root, socket } = tributary.itx('viewer')
    using project = root.projects.get(id)
    const page = (order: 'name' | 'created', skip: number) => streamChildrenPageQuery(id, '/many', { order, skip })
    const names = async (order: 'name' | 'created', skip: number) => {
      const { children, total } = await page(order, skip).queryFn(project)
      expect(total).toBe(CHILDREN_PAGE + 5)
      return [children.length, children[0]?.name, children.at(-1)?.name]
    }
    expect(await names('name', 0)).toEqual([CHILDREN_PAGE, 'c0000', 'c0199'])
    expect(await names('name', CHILDREN_PAGE)).toEqual([5, 'c0200', 'c0204'])
    expect(await names('created', 0)).toEqual([CHILDREN_PAGE, 'c0204', 'c0005'])
    expect(await names('created', CHILDREN_PAGE)).toEqual([5, 'c0004', 'c0000'])
    const keys = [page('name', 0), page('name', 200), page('created', 0), streamChildrenQuery(id, '/many', 'name')]
    expect(new Set(keys.map(({ queryKey }) => JSON.stringify(queryKey))).size).toBe(4)
    // One key makes all of them stale.
    const all = itxKey.project(id, 'streams', 'children', '/many')
    for (const { queryKey } of keys) expect(queryKey.slice(0, all.length)).toEqual(all)
    socket.terminate()
  })

  test('find streams by a text, and what the project is doing', async () => {
    const id = tributary.projectId('demo')
    const { root, socket } = tributary.itx('viewer')
    using project = root.projects.get(id)
    const found = await streamSearchQuery(id, 'C00').queryFn(project)
    expect(found.streams.map(({ path }) => path)).toEqual(
      Array.from({ length: SEARCH_RESULTS }, (_, i) => `/many/c00${String(i).padStart(2, '0')}`),
    )
    expect((await streamSearchQuery(id, 'c0204').queryFn(project)).streams).toMatchObject([{ path: '/many/c0204' }])
    expect((await streamSearchQuery(id, 'nothing').queryFn(project)).streams).toEqual([])
    expect(await projectOverviewQuery(id).queryFn(project)).toMatchObject({
      streams: CHILDREN_PAGE + 7,
      recent: { length: 20 },
    })
    socket.terminate()
  })
})
