import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Dialled, TestTributary, eventually } from '../server/testing.ts'
import { parsePath } from '../streams/path.ts'
import type { ActivityBatch, CatalogueRow, StreamsApi } from './handle.ts'

// Activity over a real socket: a reader's copy of the children comes out right, also after its socket was cut, and
// whoever does not listen costs the server next to nothing.

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

let tributary: TestTributary
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(async () => {
  for (const each of dialled.splice(0)) each.socket.terminate()
  await eventually(() => tributary.streams().idle)
})
afterAll(() => tributary.stop())

function itx(): Dialled {
  const socket = tributary.itx('viewer')
  dialled.push(socket)
  return socket
}

const store = (path: string, count = 1) =>
  tributary.streams().append(
    parsePath(path),
    Array.from({ length: count }, () => ({ type: 'a' })),
  )
const storeAll = (parent: string, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => store(`${parent}/${i}`)))

/** The children of a stream, as a reader keeps them: it begins to watch, reads them, and applies what it is told. */
class Children {
  readonly #streams: StreamsApi
  readonly #parent: string
  readonly rows = new Map<string, CatalogueRow>()
  readonly batches: ActivityBatch[] = []

  private constructor(streams: StreamsApi, parent: string) {
    this.#streams = streams
    this.#parent = parent
  }

  static async of(socket: Dialled, parent: string): Promise<Children> {
    const children = new Children(socket.streams(), parent)
    await children.#streams.activity({ paths: [parent] }, (batch) => children.#apply(batch))
    await children.#read()
    return children
  }

  async #read(): Promise<void> {
    for (let after: string | null | undefined; after !== null;) {
      const page = await this.#streams
        .get(this.#parent)
        .children({ limit: 1000, ...(after === undefined ? {} : { after }) })
      for (const row of page.children) this.rows.set(row.path, row)
      after = page.nextAfter
    }
  }

  async #apply(batch: ActivityBatch): Promise<void> {
    this.batches.push(batch)
    for (const path of batch.removed) this.rows.delete(path)
    for (const row of batch.rows) this.rows.set(row.path, row)
    if (batch.overflow) await this.#read()
  }

  get total(): number {
    return [...this.rows.values()].reduce((sum, { eventCount }) => sum + eventCount, 0)
  }
}

async function truth(parent: string): Promise<CatalogueRow[]> {
  const rows: CatalogueRow[] = []
  for (let after: string | null | undefined; after !== null;) {
    const page = await tributary
      .streams()
      .children(parsePath(parent), { limit: 1000, ...(after === undefined ? {} : { after }) })
    rows.push(...page.children)
    after = page.nextAfter
  }
  return rows
}

const sorted = (rows: Iterable<CatalogueRow>) => [...rows].toSorted((a, b) => (a.name < b.name ? -1 : 1))

test('ten thousand children that all change: the copy comes out right, in batches of 500 rows', async () => {
  await storeAll('/many', 10_000)
  const children = await Children.of(itx(), '/many')
  expect(children.rows.size).toBe(10_000)
  for (let round = 0; round < 3; round++) await storeAll('/many', 10_000)
  await eventually(() => children.total === 50_000)
  expect(sorted(children.rows.values())).toEqual(sorted(await truth('/many')))
  expect(Math.max(...children.batches.map(({ rows }) => rows.length))).toBeLessThanOrEqual(500)
})

test('however often something changes, a reader is told twice a second at most', async () => {
  await storeAll('/busy', 3)
  const told: number[] = []
  await itx()
    .streams()
    .activity({ paths: ['/busy'] }, () => void told.push(performance.now()))
  while (told.length < 5) await store(`/busy/${told.length % 3}`)
  // The first comes at once, each after it half a second after the one before; the road takes a different time each time.
  expect(told[4]! - told[0]!).toBeGreaterThan(4 * 400)
})

test('children that come and go, and the watched stream itself, while a reader is connected', async () => {
  const children = await Children.of(itx(), '/tree')
  await storeAll('/tree', 20)
  await tributary.streams().delete(parsePath('/tree/7'))
  await eventually(() => children.rows.size === 19 && !children.rows.has('/tree/7'))
  expect(sorted(children.rows.values())).toEqual(sorted(await truth('/tree')))
  await tributary.streams().delete(parsePath('/tree'), { recursive: true })
  await eventually(() => children.batches.at(-1)?.removed.includes('/tree'))
})

test('after its socket was cut a reader that begins anew has what it missed, and goes on', async () => {
  await storeAll('/cut', 10)
  const socket = itx()
  const first = await Children.of(socket, '/cut')
  socket.socket.terminate()
  await eventually(() => tributary.streams().idle)
  await store('/cut/3', 5)
  await tributary.streams().delete(parsePath('/cut/4'))
  expect(first.batches).toEqual([])
  const second = await Children.of(itx(), '/cut')
  await store('/cut/5')
  await eventually(() => second.rows.get('/cut/5')?.eventCount === 3)
  expect(sorted(second.rows.values())).toEqual(sorted(await truth('/cut')))
})

test('a reader that never takes its first batch is sent no second, and grows the server by less than 5 MB', async () => {
  await storeAll('/stuck', 2000)
  const socket = itx()
  let arrived = 0
  await socket.streams().activity({ paths: ['/stuck'] }, () => {
    arrived++
    return new Promise(() => {})
  })
  const change = () => storeAll('/stuck', 2000)
  await change()
  await eventually(() => arrived === 1)
  const before = usedHeap()
  const bytes = () => socket.received.reduce((sum, message) => sum + message.length, 0)
  const sent = bytes()
  for (let round = 0; round < 10; round++) await change()
  const grown = usedHeap() - before
  for (let i = 0; i < 20; i++) await socket.root.ping()
  expect(arrived).toBe(1)
  expect(bytes() - sent).toBeLessThan(2000)
  expect(grown).toBeLessThan(5 * 2 ** 20)
})

/** Bytes in use by what somebody holds. */
function usedHeap(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

describe('the end', () => {
  test.each(['stopped', 'let go of', 'closed', 'cut'])('one that is %s leaves nothing', async (how) => {
    const socket = itx()
    const activity = await socket.streams().activity({ paths: ['/'] }, () => {})
    expect(tributary.streams().idle).toBe(false)
    if (how === 'stopped') {
      const closed = activity.closed()
      await activity.stop()
      expect(await closed).toEqual({ reason: 'stopped' })
    } else if (how === 'let go of') activity[Symbol.dispose]()
    else if (how === 'closed') socket.socket.close()
    else socket.socket.terminate()
    await eventually(() => tributary.streams().idle)
  })

  test('a callback that fails ends it and is told so', async () => {
    const activity = await itx()
      .streams()
      .activity({ paths: ['/throws'] }, () => {
        throw new Error('no')
      })
    await store('/throws/child')
    expect(await activity.closed()).toEqual({ reason: 'failed' })
  })

  test('deleting the project ends it with "deleted"', async () => {
    tributary.project('doomed')
    await tributary.streams('doomed').append(parsePath('/a/b'), [{ type: 'a' }])
    const socket = tributary.itx('viewer', 'doomed')
    dialled.push(socket)
    const activity = await socket.streams('doomed').activity({ paths: ['/a'] }, () => {})
    const closed = activity.closed()
    await tributary.instance.engine.deleteProject(tributary.projectId('doomed'))
    expect(await closed).toEqual({ reason: 'deleted' })
  })
})

test.each([
  [{}],
  [{ paths: [] }],
  [{ paths: '/a' }],
  [{ paths: ['a'] }],
  [{ paths: ['/a/../..'] }],
  [{ paths: [{}] }],
  [{ paths: Array.from({ length: 101 }, (_, i) => `/${i}`) }],
  [{ paths: ['/a'], more: 1 }],
])('bad arguments are refused: %j', async (options) => {
  const call = itx()
    .streams()
    .activity(options as never, () => {})
  await expect(call).rejects.toMatchObject({ code: 'BAD_REQUEST' })
})

test('without a function it is refused', async () => {
  const call = itx()
    .streams()
    .activity({ paths: ['/a'] }, 'no function' as never)
  await expect(call).rejects.toMatchObject({ code: 'BAD_REQUEST' })
})

test('a read token watches what it reaches and nothing else', async () => {
  const editor = tributary.itx('editor')
  dialled.push(editor)
  const { token } = await editor.root.projects.get('demo').createReadToken({ path: '/shown' })
  const reader = tributary.dial({ authorization: `Bearer ${token}` })
  dialled.push(reader)
  const watch = (...paths: string[]) => reader.streams().activity({ paths }, () => {})
  await expect(watch('/shown', '/hidden')).rejects.toMatchObject({ code: 'FORBIDDEN', details: { reason: 'path' } })
  await expect(watch('/')).rejects.toMatchObject({ code: 'FORBIDDEN', details: { reason: 'path' } })
  expect(tributary.streams().idle).toBe(true)
  await watch('/shown', '/shown/below')
})
