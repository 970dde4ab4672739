import { DurableStream } from '@durable-streams/client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { OPERATOR } from '../control-plane/audit.ts'
import { createToken, revokeToken } from '../control-plane/tokens.ts'
import { type Door, TestTributary, eventually } from '../server/testing.ts'
import { itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import { type HttpStreamOptions, httpSource } from './http-source.ts'
import type { SourceOptions, SourceReading, StreamSource } from './source.ts'
import { Recorder } from './testing.ts'

// Threat: a message lost, said twice or out of order, whatever becomes of the connection, the server and the stream.

let tributary: TestTributary
let door: Door
let token: string
const readings: SourceReading[] = []
beforeAll(async () => {
  tributary = await TestTributary.start({ TRIBUTARY_LONG_POLL_MS: '600000' })
  door = tributary.door('admin')
  token = tributary.token('viewer')
})
afterEach(async () => {
  for (const reading of readings.splice(0)) await reading.close()
})
afterAll(() => tributary.stop())

const SOON = { firstRetryMs: 2, lastRetryMs: 20 }

function sourceOf(path: string, options: Partial<HttpStreamOptions> = {}): StreamSource {
  const url = `${tributary.url}/api/streams/demo${path}`
  const headers = { authorization: `Bearer ${token}` }
  return httpSource({ streamOptions: { url, headers, ...options }, ...SOON })
}

function read(source: StreamSource, options: Partial<SourceOptions> = {}, recorder = new Recorder()): Recorder {
  readings.push(source.open({ live: true, ...options }, recorder))
  return recorder
}

/** Numbers as messages, in a stream that is made when it is not there. */
async function store(path: string, from: number, to: number): Promise<void> {
  await door.put(path)
  expect((await door.post(path, JSON.stringify(range(from, to)))).status).toBe(204)
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('what is there, and what comes', () => {
  test('20,000 messages are brought once, in order, by the page, and what comes after them', async () => {
    for (let at = 0; at < 20_000; at += 1000) await store('/many', at + 1, at + 1000)
    const reader = read(sourceOf('/many'))
    await eventually(() => reader.isUpToDate)
    expect(reader.messages).toEqual(range(1, 20_000))
    expect(reader.batches.map(({ messages }) => messages.length)).toEqual([5000, 5000, 5000, 5000])
    expect(reader.batches.map(({ upToDate }) => upToDate)).toEqual([false, false, false, true])
    for (let i = 1; i <= 20; i++) await store('/many', 20_000 + i, 20_000 + i)
    await eventually(() => reader.messages.length === 20_020)
    expect(reader.messages).toEqual(range(1, 20_020))
    expect([reader.mostInside, reader.restarts, reader.connections]).toEqual([1, 0, [true]])
  })

  test('an empty stream is up to date at once, and its first message comes', async () => {
    await door.put('/empty')
    const reader = read(sourceOf('/empty'))
    await eventually(() => reader.isUpToDate)
    expect(reader.last).toMatchObject({
      messages: [],
      closed: false,
      place: { offset: '0'.repeat(16) + '_' + '0'.repeat(16) },
    })
    await store('/empty', 1, 2)
    await eventually(() => reader.messages.length === 2)
    expect(reader.restarts).toBe(0)
  })

  test('every place is one to come back to: from each of them comes exactly the rest', async () => {
    await store('/places', 1, 3)
    const first = read(sourceOf('/places'))
    await eventually(() => first.isUpToDate)
    await store('/places', 4, 5)
    await eventually(() => first.messages.length === 5)
    const rests = [range(4, 5), []]
    for (const [i, { place }] of first.batches.entries()) {
      const again = read(sourceOf('/places'), { from: place })
      await eventually(() => again.isUpToDate)
      expect([again.messages, again.restarts], `place ${i}`).toEqual([rests[i], 0])
      expect(again.last?.place).toEqual(first.last?.place)
    }
    await store('/places', 6, 6)
    await eventually(() => first.messages.length === 6)
  })

  test('nothing is asked for before the listener has taken the last', async () => {
    await store('/slow', 1, 6000)
    const asked: string[] = []
    const source = sourceOf('/slow', {
      fetch: (input, init) => {
        asked.push(String(input))
        return fetch(input, init)
      },
    })
    const recorder = new Recorder()
    const { promise, resolve } = Promise.withResolvers<void>()
    recorder.taking = () => promise
    read(source, {}, recorder)
    await eventually(() => recorder.inside === 1)
    const before = asked.length
    // A server that answers everybody else is given the time for many pages.
    for (let i = 0; i < 20; i++) await door.get('/slow?offset=now')
    expect(asked.length).toBe(before)
    resolve()
    await eventually(() => recorder.isUpToDate)
    expect([recorder.messages.length, recorder.mostInside]).toEqual([6000, 1])
  })

  test('not live: it is over with what is there', async () => {
    await store('/once', 1, 7000)
    const source = sourceOf('/once')
    const reader = read(source, { live: false })
    await eventually(() => reader.isUpToDate)
    expect(reader.messages).toEqual(range(1, 7000))
    // It is over: another reading may begin, which none may beside an open one.
    await eventually(() => reads(source))
  })

  test('the end of a stream is told with its last messages, or when it comes', async () => {
    await store('/ends', 1, 3)
    const reader = read(sourceOf('/ends'))
    await eventually(() => reader.isUpToDate)
    await door.send('POST', '/ends', '[4]', { 'content-type': 'application/json', 'stream-closed': 'true' })
    await eventually(() => reader.last?.closed)
    expect([reader.messages, reader.failure]).toEqual([range(1, 4), null])
    const late = read(sourceOf('/ends'))
    await eventually(() => late.last?.closed)
    expect(late.messages).toEqual(range(1, 4))
    const atEnd = read(sourceOf('/ends'), { from: late.place })
    await eventually(() => atEnd.last?.closed)
    expect(atEnd.messages).toEqual([])
  })

  test('closed with nothing more to say, while it is waited for', async () => {
    await store('/shut', 1, 1)
    const reader = read(sourceOf('/shut'))
    await eventually(() => reader.isUpToDate)
    await door.send('POST', '/shut', undefined, { 'stream-closed': 'true' })
    await eventually(() => reader.last?.closed)
    expect(reader.messages).toEqual([1])
  })

  test('a handle of the published client is read alike', async () => {
    await store('/handle', 1, 3)
    const url = `${tributary.url}/api/streams/demo/handle`
    const stream = new DurableStream({ url, headers: { authorization: `Bearer ${token}` } })
    const source = httpSource({ stream, ...SOON })
    expect(source.id).toBe(url)
    const reader = read(source)
    await eventually(() => reader.isUpToDate)
    await store('/handle', 4, 4)
    await eventually(() => reader.messages.length === 4)
    expect(reader.messages).toEqual(range(1, 4))
  })
})

/** Whether the source can be read from now on; it is not. */
function reads(source: StreamSource): boolean {
  try {
    void source.open({ live: false }, new Recorder()).close()
    return true
  } catch {
    return false
  }
}

describe('through a server that goes and comes back', () => {
  test.each(['pause', 'kill'] as const)('by %s, three times: no gap, nothing twice', async (how) => {
    const path = `/restarts-${how}`
    await store(path, 1, 10)
    const reader = read(sourceOf(path))
    let stored = 10
    for (let round = 0; round < 3; round++) {
      await eventually(() => reader.messages.length === stored)
      // Some arrive just before the break, some while nobody is connected.
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
  })

  test('a body that breaks off in the middle is read again, whole', async () => {
    await store('/cut', 1, 6000)
    let cuts = 3
    const source = sourceOf('/cut', {
      fetch: async (input, init) => {
        const response = await fetch(input, init)
        if (!String(input).includes('long-poll') || cuts-- <= 0) return response
        return new Response(cutShort(response.body!), response)
      },
    })
    const reader = read(source)
    await eventually(() => reader.isUpToDate)
    expect([reader.messages, cuts]).toEqual([range(1, 6000), -2])
    expect(reader.connections).toEqual([true, false, true, false, true, false, true])
  })
})

/** The beginning of a body, then an error as a broken connection makes it. */
function cutShort(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let pieces = 0
  return new ReadableStream({
    async pull(controller) {
      const { value } = await reader.read()
      if (value && pieces++ === 0) return controller.enqueue(value.subarray(0, value.length >> 1))
      await reader.cancel()
      controller.error(new TypeError('terminated'))
    },
  })
}

describe('another life of the stream', () => {
  const remake = async (path: string, count: number) => {
    expect((await door.send('DELETE', path)).status).toBe(204)
    await store(path, 101, 100 + count)
  }

  test.each([
    ['shorter', 1],
    ['as long', 3],
    ['longer', 9],
  ])('made anew while it is read, %s than it was: all of it, from its start', async (name, count) => {
    const path = `/online-${count}`
    await store(path, 1, 3)
    const reader = read(sourceOf(path))
    await eventually(() => reader.isUpToDate)
    await remake(path, count)
    await eventually(() => reader.messages[0] === 101 && reader.isUpToDate)
    expect([name, reader.messages, reader.restarts]).toEqual([name, range(101, 100 + count), 1])
    await store(path, 200, 200)
    await eventually(() => reader.messages.at(-1) === 200)
    expect(reader.messages).toHaveLength(count + 1)
  })

  test.each([
    ['shorter', 1],
    ['as long', 3],
    ['longer', 9],
  ])('made anew while nobody looked, %s than it was', async (name, count) => {
    const path = `/offline-${count}`
    await store(path, 1, 3)
    const source = sourceOf(path)
    const before = new Recorder()
    const reading = source.open({ live: true }, before)
    await eventually(() => before.isUpToDate)
    await reading.close()
    await remake(path, count)
    const after = read(source, { from: before.place })
    await eventually(() => after.isUpToDate)
    expect([name, after.messages, after.restarts]).toEqual([name, range(101, 100 + count), 1])
  })

  test('a place without a life: that the stream ends before it tells', async () => {
    await store('/lifeless', 1, 2)
    const reader = read(sourceOf('/lifeless'), { from: { offset: `${'9'.padStart(16, '0')}_${'0'.repeat(16)}` } })
    await eventually(() => reader.isUpToDate)
    expect([reader.messages, reader.restarts]).toEqual([[1, 2], 1])
  })

  test('reset while it is read, empty at first', async () => {
    await store('/reset', 1, 3)
    const reader = read(sourceOf('/reset'))
    await eventually(() => reader.isUpToDate)
    await tributary.streams().reset('/reset' as never)
    await eventually(() => reader.restarts === 1 && reader.isUpToDate)
    expect(reader.messages).toEqual([])
    await store('/reset', 7, 8)
    await eventually(() => reader.messages.length === 2)
    expect([reader.messages, reader.connections]).toEqual([[7, 8], [true]])
  })

  test('reset between two pages', async () => {
    await store('/between', 1, 7000)
    const recorder = new Recorder()
    let left = 1
    recorder.taking = async () => {
      if (left-- > 0) {
        await tributary.streams().reset('/between' as never)
        await store('/between', 1, 9000)
      }
    }
    read(sourceOf('/between'), {}, recorder)
    // The second page of the old life may be on its way already.
    await eventually(() => recorder.restarts === 1 && recorder.messages.length === 9000)
    expect([recorder.messages, recorder.restarts]).toEqual([range(1, 9000), 1])
  })

  test('deleted, and gone for long: what was read stays until there is another', async () => {
    await store('/gone', 1, 3)
    const reader = read(sourceOf('/gone'))
    await eventually(() => reader.isUpToDate)
    await door.send('DELETE', '/gone')
    await eventually(() => reader.connections.at(-1) === false)
    expect([reader.messages, reader.failure, reader.restarts]).toEqual([[1, 2, 3], null, 0])
    await store('/gone', 4, 4)
    await eventually(() => reader.messages.length === 1)
    expect([reader.messages, reader.restarts, reader.connections]).toEqual([[4], 1, [true, false, true]])
  })
})

describe('what time cannot mend ends it', () => {
  const failed = async (reader: Recorder) => {
    const error = await eventually(() => reader.failure)
    return [itxErrorCode(error), itxErrorDetails(error)]
  }

  test('no right', async () => {
    await store('/right', 1, 1)
    const reader = read(sourceOf('/right', { headers: { authorization: 'Bearer wrong' } }))
    expect(await failed(reader)).toEqual(['FORBIDDEN', { status: 401 }])
    expect([reader.connections, reader.batches]).toEqual([[], []])
  })

  test('a right that is lost while it reads', async () => {
    await store('/lost', 1, 1)
    const { control } = tributary.instance
    const projectId = tributary.projectId('demo')
    const lost = createToken(control, { projectId, role: 'viewer' })
    const reader = read(sourceOf('/lost', { headers: { authorization: `Bearer ${lost.token}` } }))
    await eventually(() => reader.isUpToDate)
    revokeToken(control, { projectId, tokenId: lost.id, by: OPERATOR })
    const [code] = await failed(reader)
    expect([code, reader.messages]).toEqual(['FORBIDDEN', [1]])
  })

  test('no such stream at the first answer', async () => {
    expect(await failed(read(sourceOf('/nosuch')))).toEqual(['NOT_FOUND', { status: 404 }])
    expect(await failed(read(sourceOf('/nosuch'), { live: false }))).toEqual(['NOT_FOUND', { status: 404 }])
  })

  test('a stream that is no JSON', async () => {
    await door.send('PUT', '/bytes', 'abc', { 'content-type': 'text/plain' })
    expect(await failed(read(sourceOf('/bytes')))).toEqual(['BAD_REQUEST', { reason: 'content-type' }])
  })

  test('an offset of another kind', async () => {
    await store('/kind', 1, 1)
    const reader = read(sourceOf('/kind'), { from: { offset: '!' } })
    expect(await failed(reader)).toEqual(['BAD_REQUEST', { status: 400 }])
  })

  test('an address that is none', () => {
    expect(() => httpSource({ streamOptions: { url: 'streams/a' } })).toThrow(/whole URL/)
  })

  test('a listener that fails, with its own error', async () => {
    await store('/fails', 1, 1)
    const recorder = new Recorder()
    const own = new Error('disk full')
    recorder.taking = () => Promise.reject(own)
    read(sourceOf('/fails'), {}, recorder)
    expect(await eventually(() => recorder.failure)).toBe(own)
  })

  test('a caller who aborts', async () => {
    await store('/aborted', 1, 1)
    const abort = new AbortController()
    const reader = read(sourceOf('/aborted', { signal: abort.signal }))
    await eventually(() => reader.isUpToDate)
    abort.abort()
    expect(await failed(reader)).toEqual(['UNAVAILABLE', { reason: 'aborted' }])
  })
})

describe('closing', () => {
  test('ends a wait, and nothing is told afterwards', async () => {
    await store('/closing', 1, 1)
    const source = sourceOf('/closing')
    const recorder = new Recorder()
    const reading = source.open({ live: true }, recorder)
    expect(() => source.open({ live: true }, new Recorder())).toThrow(/being read already/)
    await eventually(() => recorder.isUpToDate)
    await reading.close()
    await reading.close()
    expect([recorder.failure, recorder.connections]).toEqual([null, [true]])
    await store('/closing', 2, 2)
    const again = read(source)
    await eventually(() => again.messages.length === 2)
    expect(recorder.messages).toEqual([1])
    await eventually(() => tributary.instance.readers.size === 1)
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
