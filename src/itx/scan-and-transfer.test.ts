import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Dialled, TestTributary, eventually } from '../server/testing.ts'
import type { ExportPage, ImportChunk, ScanBatch } from './handle.ts'

// Scans, exports and imports over a real socket: bounded, stopped when asked, and nothing left behind.

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

function itx(role: 'viewer' | 'editor' = 'viewer'): Dialled {
  const socket = tributary.itx(role)
  dialled.push(socket)
  return socket
}

const store = (path: string, count: number, payload: (i: number) => unknown = (i) => ({ n: i })) =>
  tributary.streams().append(
    path as never,
    Array.from({ length: count }, (_, i) => ({ type: 'a', payload: JSON.stringify(payload(i)) as never })),
  )
const offsetsOf = (batches: readonly ScanBatch[]) => batches.flatMap(({ events }) => events.map(({ offset }) => offset))

describe('scan', () => {
  test('sends the matches and says when it is done; hostile payloads cross as they are', async () => {
    await store('/scan', 900)
    await store('/scan', 1, () => JSON.parse('{"n":-1,"__proto__":{"x":1},"constructor":1,"toJSON":2}'))
    const batches: ScanBatch[] = []
    const scan = await itx()
      .streams()
      .get('/scan')
      .scan({ filter: 'payload.n >= 890 || payload.constructor == 1' }, (batch) => void batches.push(batch))
    expect(await scan.closed()).toEqual({ reason: 'done' })
    expect(offsetsOf(batches)).toEqual([892, 893, 894, 895, 896, 897, 898, 899, 900, 901, 902])
    expect(batches.at(-1)?.events.at(-1)?.payload).toBe('{"n":-1,"__proto__":{"x":1},"constructor":1,"toJSON":2}')
    expect(batches.at(-1)).toMatchObject({ through: 902, scanned: 902, maxOffset: 902, unjudged: 0 })
    expect(tributary.streams().idle).toBe(true)
  })

  test('waits for each batch to be taken', async () => {
    for (let i = 0; i < 5; i++) await store('/slow', 1000)
    let arrived = 0
    let release = () => {}
    const socket = itx()
    await socket
      .streams()
      .get('/slow')
      .scan({ filter: 'true' }, () => {
        arrived++
        return new Promise<void>((resolve) => (release = resolve))
      })
    await eventually(() => arrived === 1)
    for (let i = 0; i < 20; i++) await socket.root.ping()
    expect(arrived).toBe(1)
    release()
    await eventually(() => arrived === 2)
  })

  test.each(['stopped', 'let go of', 'cut off'])(
    'one that is %s leaves nothing, and sends nothing more',
    async (how) => {
      for (let i = 0; i < 3; i++) await store(`/stop-${how.length}`, 1000)
      let arrived = 0
      const socket = itx()
      const scan = await socket
        .streams()
        .get(`/stop-${how.length}`)
        .scan({ filter: 'true' }, () => {
          arrived++
          return new Promise(() => {})
        })
      await eventually(() => arrived === 1)
      expect(tributary.streams().idle).toBe(false)
      if (how === 'stopped') {
        const closed = scan.closed()
        await scan.stop()
        expect(await closed).toEqual({ reason: 'stopped' })
      } else if (how === 'let go of') scan[Symbol.dispose]()
      else socket.socket.terminate()
      await eventually(() => tributary.streams().idle)
      expect(arrived).toBe(1)
    },
  )

  test('a callback that fails ends it and is told so', async () => {
    await store('/throws', 1)
    const scan = await itx()
      .streams()
      .get('/throws')
      .scan({ filter: 'true' }, () => {
        throw new Error('no')
      })
    expect(await scan.closed()).toEqual({ reason: 'failed' })
  })

  test.each([
    [{ filter: 'payload.' }, { reason: 'filter', field: 'filter', position: { start: 8, end: 8 } }],
    [{ filter: 'payload.x == 1', after: -1 }, {}],
    [{ filter: 7 }, {}],
    [{}, {}],
    [{ filter: 'true', visibleOnly: true }, {}],
    [{ filter: 'true', order: 'up' }, {}],
  ])('bad arguments are refused: %j', async (options, details) => {
    const call = itx()
      .streams()
      .get('/bad')
      .scan(options as never, () => {})
    await expect(call).rejects.toMatchObject({ code: 'BAD_REQUEST', details })
  })

  test('without a function it is refused', async () => {
    const call = itx()
      .streams()
      .get('/bad')
      .scan({ filter: 'true' }, 'no function' as never)
    await expect(call).rejects.toMatchObject({ code: 'BAD_REQUEST', details: { field: 'onBatch' } })
  })
})

describe('export and import', () => {
  async function exported(path: string): Promise<ExportPage> {
    const stream = itx().streams().get(path)
    const first = await stream.export({ limit: 4 })
    const events = [...first.events]
    for (let after = first.nextCursor; after !== null;) {
      const page = await stream.export({
        after,
        incarnationId: first.incarnationId,
        through: first.maxOffset,
        limit: 4,
      })
      events.push(...page.events)
      after = page.nextCursor
    }
    return { ...first, events }
  }

  test('a stream crosses the wire and back, in chunks, hostile keys and all', async () => {
    await store('/out', 9, (i) => JSON.parse(`{"__proto__":${i},"constructor":{"toJSON":1}}`))
    await tributary.streams().setMetadata('/out' as never, JSON.parse('{"__proto__":{"a":1},"constructor":2}'))
    const page = await exported('/out')
    expect(page).toMatchObject({
      path: '/out',
      contentType: 'application/json',
      firstOffset: 1,
      maxOffset: 11,
      baseState: null,
    })
    const stream = itx('editor').streams().get('/in')
    const head = { contentType: page.contentType, firstOffset: page.firstOffset }
    const { incarnationId } = await stream.import({ head, events: page.events.slice(0, 5) })
    expect(await stream.import({ incarnationId, events: page.events.slice(5), last: true })).toEqual({
      incarnationId,
      maxOffset: 11,
    })
    const again = await exported('/in')
    expect(again.events.slice(1)).toEqual(page.events.slice(1))
    expect((await stream.state()).metadata).toBe('{"__proto__":{"a":1},"constructor":2}')
  })

  test('of a log that begins above 1 the state before it goes along as text', async () => {
    const state = { ...(await tributary.streams().state('/none' as never)), createdAt: '2026-01-01T00:00:00.000Z' }
    const { exists: _, ...empty } = state
    const before = {
      ...empty,
      lastEventAt: state.createdAt,
      firstOffset: 10,
      maxOffset: 9,
      eventCount: 9,
      metadata: JSON.parse('{"__proto__":1}'),
    }
    await itx('editor')
      .streams()
      .get('/tail')
      .import({
        head: { contentType: 'application/json', firstOffset: 10, baseState: JSON.stringify(before) },
        events: [{ offset: 10, type: 'a', createdAt: '2026-01-01T00:00:00.000Z' }],
        last: true,
      })
    const page = await exported('/tail')
    expect([page.firstOffset, page.maxOffset, JSON.parse(page.baseState!).metadata]).toEqual([
      10,
      10,
      JSON.parse('{"__proto__":1}'),
    ])
  })

  test('an export that is gone on with after a reset is a conflict', async () => {
    await store('/reset', 9)
    const stream = itx().streams().get('/reset')
    const { incarnationId, nextCursor } = await stream.export({ limit: 2 })
    await tributary.streams().reset('/reset' as never)
    await expect(stream.export({ after: nextCursor!, incarnationId })).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'incarnation' },
    })
  })

  test.each<[unknown]>([
    [undefined],
    [{ events: 'none' }],
    [{ events: [], extra: 1 }],
    [{ head: { contentType: 1, firstOffset: 1 }, events: [] }],
    [{ head: { contentType: 'application/json', firstOffset: 1, baseState: {} }, events: [] }],
    [
      {
        head: { contentType: 'application/json', firstOffset: 1 },
        events: [{ offset: 1, type: 'stream/created', createdAt: 'now' }],
      },
    ],
    [{ incarnationId: 'x', events: [null] }],
  ])('a chunk that is none is refused: %j', async (chunk) => {
    const call = itx('editor')
      .streams()
      .get('/bad')
      .import(chunk as ImportChunk)
    await expect(call).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })
})
