import { AssertionError } from 'node:assert'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ItxError } from '../streams/errors.ts'
import type { StreamEvent } from '../streams/event.ts'
import { type EffectContext, defineProcessor } from '../streams/processors/contract.ts'
import { failureOf } from '../streams/testing.ts'
import { TestClock } from './test-clock.ts'
import { type TestServer, type TestServerOptions, createTestServer } from './test-server.ts'

let servers: TestServer[] = []
afterEach(() => {
  for (const server of servers) server.close()
  servers = []
})

function start(options: TestServerOptions = {}): TestServer {
  const server = createTestServer(options)
  servers.push(server)
  return server
}

/** Counts `ping`, answers each with `pong`, after `act`. */
function pinging(act: (context: EffectContext<number, StreamEvent>) => unknown = () => {}) {
  return defineProcessor({
    slug: 'pinging',
    version: '1',
    state: z.number(),
    initialState: 0,
    consumes: ['ping'],
    reduce: (count) => count + 1,
    processEvent: async (context) => {
      await act(context as EffectContext<number, StreamEvent>)
      await context.append({ type: 'pong', payload: context.after })
    },
  })
}

async function pongs(server: TestServer, path = '/a'): Promise<unknown[]> {
  const { events } = await server.client().read(path, { types: ['pong'] })
  return events.map(({ payload }) => payload)
}

const ping = { type: 'ping' }
const everywhere = ['/**']

describe('the handle', () => {
  test('is that of every door: appends, reads, follows', async () => {
    const server = start()
    using project = server.project()
    using stream = project.streams.get('/orders/1')
    const receipts = await stream.append([{ type: 'placed', payload: '{"id":1}' as never }])
    expect(receipts).toEqual([{ offset: 2, createdAt: '2026-01-01T00:00:00.000Z', duplicate: false }])
    const seen: number[] = []
    using subscription = await stream.subscribe({ after: 'start' }, ({ events }) => {
      seen.push(...events.map(({ offset }) => offset))
    })
    await stream.append([{ type: 'paid' }])
    await expect.poll(() => seen).toEqual([1, 2, 3])
    await subscription.unsubscribe()
    expect((await project.streams.list()).streams.map(({ path }) => path)).toEqual(['/', '/orders', '/orders/1'])
  })

  test('refuses what every door refuses', async () => {
    const { streams } = start().project()
    expect(await failureOf(streams.get('/a').append([{ type: '' }]))).toMatchObject({ code: 'BAD_REQUEST' })
    expect(await failureOf(streams.get('/a').append([{ type: 'stream/created' }]))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await failureOf(streams.get('/a').read({ after: -1 }))).toMatchObject({ code: 'BAD_REQUEST' })
    expect(await failureOf(streams.get('/a').pause())).toMatchObject({ code: 'NOT_FOUND' })
    expect(await failureOf(streams.get('/a').attach('nobody'))).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('has the role it is asked for', async () => {
    const server = start()
    const viewer = server.project('test', { role: 'viewer' })
    expect(await failureOf(viewer.streams.get('/a').append([ping]))).toMatchObject({ code: 'FORBIDDEN' })
    await server.project('test', { role: 'editor' }).streams.get('/a').append([ping])
    expect(await failureOf(server.client('test', { role: 'editor' }).onStream('/a', (it) => it.reset()))).toMatchObject(
      {
        code: 'FORBIDDEN',
      },
    )
  })

  test('of one project sees nothing of another', async () => {
    const server = start()
    await server.client('one').append('/a', [ping])
    expect(await server.client('two').state('/a')).toMatchObject({ exists: false })
    expect(() => server.project('../one')).toThrow(/not \.\.\/one/)
  })

  test('can be followed from a client, and ends with its signal', async () => {
    const client = start().client()
    await client.append('/a', [{ type: 'x', payload: { n: 1 } }])
    const end = new AbortController()
    const seen: unknown[] = []
    await client.follow('/a', { after: 1, signal: end.signal }, async (events) => {
      seen.push(...events.map(({ payload }) => payload))
      if (seen.length === 1) await client.append('/a', [{ type: 'x', payload: { n: 2 } }])
      else if (seen.length === 2) end.abort()
    })
    expect(seen).toEqual([{ n: 1 }, { n: 2 }])
  })

  test('takes and gives values where they are wanted', async () => {
    const client = start().client()
    await client.append('/a', [{ type: 'x', payload: { __proto__: null, n: 1.5, list: [null] } }])
    const { events } = await client.read('/a', { after: 1 })
    expect(events).toMatchObject([{ offset: 2, type: 'x', payload: { n: 1.5, list: [null] } }])
  })
})

describe('processors', () => {
  test('run, the given ones and the built-in ones, attached by pattern or by hand', async () => {
    const server = start({
      processors: [
        { processor: pinging(), attachTo: everywhere },
        { processor: 'event-counter', attachTo: ['/b'] },
      ],
    })
    await server.client().append('/a', [ping, ping])
    await server.client().append('/b', [{ type: 'other' }])
    await server.client().onStream('/a', (stream) => stream.attach('agent-run'))
    expect(await server.processorsSettled()).toMatchObject([
      { project: 'test', path: '/', slug: 'pinging', status: 'caught-up', lag: 0 },
      { project: 'test', path: '/a', slug: 'pinging', status: 'caught-up', checkpoint: 7, lag: 0 },
      { project: 'test', path: '/a', slug: 'agent-run', status: 'caught-up', lag: 0 },
      { project: 'test', path: '/b', slug: 'event-counter', status: 'caught-up', lag: 0 },
      { project: 'test', path: '/b', slug: 'pinging', status: 'caught-up', lag: 0 },
    ])
    expect(await pongs(server)).toEqual([1, 2])
  })

  test('that are wrong are refused at the start', () => {
    expect(() => start({ processors: [pinging(), pinging()] })).toThrow('two processors named pinging')
    expect(() => start({ processors: [{ processor: 'nobody' }] })).toThrow('no built-in processor named "nobody"')
    expect(() => start({ processors: [{ processor: pinging(), attachTo: ['a'] }] })).toThrow('slash')
  })

  test('are settled only when their effects have ended, however long these wait for something else', async () => {
    const gate = Promise.withResolvers<void>()
    const server = start({ processors: [{ processor: pinging(() => gate.promise), attachTo: everywhere }] })
    await server.client().append('/a', [ping])
    let settled = false
    const waiting = server.processorsSettled().then(() => (settled = true))
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(settled).toBe(false)
    gate.resolve()
    await waiting
    expect(await pongs(server)).toEqual([1])
  })

  test('that set each other off are settled when the last one is', async () => {
    const relay = defineProcessor({
      slug: 'relay',
      version: '1',
      state: z.number(),
      initialState: 0,
      consumes: ['*'],
      reduce: (count) => count + 1,
      processEvent: ({ event, append, stream }) =>
        event.type === 'ball' && stream.path.length < 40 ? append({ type: 'ball' }, `${stream.path}/x`) : undefined,
    })
    const server = start({ processors: [{ processor: relay, attachTo: ['/x/**'] }] })
    await server.client().append('/x', [{ type: 'ball' }])
    const settled = await server.processorsSettled()
    expect(settled).toHaveLength(20)
    expect(settled.every(({ status, lag }) => status === 'caught-up' && lag === 0)).toBe(true)
  })

  test('whose effect never ends are named', async () => {
    const server = start({ processors: [{ processor: pinging(() => new Promise(() => {})), attachTo: ['/a'] }] })
    await server.client().append('/a', [ping])
    const error = await server.processorsSettled({ withinMs: 100 }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(AssertionError)
    expect((error as Error).message).toBe('still at work after 100 ms: pinging on event 3 of /a')
  })

  test('that feed themselves for ever are found out', async () => {
    const endless = defineProcessor({
      slug: 'endless',
      version: '1',
      state: z.number(),
      initialState: 0,
      consumes: ['tick'],
      reduce: (count) => count + 1,
      processEvent: ({ append }) => append({ type: 'tick' }),
    })
    const server = start({ processors: [{ processor: endless, attachTo: ['/a'] }] })
    await server.client().append('/a', [{ type: 'tick' }])
    expect(String(await server.processorsSettled({ withinMs: 100 }).catch((reason: unknown) => reason))).toMatch(
      /still at work after 100 ms/,
    )
  })
})

describe('the clock', () => {
  test('stands still, and dates events', async () => {
    const server = start({ clock: new TestClock('2030-06-01T12:00:00.000Z') })
    await server.client().append('/a', [ping])
    await server.clock.advance(1500)
    await server.client().append('/a', [ping])
    const { events } = await server.client().read('/a', { types: ['ping'] })
    expect(events.map(({ createdAt }) => createdAt)).toEqual(['2030-06-01T12:00:00.000Z', '2030-06-01T12:00:01.500Z'])
  })

  test('makes a failing processor try again, and parks it after the third time', async () => {
    const tries: number[] = []
    const failing = pinging(() => {
      tries.push(server.clock.now())
      throw new Error('no')
    })
    const server = start({ processors: [{ processor: failing, attachTo: ['/a'] }], clock: new TestClock(0) })
    await server.client().append('/a', [ping])
    expect(await server.processorsSettled()).toMatchObject([{ status: 'retrying', error: { attempts: 1 } }])
    await server.clock.advance(249)
    expect(tries).toEqual([0])
    await server.clock.advance(1)
    expect(tries).toEqual([0, 250])
    await server.clock.advance(60_000)
    expect(tries).toEqual([0, 250, 750, 1750])
    expect(await server.processorsSettled()).toMatchObject([
      { status: 'parked', error: { attempts: 4, message: 'no' } },
    ])
    const { events } = await server.client().read('/a', { types: ['stream/error-occurred'] })
    expect(events).toMatchObject([{ createdAt: '1970-01-01T00:00:01.750Z', payload: { offset: 3, message: 'no' } }])
  })

  test('lets a processor go on that waits for a pause to end', async () => {
    const server = start({ processors: [{ processor: pinging(), attachTo: ['/a'] }] })
    const elsewhere = { ...pinging(({ append }) => append({ type: 'x' }, '/paused')), slug: 'elsewhere' }
    const second = start({ processors: [{ processor: elsewhere, attachTo: ['/a'] }], clock: server.clock })
    const client = second.client()
    await client.append('/paused', [ping])
    await client.onStream('/paused', (stream) => stream.pause('for a while'))
    await client.append('/a', [ping])
    await server.clock.advance(60_000)
    expect(await second.processorsSettled()).toMatchObject([{ status: 'waiting' }])
    await client.onStream('/paused', (stream) => stream.resume())
    await server.clock.advance(5000)
    expect(await second.processorsSettled()).toMatchObject([{ status: 'caught-up' }])
    expect(await pongs(second)).toEqual([1])
  })

  test('runs out the other waits of the server too', async () => {
    const server = start()
    const stream = server.project().streams.get('/a')
    await stream.append([ping])
    const through: number[] = []
    using subscription = await stream.subscribe({ after: 'now', types: ['other'] }, (batch) => {
      through.push(batch.through)
    })
    await stream.append([ping, ping])
    await server.clock.advance(4999)
    expect(through).toEqual([2])
    await server.clock.advance(1)
    expect(through).toEqual([2, 4])
    await subscription.unsubscribe()
  })

  test('goes from wait to wait in their order, each at its own time, and past none that was taken back', async () => {
    const clock = new TestClock(0)
    const heard: string[] = []
    const hear = (name: string) => () => void heard.push(`${name}@${clock.now()}`)
    clock.timer(300, hear('third'))
    clock.timer(100, () => {
      heard.push(`first@${clock.now()}`)
      clock.timer(100, hear('second'))
    })
    clock.timer(250, hear('never'))()
    clock.timer(301, hear('late'))
    await clock.advance(300)
    expect([heard, clock.now()]).toEqual([['first@100', 'second@200', 'third@300'], 300])
  })

  test('refuses what is no time', async () => {
    expect(() => new TestClock('soon')).toThrow('soon')
    await expect(new TestClock().advance(-1)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })
})

describe('a restart', () => {
  test('keeps what was acknowledged, and the handle stays good', async () => {
    const server = start()
    const stream = server.project().streams.get('/a')
    await stream.append([ping])
    const { incarnationId } = await stream.state()
    await server.restart()
    expect(await stream.state()).toMatchObject({ exists: true, maxOffset: 2, incarnationId })
    expect(await stream.append([ping])).toMatchObject([{ offset: 3 }])
  })

  test('loses what was not yet on the disk, and says so', async () => {
    const server = start()
    const stream = server.project().streams.get('/a')
    await stream.append([ping])
    const late = failureOf(stream.append([ping]))
    // Begun, and not committed: that comes at the end of this turn.
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    await server.restart()
    expect(await late).toEqual({ code: 'UNAVAILABLE', reason: 'stopped' })
    expect(await stream.state()).toMatchObject({ maxOffset: 2 })
  })

  test('lets a processor go on from its checkpoint, once for each event', async () => {
    const acted: number[] = []
    const server = start({
      processors: [{ processor: pinging(({ event }) => acted.push(event.offset)), attachTo: ['/a'] }],
    })
    await server.client().append('/a', [ping, ping])
    await server.processorsSettled()
    await server.restart()
    await server.client().append('/a', [ping])
    await server.processorsSettled()
    expect(acted).toEqual([3, 4, 7])
    expect(await pongs(server)).toEqual([1, 2, 3])
  })

  test('in the middle of an effect lets it act again, and its keys keep that from being stored twice', async () => {
    const acted: number[] = []
    const hanging = Promise.withResolvers<void>()
    let hangs = true
    const server = start({
      processors: [
        {
          processor: pinging(async ({ event, append }) => {
            acted.push(event.offset)
            await append({ type: 'begun' })
            if (hangs) await hanging.promise
          }),
          attachTo: ['/a'],
        },
      ],
    })
    await server.client().append('/a', [ping])
    await expect.poll(() => acted).toEqual([3])
    await expect.poll(async () => (await server.client().state('/a')).maxOffset).toBe(4)
    hangs = false
    await server.restart()
    expect(await server.processorsSettled()).toMatchObject([{ status: 'caught-up', lag: 0 }])
    expect(acted).toEqual([3, 3])
    const { events } = await server.client().read('/a', { after: 3 })
    expect(events.map(({ type }) => type)).toEqual(['begun', 'pong'])
    // The effect of the life that is over wakes up, and finds that it may not act any more.
    hanging.resolve()
    await server.processorsSettled()
    expect(await pongs(server)).toEqual([1])
  })

  test('ends readers, and forgets the waits of the life before', async () => {
    const server = start({
      processors: [{ processor: pinging(() => Promise.reject(new Error('no'))), attachTo: ['/a'] }],
    })
    const stream = server.project().streams.get('/a')
    using subscription = await stream.subscribe({}, () => {})
    await stream.append([ping])
    expect(await server.processorsSettled()).toMatchObject([{ status: 'retrying', error: { attempts: 1 } }])
    await server.restart()
    expect(await subscription.closed()).toMatchObject({ reason: 'shutdown' })
    // The attempts begin anew: were the old timer still there, this would be the third.
    expect(await server.processorsSettled()).toMatchObject([{ status: 'retrying', error: { attempts: 1 } }])
    await server.clock.advance(250)
    expect(await server.processorsSettled()).toMatchObject([{ status: 'retrying', error: { attempts: 2 } }])
  })
})

test('a closed server takes nothing more', async () => {
  const server = start()
  const stream = server.project().streams.get('/a')
  server.close()
  expect(await failureOf(stream.append([ping]))).toEqual({ code: 'UNAVAILABLE', reason: 'shutting-down' })
  expect(() => server.project()).toThrow(ItxError)
})
