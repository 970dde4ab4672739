import { describe, expect, test } from 'vitest'
import { parsePath } from '../streams/path.ts'
import { TestProject, turn } from '../streams/testing.ts'
import { type News, waitForNews } from './long-poll.ts'

// Guards what a long poll hears: nothing that it has already, everything that comes, and the end of what it waits for.

const PATH = parsePath('/s')
const FOREVER = 2 ** 30

interface Waited {
  readonly after?: number
  readonly ms?: number
  readonly signal?: AbortSignal
  readonly incarnationId?: string
}

/** A project with the stream `/s` and its three visible events. */
async function following() {
  const project = new TestProject()
  await project.append('/s', { type: 'a' }, { type: 'b' }, { type: 'c' })
  const { incarnationId, lastVisibleOffset: tail } = await project.streams.state(PATH)
  const wait = (options: Waited = {}) =>
    waitForNews(project.streams, {
      path: PATH,
      incarnationId,
      after: tail,
      ms: FOREVER,
      signal: new AbortController().signal,
      ...options,
    })
  return { project, streams: project.streams, tail, wait, [Symbol.dispose]: () => project[Symbol.dispose]() }
}

/** What has been heard so far. */
async function soFar(news: Promise<News>): Promise<News | 'nothing'> {
  for (let i = 0; i < 20; i++) await turn()
  return Promise.race([news, Promise.resolve('nothing' as const)])
}

test('an event that comes is news, and one that is there already', async () => {
  using given = await following()
  const news = given.wait()
  expect(await soFar(news)).toBe('nothing')
  await given.project.append('/s', { type: 'd' })
  expect(await news).toBe('events')
  expect(await given.wait()).toBe('events')
  expect(await soFar(given.wait({ after: given.tail + 1 }))).toBe('nothing')
})

test('what callers do not see is no news', async () => {
  using given = await following()
  const news = given.wait()
  await given.streams.setMetadata(PATH, { a: 1 })
  await given.project.append('/s/below', { type: 'child' })
  expect(await soFar(news)).toBe('nothing')
  await given.project.append('/s', { type: 'd' })
  expect(await news).toBe('events')
})

test('the end of a stream is heard, its last events before it', async () => {
  using given = await following()
  const [quiet, behind] = [given.wait(), given.wait({ after: given.tail - 1 })]
  expect(await behind).toBe('events')
  await given.streams.close(PATH)
  expect(await quiet).toBe('closed')
  expect(await given.wait()).toBe('closed')
  expect(await given.wait({ after: given.tail - 1 })).toBe('events')
})

test('the last events of a stream are heard before its end, however much that nobody sees comes between', async () => {
  using given = await following()
  const news = given.wait()
  await turn()
  // More than one batch holds, in one commit.
  const unseen = Array.from({ length: 600 }, (_, i) => given.streams.setMetadata(PATH, { i }))
  await Promise.all([...unseen, given.project.append('/s', { type: 'last' }), given.streams.close(PATH)])
  expect(await news).toBe('events')
})

test.each(['delete', 'reset'] as const)('a stream that is no more (%s) is heard of', async (how) => {
  using given = await following()
  const news = given.wait()
  await turn()
  await given.streams[how](PATH)
  expect(await news).toBe('gone')
  await given.project.append('/s', { type: 'of another life' })
  expect(await given.wait()).toBe('gone')
})

test('a wait ends in time', async () => {
  using given = await following()
  expect(await given.wait({ ms: 5 })).toBe('timeout')
})

test('a wait ends with its client, whenever that goes', async () => {
  using given = await following()
  const client = new AbortController()
  const news = given.wait({ signal: client.signal })
  client.abort()
  expect(await news).toBe('gone')
  expect(await given.wait({ signal: client.signal })).toBe('gone')
})

test('a server that stops says nothing about the stream', async () => {
  using given = await following()
  const news = given.wait()
  await turn()
  given.streams.shutdown()
  expect(await news).toBe('timeout')
})

describe('many', () => {
  test('all hear of one event, and nothing is left of them', async () => {
    using given = await following()
    const waiting = Array.from({ length: 10_000 }, () => given.wait())
    await turn()
    expect(given.streams.idle).toBe(false)
    await given.project.append('/s', { type: 'd' })
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['events']))
    expect(given.streams.idle).toBe(true)
  })

  test('share one subscription, which ends with the last of them', async () => {
    using given = await following()
    let subscriptions = 0
    const subscribe = given.streams.subscribe.bind(given.streams)
    given.streams.subscribe = (...args) => {
      subscriptions++
      return subscribe(...args)
    }
    const clients = Array.from({ length: 100 }, () => new AbortController())
    const waiting = clients.map(({ signal }) => given.wait({ signal }))
    await turn()
    for (const client of clients.slice(1)) client.abort()
    await Promise.all(waiting.slice(1))
    expect(given.streams.idle).toBe(false)
    clients[0]?.abort()
    expect(await waiting[0]).toBe('gone')
    expect(given.streams.idle).toBe(true)
    expect(subscriptions).toBe(1)
  })

  test('one that leaves before the subscription has begun leaves none behind', async () => {
    using given = await following()
    const client = new AbortController()
    const news = given.wait({ signal: client.signal })
    client.abort()
    expect(await news).toBe('gone')
    await turn()
    expect(given.streams.idle).toBe(true)
  })
})
