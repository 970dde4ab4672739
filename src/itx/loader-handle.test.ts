import { QueryClient } from '@tanstack/react-query'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestTributary } from '../server/testing.ts'
import { itxErrorCode } from '../streams/errors.ts'
import type { ItxApi, ProjectApi } from './handle.ts'
import { prefetchItxQuery, runItxQuery } from './prefetch.ts'
import { projectsQuery, streamStateQuery } from './queries.ts'
import { getLoaderItx, getLoaderRoot } from './loader-handle.ts'

// The server's half of a loader's handle: in-process, the same boundary and the same errors as over a socket, and given
// back when the query is done. The framework alone knows which request is being rendered; here the test says it.

let request: Request
vi.mock('@tanstack/react-start/server', () => ({ getRequest: () => request, setResponseStatus: () => {} }))

let tributary: TestTributary
let signedIn: Request
beforeAll(async () => {
  tributary = await TestTributary.start()
  tributary.project('other')
  await tributary.streams().append('/a' as never, [{ type: 'a' }])
  const cookie = await tributary.signIn(await tributary.user('ada@example.com', { demo: 'viewer' }))
  signedIn = new Request(tributary.url, { headers: { cookie } })
})
beforeEach(() => (request = signedIn))
afterAll(() => tributary.stop())

const failure = async (call: PromiseLike<unknown>) =>
  itxErrorCode(
    await Promise.resolve(call).then(
      () => null,
      (error: unknown) => error,
    ),
  )

describe('while a page is rendered', () => {
  test('is that of the reader, through the boundary: arguments are checked, and calls build on one another', async () => {
    using handle = await getLoaderItx('demo')
    expect(await handle.streams.get('/a').state()).toMatchObject({ exists: true, eventCount: 2 })
    expect(await failure(handle.streams.get('bad').state())).toBe('BAD_REQUEST')
    expect(await failure(handle.streams.get('/a').append([{ type: 'x' }]))).toBe('FORBIDDEN')
    expect(await failure(handle.streams.get('/a').read({ limit: 0 }))).toBe('BAD_REQUEST')
    expect(await failure(getLoaderItx('other'))).toBe('NOT_FOUND')
    using root = await getLoaderRoot()
    expect(await root.whoami()).toMatchObject({ email: 'ada@example.com' })
  })

  test('nobody has one, and a prefetch for nobody fails without a word', async () => {
    request = new Request(tributary.url)
    expect(await failure(getLoaderItx('demo'))).toBe('NOT_FOUND')
    expect(await failure(getLoaderRoot())).toBe('NOT_FOUND')
    const queryClient = new QueryClient()
    await prefetchItxQuery({ queryClient, query: streamStateQuery('demo', '/a'), server: true })
    expect(queryClient.getQueryCache().getAll()).toEqual([])
  })

  test('the cache is filled through it', async () => {
    const queryClient = new QueryClient({ defaultOptions: { queries: { gcTime: Infinity } } })
    const query = streamStateQuery(tributary.projectId('demo'), '/a')
    await prefetchItxQuery({ queryClient, query, server: true })
    await prefetchItxQuery({ queryClient, query: projectsQuery(), server: true })
    expect(queryClient.getQueryData(query.queryKey)).toMatchObject({ path: '/a', eventCount: 2 })
    expect(queryClient.getQueryData(projectsQuery().queryKey)).toMatchObject({ projects: [{ slug: 'demo' }] })
  })
})

test.each(['answers', 'fails'])('a handle is given back when its query %s', async (how) => {
  let [project, root]: [ProjectApi | null, ItxApi | null] = [null, null]
  const settle = async (call: Promise<unknown>) => {
    await call
    if (how === 'fails') throw new Error('no')
  }
  const asked = { queryKey: ['kept'], staleTime: 0 }
  const outcomes = await Promise.allSettled([
    runItxQuery({ ...asked, project: 'demo', queryFn: (handle) => settle((project = handle).project()) }),
    runItxQuery({ ...asked, project: null, queryFn: (handle) => settle((root = handle).ping()) }),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(Array(2).fill(how === 'fails' ? 'rejected' : 'fulfilled'))
  await expect((async () => project!.project())()).rejects.toThrow(/disposed/)
  await expect((async () => root!.ping())()).rejects.toThrow(/disposed/)
})
