import { describe, expect, test, vi } from 'vitest'
import { parsePath } from '../streams/path.ts'
import { TestProject, turn, until } from '../streams/testing.ts'
import { SseHub } from './sse-hub.ts'
import { SseReader } from './sse-reader.ts'
import { messagesOf } from './stream-messages.ts'
import { SlowTarget, controlsOf, messagesOfSse, parseSse } from './testing.ts'

// Threat: one who does not read makes the server hold for it all that happens.

const PATH = parsePath('/s')
const KIB = 1024
const MIB = 1024 * KIB

interface Reading {
  readonly target: SlowTarget
  readonly reader: SseReader
  readonly failures: unknown[]
}

async function streamed(keepAliveMs = 1e6) {
  const project = new TestProject()
  const { streams } = project
  const { incarnationId } = (await streams.create(PATH, { contentType: 'application/json' })).state
  return {
    project,
    streams,
    hub: () => SseHub.of(streams, { path: PATH, incarnationId, form: 'json', keepAliveMs }),
    begin(after = 0, target = new SlowTarget()): Reading {
      const failures: unknown[] = []
      const options = { after, cursor: 0, onClose: () => {}, log: (_: string, error: unknown) => failures.push(error) }
      return { target, failures, reader: new SseReader(this.hub(), target, options) }
    },
    async say(count: number, size: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        await streams.append(PATH, messagesOf(JSON.stringify([{ i, filler: 'x'.repeat(size) }]), 1))
      }
    },
    [Symbol.dispose]: () => project[Symbol.dispose](),
  }
}

const numbers = ({ target }: Reading) =>
  messagesOfSse(parseSse(target.text)).map((message) => (message as { i: number }).i)

describe('a reader whose connection takes nothing', () => {
  test('at the tail has little unsent, whatever happens, and then goes on where it was', async () => {
    using given = await streamed()
    const [slow, fast] = [given.begin(), given.begin()]
    await until(() => [slow, fast].every(({ target }) => target.text.includes('upToDate')))
    slow.target.stall()
    await given.say(300, 100 * KIB)
    await until(() => fast.target.text.endsWith('\n\n') && numbers(fast).length === 300)
    await turn()
    expect(slow.target.writableLength).toBeGreaterThan(MIB)
    expect(slow.target.writableLength).toBeLessThan(MIB + 200 * KIB)
    slow.target.take()
    await until(() => slow.target.text.endsWith('\n\n') && numbers(slow).length === 300)
    expect(numbers(slow)).toEqual(Array.from({ length: 300 }, (_, i) => i))
    expect(slow.target.mostUnsent).toBeLessThan(2 * MIB)
  })

  test('on the way to it has a page or two unsent', async () => {
    using given = await streamed()
    await given.say(200, 100 * KIB)
    const target = new SlowTarget()
    target.stall()
    const slow = given.begin(0, target)
    for (let i = 0; i < 500; i++) await turn()
    // The first page is read before anything is known of the size of the events: 4 MiB of them at most.
    expect(target.writableLength).toBeLessThan(5 * MIB)
    target.take()
    await until(() => target.text.includes('"upToDate":true'))
    expect(numbers(slow)).toEqual(Array.from({ length: 200 }, (_, i) => i))
    const sizes = target.text.split('event: data').map(({ length }) => length)
    for (const size of sizes.slice(2)) expect(size).toBeLessThan(MIB)
  })

  test('that is cut off while it has something unsent is cut off at once', async () => {
    using given = await streamed()
    const slow = given.begin()
    await until(() => slow.target.text.includes('upToDate'))
    slow.target.stall()
    await given.say(3, 100 * KIB)
    slow.reader.cut()
    expect(slow.target.destroyed).toBe(true)
    await until(() => given.streams.idle)
  })
})

test('a reader whose pages cannot be read is cut off, and the failure is told', async () => {
  using given = await streamed()
  await given.say(3, 10)
  given.streams.read = () => Promise.reject(new Error('the disk is gone'))
  const reading = given.begin()
  await until(() => reading.target.writableEnded)
  expect(reading.failures).toEqual([expect.objectContaining({ message: 'the disk is gone' })])
  expect(given.streams.idle).toBe(true)
})

test('a life that is over when a reader begins is not spliced to the next', async () => {
  using given = await streamed()
  await given.say(3, 10)
  const old = given.hub
  await given.streams.reset(PATH)
  await given.say(3, 10)
  const reading = given.begin.call({ ...given, hub: old })
  await until(() => reading.target.writableEnded)
  expect(reading.target.text).toBe('')
})

test('a page of another life ends a reader before it says anything of it', async () => {
  using given = await streamed()
  await given.say(3, 10)
  const read = given.streams.read.bind(given.streams)
  given.streams.read = async (...args) => ({ ...(await read(...args)), incarnationId: 'another' })
  const reading = given.begin()
  await until(() => reading.target.writableEnded)
  expect(reading.target.text).toBe('')
})

test('a thousand readers of one stream are one subscription, and none is left of them', async () => {
  using given = await streamed()
  let subscriptions = 0
  const subscribe = given.streams.subscribe.bind(given.streams)
  given.streams.subscribe = (...args) => {
    subscriptions++
    return subscribe(...args)
  }
  const all = Array.from({ length: 1000 }, () => given.begin())
  await until(() => all.every(({ target }) => target.text.includes('upToDate')))
  await given.say(5, 10)
  await until(() => all.every((each) => numbers(each).length === 5))
  expect(subscriptions).toBe(1)
  for (const { target } of all) target.destroy()
  await until(() => given.streams.idle)
})

test('where it is is repeated to those who have heard nothing for so long', async () => {
  using given = await streamed(20)
  const reading = given.begin()
  await until(() => controlsOf(parseSse(reading.target.text)).length >= 4, 'the fourth control event', 1e9)
  const said = controlsOf(parseSse(reading.target.text)).map(({ upToDate }) => upToDate)
  expect(new Set(said)).toEqual(new Set([true]))
  reading.target.destroy()
})

test.each([
  ['that ends after a time without use goes on while somebody waits at it', 60],
  ['that does not end by itself is left alone', undefined],
])('a stream %s', async (_, ttlSeconds) => {
  using project = new TestProject()
  const { streams } = project
  const { state } = await streams.create(PATH, ttlSeconds === undefined ? {} : { expiry: { ttlSeconds } })
  const touch = vi.spyOn(streams, 'touch')
  const stream = { path: PATH, incarnationId: state.incarnationId, form: 'json', keepAliveMs: 10 } as const
  const target = new SlowTarget()
  void new SseReader(SseHub.of(streams, stream), target, { after: 0, cursor: 0, onClose: () => {}, log: () => {} })
  await until(() => controlsOf(parseSse(target.text)).length >= 3, 'the third control event', 1e9)
  expect(touch.mock.calls.length > 0).toBe(ttlSeconds !== undefined)
  target.destroy()
})
