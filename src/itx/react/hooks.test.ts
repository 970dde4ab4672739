import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { WebSocket } from 'ws'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TestTributary, failureOf } from '../../server/testing.ts'
import { ItxError } from '../../streams/errors.ts'
import { encodeInput } from '../../streams/event-input.ts'
import { Connection } from '../client/connection.ts'
import type { WirePage } from '../handle.ts'
import { newestEventsQuery, streamStateQuery } from '../queries.ts'
import { useItxMutation, useItxQuery, useItxStatus, useStreamTail } from './hooks.ts'
import { ItxProvider } from './provider.ts'
import { statusStore } from './stores.ts'

// The hooks without a browser: what they show in a render on the server, and what they do when they are asked. How they
// come and go in a real one is in e2e/mounts.browser.test.ts.

let tributary: TestTributary
let connection: Connection
let queryClient: QueryClient
beforeAll(async () => {
  tributary = await TestTributary.start()
})
beforeEach(() => {
  const headers = { authorization: `Bearer ${tributary.token('editor')}` }
  connection = new Connection(
    () => new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, { headers }) as unknown as globalThis.WebSocket,
  )
  queryClient = new QueryClient({ defaultOptions: { queries: { gcTime: Infinity } } })
})
afterEach(() => connection.close())
afterAll(() => tributary.stop())

/** What a hook answers in one render. */
function rendered<T>(hook: () => T, through: Connection | null = connection): T {
  const answers: T[] = []
  const Reader = (): ReactNode => {
    answers.push(hook())
    return null
  }
  const reader = createElement(Reader)
  const inside = createElement(ItxProvider, { connection: through }, reader)
  renderToString(createElement(QueryClientProvider, { client: queryClient }, inside))
  return answers[0] as T
}

const page: WirePage = {
  events: [2, 1].map((offset) => ({ offset, type: 'a', createdAt: '2026-01-01T00:00:00.000Z' })),
  nextCursor: null,
  maxOffset: 2,
  incarnationId: 'one',
}

describe('on a server', () => {
  test('a tail is the page that the loader brought, in the order of the log', () => {
    queryClient.setQueryData(newestEventsQuery('prj_1', '/a').queryKey, page)
    const tail = rendered(() => useStreamTail('prj_1', '/a'), null)
    expect([tail.status, tail.maxOffset, tail.events.map(({ offset }) => offset)]).toEqual(['connecting', 2, [1, 2]])
  })

  test('a tail without a page is empty, and the state is idle', () => {
    expect(rendered(() => useStreamTail('prj_1', '/b'), null)).toMatchObject({ status: 'connecting', events: [] })
    expect(rendered(useItxStatus, null)).toEqual({ state: 'idle' })
  })

  test('a datum is what the loader brought, and nobody is asked', async () => {
    const query = { ...streamStateQuery('prj_1', '/a'), queryFn: () => Promise.resolve('asked') }
    queryClient.setQueryData(query.queryKey, 'brought')
    expect(rendered(() => useItxQuery(query), null).data).toBe('brought')
    const { mutateAsync } = rendered(() => useItxMutation('prj_1', async () => 'done'), null)
    expect(await failureOf(mutateAsync(undefined))).toEqual(['UNAVAILABLE', 'server'])
  })
})

test('without a provider above they say what is missing', () => {
  const Reader = (): ReactNode => JSON.stringify(useItxStatus())
  expect(() => renderToString(createElement(Reader))).toThrow('ItxProvider')
})

test('a tail needs no query client: outside of the dashboard there may be none', () => {
  const Reader = (): ReactNode => useStreamTail('prj_1', '/a').status
  expect(renderToString(createElement(ItxProvider, { connection: null }, createElement(Reader)))).toBe('connecting')
})

describe('through the connection of the provider', () => {
  test('a query is asked with a handle that is given back', async () => {
    await tributary.streams().append('/asked' as never, [{ type: 'a' }])
    const query = streamStateQuery(tributary.projectId('demo'), '/asked')
    const { refetch } = rendered(() => useItxQuery(query))
    expect((await refetch()).data).toMatchObject({ exists: true, eventCount: 2 })
    const before = connection.stats
    for (let asked = 0; asked < 20; asked++) await refetch()
    expect(connection.stats).toEqual(before)
  })

  test('a mutation acts with a handle that is given back, once', async () => {
    const { mutateAsync } = rendered(() =>
      useItxMutation(tributary.projectId('demo'), async (handle, type: string) => {
        using stream = handle.streams.get('/acted')
        return await stream.append([encodeInput({ type })])
      }),
    )
    expect(await mutateAsync('first')).toMatchObject([{ offset: 2 }])
    const before = connection.stats
    for (let acted = 0; acted < 20; acted++) await mutateAsync('more')
    expect(connection.stats).toEqual(before)
    expect(await failureOf(mutateAsync('stream/forged'))).toEqual(['FORBIDDEN', expect.anything()])
  })

  test.each([
    ['UNAVAILABLE', 2],
    ['INTERNAL', 2],
    ['NOT_FOUND', 1],
    ['FORBIDDEN', 1],
    ['CONFLICT', 1],
    ['RATE_LIMITED', 1],
  ] as const)('a query that fails with %s is asked %i times, a mutation once', async (code, times) => {
    let asked = 0
    const fails = () => {
      asked++
      return Promise.reject(new ItxError(code, 'no'))
    }
    const query = { project: 'demo', queryKey: ['fails', code], staleTime: 0, queryFn: fails }
    // Its own pause between two attempts is a second: nothing here is about that.
    queryClient.setDefaultOptions({ queries: { retryDelay: 0 } })
    const { refetch } = rendered(() => useItxQuery(query))
    expect((await failureOf(refetch({ throwOnError: true })))[0]).toBe(code)
    expect(asked).toBe(times)
    const { mutateAsync } = rendered(() => useItxMutation('demo', fails))
    expect((await failureOf(mutateAsync(undefined)))[0]).toBe(code)
    expect(asked).toBe(times + 1)
  })
})

test('two hundred readers of the state that come and go twice leave no listener behind', () => {
  const { subscribe, getSnapshot } = statusStore(connection)
  let told = 0
  const tell = () => told++
  for (let mount = 0; mount < 200; mount++) {
    // As React's StrictMode does it; all with one function, of which each has an entry of its own.
    subscribe(tell)()
    subscribe(tell)()
  }
  const leave = subscribe(tell)
  const stay = subscribe(tell)
  leave()
  leave()
  connection.fail(new ItxError('UNAVAILABLE', 'away'))
  expect([told, getSnapshot()]).toEqual([1, { state: 'idle' }])
  stay()
  connection.fail(new ItxError('UNAVAILABLE', 'away'))
  expect(told).toBe(1)
})
