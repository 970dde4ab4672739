import { QueryClient, QueryObserver, dehydrate } from '@tanstack/react-query'
import { WebSocket } from 'ws'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { TestTributary, eventually } from '../server/testing.ts'
import { Connection } from './client/connection.ts'
import { prefetchItxQuery } from './prefetch.ts'
import { type ProjectQuery, streamStateQuery } from './queries.ts'

// A prefetch is an optimisation and never a gate. The queries here go over a real socket to a real server.

let tributary: TestTributary
let connection: Connection
let queryClient: QueryClient
beforeAll(async () => {
  tributary = await TestTributary.start()
  const headers = { authorization: `Bearer ${tributary.token('viewer')}` }
  connection = new Connection(
    () => new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, { headers }) as unknown as globalThis.WebSocket,
  )
  await tributary.streams().append('/a' as never, [{ type: 'a' }])
})
afterEach(() => {
  vi.useRealTimers()
  queryClient.clear()
})
afterAll(async () => {
  connection.close()
  await tributary.stop()
})

async function run<T>(query: unknown): Promise<T> {
  const { project, queryFn } = query as ProjectQuery<T>
  using handle = await connection.project(project)
  return await queryFn(handle)
}

const query = (path = '/a', project = 'demo') => streamStateQuery(project, path)
const entry = (of = query()) => queryClient.getQueryCache().find({ queryKey: of.queryKey, exact: true })
const prefetch = (of = query(), options: object = {}) =>
  prefetchItxQuery({ queryClient, query: of, run, server: true, ...options })
beforeAll(() => (queryClient = new QueryClient()))

describe('on success', () => {
  test('the datum is in the cache, and in what a page takes along', async () => {
    await prefetch()
    expect(queryClient.getQueryData(query().queryKey)).toMatchObject({ path: '/a', exists: true, eventCount: 2 })
    expect(dehydrate(queryClient).queries).toHaveLength(1)
  })

  test('a fresh datum is not fetched again, a stale one is', async () => {
    let runs = 0
    const counting = (each: unknown) => {
      runs++
      return run(each)
    }
    await prefetch(query(), { run: counting })
    await prefetch(query(), { run: counting })
    expect(runs).toBe(1)
    await prefetch({ ...query(), staleTime: 0 }, { run: counting })
    expect(runs).toBe(2)
  })
})

describe('on failure', () => {
  test.each([
    ['a project that is not there', () => query('/a', 'nosuch')],
    ['a path that is none', () => query('bad')],
  ])('of %s it resolves all the same and leaves no entry', async (_what, of) => {
    await prefetch(of())
    expect(entry(of())).toBeUndefined()
    expect(dehydrate(queryClient, { shouldDehydrateQuery: () => true }).queries).toEqual([])
  })

  test('that comes at once, before anything was asked, it resolves all the same', async () => {
    await prefetch()
    // Such a key cannot even be looked up.
    await prefetch({ ...query(), queryKey: [1n] })
    await prefetch(query(), {
      run: () => {
        throw new Error('no')
      },
    })
    expect(entry()?.state.data).toBeDefined()
  })

  test('it tries once, whatever queries do otherwise', async () => {
    queryClient.setDefaultOptions({ queries: { retry: 3, retryDelay: 0 } })
    onTestFinished(() => queryClient.setDefaultOptions({}))
    let runs = 0
    await prefetch(query(), {
      run: () => {
        runs++
        return Promise.reject(new Error('no'))
      },
    })
    expect(runs).toBe(1)
  })

  test('data that was there stays, though the fetch ran and failed', async () => {
    await prefetch()
    const before = queryClient.getQueryData(query().queryKey)
    let ran = false
    await prefetch(
      { ...query(), staleTime: 0 },
      {
        run: async () => {
          ran = true
          return run(query('/a', 'nosuch'))
        },
      },
    )
    expect(ran).toBe(true)
    expect(queryClient.getQueryData(query().queryKey)).toBe(before)
  })

  test('an entry that somebody observes is left to them', async () => {
    const stop = new QueryObserver(queryClient, { queryKey: query('bad').queryKey, enabled: false }).subscribe(() => {})
    await prefetch(query('bad'))
    expect(entry(query('bad'))).toBeDefined()
    stop()
  })
})

describe('at the deadline', () => {
  /** A fetch that is under way until the test ends it. */
  function slow() {
    const gate = Promise.withResolvers<unknown>()
    return { ...gate, run: () => gate.promise }
  }

  test('the server goes on without, and a late answer changes nothing', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const late = slow()
    const done = prefetch(query(), { run: late.run })
    vi.advanceTimersByTime(799)
    await new Promise((resolve) => setImmediate(resolve))
    expect(entry()?.state.fetchStatus).toBe('fetching')
    vi.advanceTimersByTime(1)
    await done
    expect(entry()).toBeUndefined()
    late.resolve({ late: true })
    await late.promise
    vi.useRealTimers()
    expect(entry()).toBeUndefined()
  })

  test('on the server data that was there stays', async () => {
    await prefetch()
    const before = queryClient.getQueryData(query().queryKey)
    const late = slow()
    await prefetch({ ...query(), staleTime: 0 }, { run: late.run, deadlineMs: 1 })
    expect(queryClient.getQueryData(query().queryKey)).toBe(before)
    late.reject(new Error('late'))
    await late.promise.catch(() => {})
    expect(queryClient.getQueryData(query().queryKey)).toBe(before)
  })

  test('the browser only stops waiting: the answer is welcome when it comes', async () => {
    const late = slow()
    await prefetch(query(), { run: late.run, server: false, deadlineMs: 1 })
    expect(entry()?.state.fetchStatus).toBe('fetching')
    late.resolve({ path: '/a' })
    await eventually(() => queryClient.getQueryData(query().queryKey))
    expect(queryClient.getQueryData(query().queryKey)).toEqual({ path: '/a' })
  })

  test('in the browser a failure after it leaves no entry either', async () => {
    const late = slow()
    await prefetch(query(), { run: late.run, server: false, deadlineMs: 1 })
    late.reject(new Error('late'))
    expect(await eventually(() => entry() === undefined)).toBe(true)
  })

  test('no timer is left behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await prefetchItxQuery({
      queryClient: new QueryClient({ defaultOptions: { queries: { gcTime: Infinity } } }),
      query: query(),
      run: () => Promise.resolve({} as never),
    })
    expect(vi.getTimerCount()).toBe(0)
  })
})
