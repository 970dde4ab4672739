import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { eventually } from '../server/testing.ts'
import { itxErrorDetails } from '../streams/errors.ts'
import { troubleOf } from './http-request.ts'
import { type HttpSourceTiming, httpSource } from './http-source.ts'
import type { SourceOptions, SourceReading } from './source.ts'
import { Recorder } from './testing.ts'

// Threat: servers other than ours, and what stands before them: limits, faults, silence, offsets of another form, no lives.

interface Asked {
  readonly offset: string | null
  readonly live: string | null
  readonly cursor: string | null
  readonly at: number
}

type Reply = (response: ServerResponse, asked: Asked) => void

let server: Server
let url: string
let asked: Asked[]
/** What is answered first, one after the other, before the stream itself answers. */
let first: Reply[]
let stream: Reply
const readings: SourceReading[] = []
const open = new Set<ServerResponse>()

beforeEach(async () => {
  asked = []
  first = []
  server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { searchParams } = new URL(request.url ?? '', 'http://x')
    const question = {
      offset: searchParams.get('offset'),
      live: searchParams.get('live'),
      cursor: searchParams.get('cursor'),
      at: performance.now(),
    }
    asked.push(question)
    open.add(response)
    ;(first.shift() ?? stream)(response, question)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/s`
})
afterEach(async () => {
  for (const reading of readings.splice(0)) await reading.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  open.clear()
})

function read(options: Partial<SourceOptions> = {}, timing: HttpSourceTiming = {}): Recorder {
  const source = httpSource({ streamOptions: { url }, firstRetryMs: 2, lastRetryMs: 10, ...timing })
  const recorder = new Recorder()
  readings.push(source.open({ live: true, ...options }, recorder))
  return recorder
}

const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  (response) =>
    response.writeHead(code, headers).end()

const answer = (response: ServerResponse, body: string, next: string, headers: Record<string, string> = {}) =>
  response.writeHead(200, { 'content-type': 'application/json', 'stream-next-offset': next, ...headers }).end(body)

const UP_TO_DATE = { 'stream-up-to-date': 'true' }

/** A log whose offsets are letters, and whose server knows neither lives nor pages; a wait at its tail is never answered. */
function letters(log: readonly unknown[]): Reply {
  return (response, { offset, live }) => {
    const tail = `t${String.fromCodePoint(96 + log.length)}`
    if (offset === 'now') return answer(response, '[]', tail, UP_TO_DATE)
    const from = offset === '-1' || offset === null ? 0 : (offset.codePointAt(1) ?? 96) - 96
    if (live === null || from < log.length) answer(response, JSON.stringify(log.slice(from)), tail, UP_TO_DATE)
  }
}

describe('what time mends is tried again', () => {
  test.each([408, 425, 429, 500, 502, 503, 504])('status %i', async (code) => {
    stream = letters([1, 2])
    first = Array.from({ length: 3 }, () => status(code))
    const reader = read()
    await eventually(() => reader.isUpToDate)
    expect([reader.messages, reader.failure, reader.connections]).toEqual([[1, 2], null, [false, true]])
  })

  test('a server that says when is not asked before', async () => {
    stream = letters([1])
    first = [status(429, { 'retry-after': '1' })]
    const reader = read()
    await eventually(() => reader.isUpToDate)
    expect((asked[1]?.at ?? 0) - (asked[0]?.at ?? 0)).toBeGreaterThan(990)
  })

  test('a connection that is cut before and in the middle of an answer', async () => {
    stream = letters([1, 2])
    const half: Reply = (response) => {
      const headers = { 'content-type': 'application/json', 'stream-next-offset': 'tb', 'content-length': '100' }
      response.writeHead(200, headers).write('[1,')
      setImmediate(() => response.destroy())
    }
    first = [(response) => response.destroy(), stream, half, stream, half]
    const reader = read()
    await eventually(() => reader.isUpToDate)
    expect([reader.messages, reader.batches.length]).toEqual([[1, 2], 1])
  })

  test('a server that says nothing', async () => {
    stream = letters([1, 2])
    first = [() => {}]
    const reader = read({}, { answerWithinMs: 30 })
    await eventually(() => reader.isUpToDate)
    expect([reader.messages, reader.connections]).toEqual([
      [1, 2],
      [false, true],
    ])
  })
})

test('what is no JSON is asked for again, and is the end when it stays so', async () => {
  const tail = letters([1])
  const garbled: Reply = (response, question) =>
    question.offset === 'now' ? tail(response, question) : answer(response, '[1,', 'ta', UP_TO_DATE)
  stream = garbled
  const reader = read()
  const error = await eventually(() => reader.failure)
  expect([itxErrorDetails(error), reader.batches]).toEqual([{ reason: 'garbled', limit: 5 }, []])
})

test('an answer that could be read makes up for those before it that could not', async () => {
  const garbled: Reply = (response) => answer(response, '[1,', 'ta', UP_TO_DATE)
  const log: unknown[] = [1]
  // Twice as many as are the end when they come in a row: four before the first message, four before the second.
  let left = 4
  stream = (response, question) => {
    if (question.offset !== 'now' && left > 0) {
      left--
      return garbled(response, question)
    }
    letters(log)(response, question)
  }
  const reader = read()
  await eventually(() => reader.isUpToDate)
  left = 4
  log.push(2)
  for (const response of open) response.destroy()
  await eventually(() => reader.messages.length === 2 || reader.failure)
  expect([reader.messages, reader.failure, left]).toEqual([[1, 2], null, 0])
})

test('after an answer the pauses are short again', async () => {
  stream = letters([1])
  first = Array.from({ length: 6 }, () => status(503))
  const reader = read({}, { firstRetryMs: 8, lastRetryMs: 100_000 })
  await eventually(() => reader.isUpToDate && asked.at(-1)?.live === 'long-poll')
  const before = asked.length
  first = [status(503)]
  for (const response of open) response.destroy()
  await eventually(() => asked.length >= before + 2)
  // The seventh pause in a row would be one of at least 256 ms.
  expect((asked[before + 1]?.at ?? 0) - (asked[before]?.at ?? 0)).toBeLessThan(200)
})

test('nothing begins anew where nothing had begun', async () => {
  stream = letters([1, 2])
  first = [letters([1, 2]), status(404), status(404)]
  const reader = read()
  await eventually(() => reader.isUpToDate)
  expect([reader.messages, reader.restarts]).toEqual([[1, 2], 0])
})

test('how long a server wants to be left alone: seconds or a date, an hour at most', () => {
  vi.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z') })
  const after = (value: string) => troubleOf({ status: 503, headers: { 'retry-after': value } })
  const answers = ['7', 'Thu, 01 Jan 2026 00:00:30 GMT', 'Wed, 31 Dec 2025 00:00:00 GMT', '86400', 'soon'].map(after)
  vi.useRealTimers()
  expect(answers).toEqual(
    [7000, 30_000, 0, 3_600_000, 0].map((afterMs) => ({ kind: 'passing', afterMs, garbled: false })),
  )
})

test('a page of something else is no stream', async () => {
  stream = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>sign in</p>')
  const reader = read()
  expect(itxErrorDetails(await eventually(() => reader.failure))).toEqual({ reason: 'content-type' })
  stream = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  const other = read()
  expect(itxErrorDetails(await eventually(() => other.failure))).toEqual({ reason: 'content-type' })
})

test('offsets of another form: in one piece, and up to date without a wait', async () => {
  for (const log of [[], [1, 2, 3]]) {
    stream = letters(log)
    const reader = read()
    await eventually(() => reader.isUpToDate)
    expect([reader.messages, reader.last?.place.life]).toEqual([log, undefined])
    await eventually(() => asked.at(-1)?.live === 'long-poll')
  }
})

test('a refusal is first for the caller to mend; what time mends is not', async () => {
  stream = letters([1])
  first = [status(503), status(401)]
  const met: unknown[] = []
  const onError = (error: Error) => {
    met.push((error as Error & { status?: number }).status)
    return { params: { mended: 'yes' } }
  }
  const source = httpSource({ streamOptions: { url, onError }, firstRetryMs: 2, lastRetryMs: 10 })
  const recorder = new Recorder()
  readings.push(source.open({ live: true }, recorder))
  await eventually(() => recorder.isUpToDate)
  expect([met, recorder.messages, recorder.failure]).toEqual([[401], [1], null])
})

test('a cursor is given back', async () => {
  let turns = 0
  stream = (response, question) => {
    const { offset, live } = question
    if (offset === 'now' || live === null) return letters([1])(response, question)
    turns++
    if (turns === 1) answer(response, '[2]', 'tb', { ...UP_TO_DATE, 'stream-cursor': '17' })
  }
  const reader = read()
  await eventually(() => turns === 2)
  expect([asked.at(-1)?.cursor, reader.messages]).toEqual(['17', [1, 2]])
})

test('a server that does not wait is not asked without end', async () => {
  stream = letters([1])
  const base = stream
  stream = (response, question) =>
    question.live === null
      ? base(response, question)
      : response.writeHead(204, { 'stream-next-offset': 'ta', ...UP_TO_DATE }).end()
  const reader = read({}, { firstRetryMs: 40, lastRetryMs: 10_000 })
  await eventually(() => asked.length >= 5)
  // Four answers to a wait: pauses of at least 20, 40 and 80 ms lie between them.
  const waits = asked.filter(({ live }) => live !== null)
  await eventually(() => asked.filter(({ live }) => live !== null).length >= 4)
  const [begin, , , end] = asked.filter(({ live }) => live !== null)
  expect((end?.at ?? 0) - (begin?.at ?? 0)).toBeGreaterThan(130)
  expect([waits.length > 0, reader.batches.length]).toEqual([true, 1])
})

describe('a new life, where nobody names it', () => {
  test('by an offset behind the one that was asked for', async () => {
    stream = letters([1, 2, 3])
    const before = read()
    await eventually(() => before.isUpToDate)
    stream = letters([7])
    const reader = read({ from: { offset: 'tc' } })
    await eventually(() => reader.isUpToDate)
    expect([reader.messages, reader.restarts]).toEqual([[7], 1])
  })

  test('by an absence in between, however long it is', async () => {
    stream = letters([1, 2])
    const reader = read()
    await eventually(() => asked.at(-1)?.live === 'long-poll')
    stream = letters([7, 8, 9, 10])
    first = [status(404), status(404), status(410)]
    for (const response of open) response.destroy()
    await eventually(() => reader.messages.length === 4)
    expect([reader.messages, reader.restarts, reader.failure]).toEqual([[7, 8, 9, 10], 1, null])
  })

  test('what lies after a place was removed: all that is left, from its start', async () => {
    const log = letters([1, 2, 3])
    stream = (response, question) =>
      question.offset === 'ta' ? status(410)(response, question) : log(response, question)
    for (const live of [true, false]) {
      const reader = read({ from: { offset: 'ta', life: 'one' }, live })
      await eventually(() => reader.isUpToDate)
      expect([reader.messages, reader.restarts, reader.failure]).toEqual([[1, 2, 3], 1, null])
    }
  })
})
