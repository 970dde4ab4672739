import { WebSocket } from 'ws'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { Connection } from '../../itx/client/connection.ts'
import { TestTributary } from '../../server/testing.ts'
import { ItxError } from '../../streams/errors.ts'
import { ActivityFeed } from './activity-feed.ts'

// Over a real socket: what is told, what has to be read once more and when, and that nothing stays behind.

let tributary: TestTributary
let connection: Connection
let feed: ActivityFeed
let told: string[]
let begun: { readonly paths: readonly string[]; readonly again: boolean }[]

beforeAll(async () => {
  tributary = await TestTributary.start()
})
beforeEach(() => {
  const headers = { authorization: `Bearer ${tributary.token('viewer')}` }
  connection = new Connection(
    () => new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, { headers }) as unknown as globalThis.WebSocket,
  )
  told = []
  begun = []
  feed = new ActivityFeed({
    source: connection,
    project: tributary.projectId('demo'),
    onBatch: ({ rows, removed }) => {
      told.push(
        ...rows.map(({ path, eventCount }) => `${path} ${eventCount}`),
        ...removed.map((path) => `${path} gone`),
      )
    },
    onBegun: (paths, again) => begun.push({ paths, again }),
  })
})
afterEach(() => {
  feed.close()
  connection.close()
})
afterAll(() => tributary.stop())

const append = (path: string) => tributary.streams().append(path as never, [{ type: 'a' }])
const isTold = (what: string) => vi.waitFor(() => expect(told).toContain(what), 5000)
const isBegun = (count: number) => vi.waitFor(() => expect(begun).toHaveLength(count), 5000)

test('what changes below the streams that are watched is told', async () => {
  feed.watch(['/told'])
  await isBegun(1)
  expect(begun[0]).toEqual({ paths: ['/told'], again: false })
  await append('/told/a')
  await isTold('/told/a 2')
  await append('/elsewhere/a')
  await append('/told/a')
  await isTold('/told/a 3')
  expect(told.filter((what) => what.startsWith('/elsewhere'))).toEqual([])
})

test('of streams that are watched anew only the new ones have to be read, and the others are watched all the time', async () => {
  feed.watch(['/one', '/two'])
  await isBegun(1)
  feed.watch(['/two', '/three'])
  await append('/two/a')
  await isBegun(2)
  await isTold('/two/a 2')
  expect(begun[1]).toEqual({ paths: ['/three'], again: false })
  expect(feed.watched.toSorted()).toEqual(['/three', '/two'])
  await append('/three/a')
  await isTold('/three/a 2')
  await append('/one/a')
  await append('/two/b')
  await isTold('/two/b 2')
  expect(told).not.toContain('/one/a 2')
})

test('the same streams in another order are watched already', async () => {
  feed.watch(['/one', '/two'])
  await isBegun(1)
  const asked = vi.spyOn(connection, 'project')
  feed.watch(['/two', '/one'])
  await append('/one/same')
  await isTold('/one/same 2')
  expect([begun.length, asked.mock.calls.length]).toEqual([1, 0])
})

test('after a broken connection all of them are watched again, and have to be read', async () => {
  feed.watch(['/broken', '/other'])
  await isBegun(1)
  connection.fail(new ItxError('UNAVAILABLE', 'cut', { reason: 'connection-lost' }))
  await append('/broken/a')
  await isBegun(2)
  expect(begun[1]).toEqual({ paths: ['/broken', '/other'], again: true })
  await append('/broken/b')
  await isTold('/broken/b 2')
})

test('many changes of what is watched leave one watching behind, and the end none', async () => {
  feed.watch(['/many/0'])
  await isBegun(1)
  const one = connection.stats
  for (let change = 1; change <= 30; change++) {
    feed.watch([`/many/${change}`])
    if (change % 3 === 0) await vi.waitFor(() => expect(feed.watched).toEqual([`/many/${change}`]), 5000)
  }
  await vi.waitFor(() => expect([feed.watched, connection.stats]).toEqual([['/many/30'], one]), 5000)
  feed.close()
  await vi.waitFor(() => expect(connection.stats?.exports).toBeLessThan(one?.exports ?? 0), 5000)
  await append('/many/30/a')
  using project = await connection.project(tributary.projectId('demo'))
  await project.project()
  expect([feed.watched, told]).toEqual([[], []])
})

test('a project that is not there is asked for again, and a closed feed is not', async () => {
  let asked = 0
  const source = {
    project: () => {
      asked++
      return Promise.reject(new ItxError('NOT_FOUND', 'no'))
    },
  }
  const other = new ActivityFeed({ source, project: 'gone', onBatch: () => {}, onBegun: () => {} })
  vi.useFakeTimers()
  try {
    other.watch(['/a'])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toBeGreaterThan(3)
    expect(asked).toBeLessThan(20)
    other.close()
    const before = asked
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toBe(before)
  } finally {
    vi.useRealTimers()
  }
})
