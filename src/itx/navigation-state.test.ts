import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestTributary } from '../server/testing.ts'
import { childrenOf, navigationOf } from './navigation-state.ts'
import { CHILDREN_PAGE, itxKey, streamChildrenQuery, streamStateQuery } from './queries.ts'

// Threat: a tab that was loaded from another version of the server gets an answer of another shape, and the tree, which
// every page depends on, breaks for a field it could do without.

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

describe('read leniently', () => {
  test('what is known stays as it is, what is not is left out', () => {
    const newer = { ...row, exists: true, colour: 'blue', processors: [{ broken: 1 }], config: '{' }
    const { name: _name, incarnationId: _id, contentType: _type, ...rest } = row
    expect(navigationOf(newer, '/a/b')).toEqual({ ...rest, exists: true })
    expect(childrenOf({ children: [{ ...row, colour: 1 }], nextAfter: 'b', total: 7 })).toEqual({
      children: [row],
      nextAfter: 'b',
    })
  })

  test('each field may be missing or of another kind, alone', () => {
    for (const key of Object.keys(row)) {
      for (const value of [undefined, null, -1, 1.5, 'x', {}, []]) {
        const parsed = navigationOf({ ...row, exists: true, [key]: value }, '/a/b')
        const others = Object.entries(row).filter(
          ([other]) => other !== key && other !== 'lastEventAt' && other in parsed,
        )
        expect([key, parsed]).toEqual([key, expect.objectContaining(Object.fromEntries(others))])
      }
    }
  })

  test('without a path it is the one that was asked; without exists it is there when it has events', () => {
    expect(navigationOf({ eventCount: 2 }, '/asked')).toMatchObject({ path: '/asked', exists: true, eventCount: 2 })
    expect(navigationOf({}, '/asked')).toMatchObject({ exists: false, eventCount: 0, paused: false, lastEventAt: '' })
  })

  test('a row without a path is left out, and the others are shown', () => {
    const page = { children: [null, 7, {}, { path: 'no-slash' }, { path: '/a/c' }], nextAfter: 7 }
    expect(childrenOf(page)).toMatchObject({ children: [{ path: '/a/c', name: 'c', eventCount: 0 }], nextAfter: null })
  })

  test('whatever comes, it is a state and a page', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (state, page) => {
        const parsed = { ...navigationOf(state, '/x'), ...childrenOf(page) }
        expect(parsed).toMatchObject({
          path: expect.any(String),
          exists: expect.any(Boolean),
          eventCount: expect.any(Number),
          lastEventAt: expect.any(String),
          paused: expect.any(Boolean),
          children: expect.any(Array),
        })
      }),
      { numRuns: 2000 },
    )
  })
})

describe('its entries in the cache', () => {
  let tributary: TestTributary
  beforeAll(async () => {
    tributary = await TestTributary.start()
    const children = Array.from({ length: CHILDREN_PAGE + 5 }, (_, i) => `/many/c${String(i).padStart(4, '0')}`)
    for (const path of children) await tributary.streams().append(path as never, [{ type: 'a' }])
  })
  afterAll(() => tributary.stop())

  test('are by the id of the project, and further pages are entries of their own', async () => {
    const id = tributary.projectId('demo')
    const state = streamStateQuery(id, '/many')
    expect(state.queryKey).toEqual(['itx', 'project', id, 'streams', 'state', '/many'])
    expect(state.queryKey).toEqual(itxKey.project(id, 'streams', 'state', '/many'))
    const { root, socket } = tributary.itx('viewer')
    using project = root.projects.get(id)
    const first = await state.queryFn(project)
    expect(first.children).toHaveLength(CHILDREN_PAGE)
    expect(first).toMatchObject({ path: '/many', exists: true, childCount: CHILDREN_PAGE + 5, nextAfter: 'c0199' })
    const further = streamChildrenQuery(id, '/many', first.nextAfter!)
    expect(further.queryKey).not.toEqual(expect.arrayContaining(['state']))
    expect(further.queryKey).toEqual(['itx', 'project', id, 'streams', 'children', '/many', 'c0199'])
    const rest = await further.queryFn(project)
    expect(rest.children.map(({ name }) => name)).toEqual(['c0200', 'c0201', 'c0202', 'c0203', 'c0204'])
    expect(rest.nextAfter).toBeNull()
    socket.terminate()
  })
})
