import { QueryClient } from '@tanstack/react-query'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type Dialled, TestTributary } from '../server/testing.ts'
import type { ItxApi, ProjectApi } from './handle.ts'
import { prefetchItxQuery } from './prefetch.ts'
import {
  type ItxQueryDefinition,
  projectBySlugQuery,
  projectDescriptionQuery,
  projectOverviewQuery,
  projectsQuery,
  streamChildrenPageQuery,
  streamChildrenQuery,
  streamSearchQuery,
  streamStateQuery,
  whoamiQuery,
} from './queries.ts'

// For how long an answer is good: what the server was asked, over a real socket, as the clock goes on.

let tributary: TestTributary
let socket: Dialled
beforeAll(async () => {
  tributary = await TestTributary.start()
  socket = tributary.itx('viewer')
})
afterEach(() => {
  vi.useRealTimers()
})
afterAll(async () => {
  socket.socket.terminate()
  await tributary.stop()
})

const STATE = 10_000
const LIST = 30_000
const LIVE = 1000
const id = () => tributary.projectId('demo')
const definitions: readonly (readonly [string, () => ItxQueryDefinition<unknown>, number])[] = [
  ['the state of a stream', () => streamStateQuery(id(), '/a'), STATE],
  ['a further page of its children', () => streamChildrenQuery(id(), '/a', 'b'), STATE],
  ['a page of them by age', () => streamChildrenPageQuery(id(), '/a', { order: 'created', skip: 0 }), STATE],
  ['streams by a text', () => streamSearchQuery(id(), 'a'), STATE],
  ['what a project is doing', () => projectOverviewQuery(id()), LIVE],
  ['the projects', () => projectsQuery(), LIST],
  ['a project by its slug', () => projectBySlugQuery('demo'), LIST],
  ['what a project can do', () => projectDescriptionQuery(id()), LIST],
  ['who is signed in', () => whoamiQuery(), LIST],
]

test.each(definitions)('%s is asked once, and again when it is no longer fresh', async (_what, definition, freshMs) => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const queryClient = new QueryClient({ defaultOptions: { queries: { gcTime: Infinity } } })
  let asked = 0
  const run = async <T>({ project, queryFn }: ItxQueryDefinition<T>): Promise<T> => {
    asked++
    if (project === null) return (queryFn as (root: ItxApi) => Promise<T>)(socket.root)
    using handle = socket.root.projects.get(project)
    return await (queryFn as (handle: ProjectApi) => Promise<T>)(handle)
  }
  const prefetch = () => prefetchItxQuery({ queryClient, query: definition(), run, deadlineMs: 10_000 })
  await prefetch()
  expect(queryClient.getQueryData(definition().queryKey)).toBeDefined()
  vi.setSystemTime(Date.now() + freshMs - 1)
  await prefetch()
  expect(asked).toBe(1)
  vi.setSystemTime(Date.now() + 1)
  await prefetch()
  expect(asked).toBe(2)
})

test('what belongs to a project is kept by its id, under which a renamed one finds it again', async () => {
  const { root } = tributary.itx('admin')
  const kept = definitions.map(([, definition]) => definition()).filter(({ project }) => project !== null)
  expect(kept.length).toBeGreaterThan(2)
  for (const { project, queryKey } of kept) expect([project, queryKey[2]]).toEqual([id(), id()])
  const before = kept.map(({ queryKey }) => queryKey)
  const renamed = await root.projects.get('demo').rename({ slug: 'demo-two' })
  expect(
    [streamStateQuery(renamed.id, '/a'), streamChildrenQuery(renamed.id, '/a', 'b')].map((each) => each.queryKey),
  ).toEqual(before.slice(0, 2))
  await root.projects.get('demo-two').rename({ slug: 'demo' })
})
