import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { OPERATOR } from '../control-plane/audit.ts'
import { createToken, revokeToken } from '../control-plane/tokens.ts'
import { type ItxClient, connectItx } from '../itx/client/connect.ts'
import { type Door, TestTributary, eventually } from '../server/testing.ts'
import { itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import { encodeInput } from '../streams/event-input.ts'
import type { StreamPath } from '../streams/path.ts'
import { itxSource } from './itx-source.ts'
import type { SourceOptions, SourceReading, StreamSource } from './source.ts'
import { Recorder } from './testing.ts'

// Threat: as of every source, a message lost, said twice or out of order; here over the handle, whose streams have lives.

let tributary: TestTributary
let door: Door
const readings: SourceReading[] = []
const clients: ItxClient[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
  door = tributary.door('admin')
})
afterEach(async () => {
  for (const reading of readings.splice(0)) await reading.close()
  for (const client of clients.splice(0)) client.close()
})
afterAll(() => tributary.stop())

function connect(token = tributary.token('viewer'), project = 'demo'): ItxClient {
  const client = connectItx({ url: tributary.url, token, project })
  clients.push(client)
  return client
}

function sourceOf(path: string, client = connect()): StreamSource {
  return itxSource({ client, path })
}

function read(source: StreamSource, options: Partial<SourceOptions> = {}, recorder = new Recorder()): Recorder {
  readings.push(source.open({ live: true, ...options }, recorder))
  return recorder
}

/** Appends through the engine, so that a restart cannot interrupt it. */
async function store(path: string, from: number, to: number): Promise<void> {
  const events = range(from, to).map((n) => encodeInput({ type: 'n', payload: n }))
  await tributary.streams().append(path as StreamPath, events)
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('what is there, and what comes', () => {
  test('20,000 messages are brought once, in order, and what comes after them', async () => {
    for (let at = 0; at < 20_000; at += 1000) await store('/many', at + 1, at + 1000)
    const reader = read(sourceOf('/many'))
    await eventually(() => reader.isUpToDate)
    expect(reader.messages).toEqual(range(1, 20_000))
    expect(reader.batches.filter(({ upToDate }) => upToDate)).toHaveLength(1)
    for (let i = 1; i <= 20; i++) await store('/many', 20_000 + i, 20_000 + i)
    await eventually(() => reader.messages.length === 20_020)
    expect(reader.messages).toEqual(range(1, 20_020))
    expect([reader.mostInside, reader.restarts, reader.connections]).toEqual([1, 0, [true]])
  })

  test('payloads are the messages, whichever door they came by; the events of the engine are none', async () => {
    await door.put('/doors', '[{"a":1},"text",null]')
    await door.append('/doors', [{ type: 'b', payload: { b: 2 } }, { type: 'bare' }])
    const reader = read(sourceOf('/doors'))
    await eventually(() => reader.isUpToDate)
    expect(reader.messages).toEqual([{ a: 1 }, 'text', null, { b: 2 }, undefined])
    const { maxOffset } = await tributary.streams().state('/doors' as StreamPath)
    expect(reader.last?.place.offset).toBe(String(maxOffset))
  })

  test('a stream that is not there yet is empty, and comes to be', async () => {
    const reader = read(sourceOf('/later'))
    await eventually(() => reader.isUpToDate)
    expect(reader.last?.place).toEqual({ offset: '0' })
    await store('/later', 1, 2)
    await eventually(() => reader.messages.length === 2)
    expect([reader.messages, reader.restarts]).toEqual([[1, 2], 0])
  })

  test('every place is one to come back to: from each of them comes exactly the rest', async () => {
    await store('/places', 1, 3)
    const first = read(sourceOf('/places'))
    await eventually(() => first.isUpToDate)
    await store('/places', 4, 5)
    await eventually(() => first.messages.length === 5)
    const counts = first.batches.map((_, i) => first.batches.slice(0, i + 1).flatMap(({ messages }) => messages).length)
    for (const [i, { place }] of first.batches.entries()) {
      const again = read(sourceOf('/places'), { from: place })
      await eventually(() => again.isUpToDate)
      expect([again.messages, again.restarts], `place ${i}`).toEqual([range((counts[i] ?? 0) + 1, 5), 0])
    }
  })

  test('one batch after the other, and no more than a few ahead of a listener that takes its time', async () => {
    for (let i = 0; i < 10; i++) await store('/slow', i * 1000 + 1, i * 1000 + 1000)
    const recorder = new Recorder()
    const { promise, resolve } = Promise.withResolvers<void>()
    recorder.taking = () => promise
    const client = connect()
    read(sourceOf('/slow', client), {}, recorder)
    await eventually(() => recorder.inside === 1)
    for (let i = 0; i < 20; i++) await client.state('/slow')
    expect([recorder.inside, recorder.batches]).toEqual([1, []])
    resolve()
    await eventually(() => recorder.isUpToDate)
    expect([recorder.messages, recorder.mostInside]).toEqual([range(1, 10_000), 1])
  })

  test('not live: it is over with what is there', async () => {
    for (const from of [1, 1001, 2001]) await store('/once', from, from + 999)
    const source = sourceOf('/once')
    const reader = read(source, { live: false })
    await eventually(() => reader.isUpToDate && tributary.streams().idle)
    await store('/once', 3001, 3001)
    const again = read(source, { live: false, from: reader.place })
    await eventually(() => again.isUpToDate)
    expect([reader.messages.length, again.messages]).toEqual([3000, [3001]])
  })

  test('the end of a stream is told when it comes, and to whoever comes later', async () => {
    await store('/ends', 1, 3)
    const reader = read(sourceOf('/ends'))
    await eventually(() => reader.isUpToDate)
    await tributary.streams().close('/ends' as StreamPath)
    await eventually(() => reader.last?.closed)
    const late = read(sourceOf('/ends'))
    await eventually(() => late.last?.closed)
    const atEnd = read(sourceOf('/ends'), { from: late.place })
    await eventually(() => atEnd.last?.closed)
    expect([reader.messages, late.messages, atEnd.messages]).toEqual([[1, 2, 3], [1, 2, 3], []])
    expect([reader.failure, late.failure, atEnd.failure]).toEqual([null, null, null])
    await eventually(() => tributary.streams().idle)
  })
})

test.each(['pause', 'kill'] as const)(
  'through a server that goes (%s) and comes back: no gap, nothing twice',
  async (how) => {
    const path = `/restarts-${how}`
    await store(path, 1, 10)
    const reader = read(sourceOf(path))
    let stored = 10
    for (let round = 0; round < 3; round++) {
      await eventually(() => reader.messages.length === stored)
      await store(path, stored + 1, stored + 5)
      await tributary[how]()
      await eventually(() => reader.connections.at(-1) === false)
      await tributary.resume()
      await store(path, stored + 6, stored + 10)
      stored += 10
    }
    await eventually(() => reader.messages.length >= stored)
    expect([reader.messages, reader.restarts, reader.failure]).toEqual([range(1, stored), 0, null])
    expect(reader.connections).toEqual([true, false, true, false, true, false, true])
  },
)

describe('another life of the stream', () => {
  const remake = async (path: string, count: number) => {
    await tributary.streams().delete(path as StreamPath)
    await store(path, 101, 100 + count)
  }

  test.each([
    ['shorter', 1],
    ['as long', 3],
    ['longer', 9],
  ])('made anew, %s than it was: all of it, whether it was being read or not', async (name, count) => {
    const path = `/anew-${count}`
    await store(path, 1, 3)
    const online = read(sourceOf(path))
    await eventually(() => online.isUpToDate)
    const from = online.place
    await remake(path, count)
    await eventually(() => online.messages.length === count && online.messages[0] === 101)
    const offline = read(sourceOf(path), { from })
    await eventually(() => offline.isUpToDate)
    for (const reader of [online, offline]) {
      expect([name, reader.messages, reader.restarts]).toEqual([name, range(101, 100 + count), 1])
    }
  })

  test('a place without a life: that the stream ends before it tells', async () => {
    await store('/lifeless', 1, 2)
    const reader = read(sourceOf('/lifeless'), { from: { offset: '99' } })
    await eventually(() => reader.isUpToDate)
    expect([reader.messages, reader.restarts]).toEqual([[1, 2], 1])
  })

  test('reset while it is read', async () => {
    await store('/reset', 1, 3)
    const reader = read(sourceOf('/reset'))
    await eventually(() => reader.isUpToDate)
    await tributary.streams().reset('/reset' as StreamPath)
    await eventually(() => reader.restarts === 1 && reader.isUpToDate)
    expect(reader.messages).toEqual([])
    await store('/reset', 7, 8)
    await eventually(() => reader.messages.length === 2)
    expect(reader.messages).toEqual([7, 8])
  })

  test('one that was closed is open again in its next life', async () => {
    for (let at = 0; at < 8000; at += 1000) await store('/reopened', at + 1, at + 1000)
    await tributary.streams().close('/reopened' as StreamPath)
    const recorder = new Recorder()
    const { promise, resolve } = Promise.withResolvers<void>()
    recorder.taking = () => promise
    read(sourceOf('/reopened'), {}, recorder)
    // The end is known with the first batch, and lies many batches behind it.
    await eventually(() => recorder.inside === 1)
    await tributary.streams().delete('/reopened' as StreamPath)
    resolve()
    await eventually(() => recorder.restarts === 1 && recorder.isUpToDate)
    await store('/reopened', 101, 102)
    await eventually(() => recorder.messages.length === 2)
    expect(recorder.messages).toEqual([101, 102])
    expect(recorder.batches.some(({ closed }) => closed)).toBe(false)
  })

  test('what lies after a place was removed: all that is left, from its start', async () => {
    const { exists: _, ...state } = await tributary.streams().state('/none' as StreamPath)
    const time = '2026-01-01T00:00:00.000Z'
    const before = { ...state, createdAt: time, lastEventAt: time, firstOffset: 10, maxOffset: 9, eventCount: 9 }
    await tributary.streams().import('/left' as StreamPath, {
      head: { contentType: 'application/json', firstOffset: 10, baseState: JSON.stringify(before) },
      events: [{ offset: 10, type: 'a', createdAt: time, payload: '10' }] as never,
      last: true,
    })
    const { incarnationId } = await tributary.streams().state('/left' as StreamPath)
    const reader = read(sourceOf('/left'), { from: { offset: '3', life: incarnationId } })
    await eventually(() => reader.isUpToDate)
    expect([reader.messages, reader.restarts]).toEqual([[10], 1])
  })

  test('deleted: empty, until there is another', async () => {
    await store('/gone', 1, 3)
    const reader = read(sourceOf('/gone'))
    await eventually(() => reader.isUpToDate)
    await tributary.streams().delete('/gone' as StreamPath)
    await eventually(() => reader.restarts === 1 && reader.isUpToDate)
    expect([reader.messages, reader.failure]).toEqual([[], null])
    await store('/gone', 4, 4)
    await eventually(() => reader.messages.length === 1)
    expect([reader.messages, reader.restarts]).toEqual([[4], 1])
  })
})

describe('what time cannot mend ends it', () => {
  const failed = async (reader: Recorder) => {
    const error = await eventually(() => reader.failure)
    return [itxErrorCode(error), itxErrorDetails(error)?.['reason']]
  }

  test('no right, no such project, a bad path', async () => {
    expect(await failed(read(sourceOf('/a', connect('wrong'))))).toEqual(['FORBIDDEN', 'credential'])
    const elsewhere = connect(tributary.token('viewer'), 'nosuch')
    expect((await failed(read(sourceOf('/a', elsewhere))))[0]).toBe('NOT_FOUND')
    expect((await failed(read(sourceOf('no-slash'))))[0]).toBe('BAD_REQUEST')
  })

  test.each(['', '1_0', '-1', '1e3', '99999999999999999999'])('an offset of another kind: "%s"', async (offset) => {
    const reader = read(sourceOf('/kinds'), { from: { offset } })
    expect(itxErrorDetails(await eventually(() => reader.failure))).toEqual({ field: 'from.offset' })
  })

  test('a right that is lost while it reads', async () => {
    await store('/lost', 1, 1)
    const { control } = tributary.instance
    const projectId = tributary.projectId('demo')
    const lost = createToken(control, { projectId, role: 'viewer' })
    const reader = read(sourceOf('/lost', connect(lost.token)))
    await eventually(() => reader.isUpToDate)
    revokeToken(control, { projectId, tokenId: lost.id, by: OPERATOR })
    expect([(await failed(reader))[0], reader.messages]).toEqual(['FORBIDDEN', [1]])
  })

  test('a connection that its maker closes', async () => {
    await store('/shut', 1, 1)
    const client = connect()
    const reader = read(sourceOf('/shut', client))
    await eventually(() => reader.isUpToDate)
    client.close()
    expect(await failed(reader)).toEqual(['UNAVAILABLE', 'closed'])
  })

  test('a listener that fails, with its own error and once', async () => {
    await store('/fails', 1, 1)
    const recorder = new Recorder()
    const own = new Error('disk full')
    recorder.taking = () => Promise.reject(own)
    read(sourceOf('/fails'), {}, recorder)
    expect(await eventually(() => recorder.failure)).toBe(own)
    expect(recorder.inside).toBe(1)
    await eventually(() => tributary.streams().idle)
  })
})

describe('closing', () => {
  test('lets go of the server, tells nothing afterwards, and another reading may begin', async () => {
    await store('/closing', 1, 1)
    const source = sourceOf('/closing')
    const recorder = new Recorder()
    const reading = source.open({ live: true }, recorder)
    expect(() => source.open({ live: true }, new Recorder())).toThrow(/being read already/)
    await eventually(() => recorder.isUpToDate)
    await reading.close()
    await reading.close()
    await eventually(() => tributary.streams().idle)
    expect([recorder.failure, recorder.connections]).toEqual([null, [true]])
    await store('/closing', 2, 2)
    const again = read(source)
    await eventually(() => again.messages.length === 2)
    expect(recorder.messages).toEqual([1])
  })

  test('from within a batch does not wait for that batch', async () => {
    await store('/within', 1, 1)
    const recorder = new Recorder()
    let closed = false
    const reading = sourceOf('/within').open({ live: true }, recorder)
    recorder.taking = () => reading.close().then(() => void (closed = true))
    await eventually(() => closed)
    expect(recorder.failure).toBeNull()
  })
})
