import { DurableStream } from '@durable-streams/client'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { TestTributary, eventually } from '../server/testing.ts'
import { type HttpSourceOptions, httpSource } from './http-source.ts'
import { Recorder } from './testing.ts'

// What a browser says of its network: a request that is waiting never hears of it by itself, and after many failures the
// next attempt is half a minute away.

let tributary: TestTributary
let network: EventTarget
beforeAll(async () => (tributary = await TestTributary.start({ TRIBUTARY_LONG_POLL_MS: '600000' })))
afterAll(() => tributary.stop())
beforeEach(() => {
  network = new EventTarget()
  vi.stubGlobal('addEventListener', network.addEventListener.bind(network))
  vi.stubGlobal('removeEventListener', network.removeEventListener.bind(network))
  return () => vi.unstubAllGlobals()
})

type DurableStreamOptions = ConstructorParameters<typeof DurableStream>[0]

const say = (state: 'online' | 'offline') => network.dispatchEvent(new Event(state))
const noNetwork = () => Promise.reject(new TypeError('Failed to fetch'))

/** Reads a stream of three numbers through a network that is there or not. */
async function reading(path: string, make: (options: DurableStreamOptions) => HttpSourceOptions) {
  const door = tributary.door('admin')
  await door.put(path)
  await door.post(path, '[1, 2, 3]')
  let refuse: (() => Promise<Response>) | null = null
  let refused = 0
  const source = httpSource({
    ...make({
      url: `${tributary.url}/api/streams/demo${path}`,
      headers: { authorization: `Bearer ${tributary.token('viewer')}` },
      fetch: (input, init) => {
        if (refuse === null) return fetch(input, init)
        refused++
        return refuse()
      },
    }),
    // Later than any test is over.
    firstRetryMs: 600_000,
    lastRetryMs: 600_000,
  })
  const recorder = new Recorder()
  const open = source.open({ live: true }, recorder)
  await eventually(() => recorder.isUpToDate)
  return {
    door,
    recorder,
    get refused() {
      return refused
    },
    /** From now on every request ends so; null: as the server answers. */
    refuse: (how: (() => Promise<Response>) | null) => (refuse = how),
    [Symbol.asyncDispose]: () => open.close(),
  }
}

test.each<[string, (options: DurableStreamOptions) => HttpSourceOptions]>([
  ['an address', (streamOptions) => ({ streamOptions: streamOptions as { url: string } })],
  ['a handle', (options) => ({ stream: new DurableStream(options) })],
])('of %s: offline is told at once, and online ends the pause; nothing is missing', async (name, make) => {
  const path = `/network-of-${name.replace(' ', '-')}`
  await using it = await reading(path, make)
  expect(it.recorder.connections).toEqual([true])
  it.refuse(noNetwork)
  say('offline')
  await eventually(() => it.recorder.connections.length === 2)
  await it.door.post(path, '[4]')
  it.refuse(null)
  say('online')
  await eventually(() => it.recorder.messages.length === 4)
  expect([it.recorder.messages, it.recorder.connections]).toEqual([
    [1, 2, 3, 4],
    [true, false, true],
  ])
})

test('a server that asks for time is given it, whatever the network does', async () => {
  await using it = await reading('/busy', (streamOptions) => ({ streamOptions: streamOptions as { url: string } }))
  it.refuse(() => Promise.resolve(new Response(null, { status: 503, headers: { 'retry-after': '600' } })))
  // What was waited for is given up, asked for anew, and refused.
  say('offline')
  await eventually(() => it.recorder.connections.length === 2)
  say('online')
  await eventually(() => it.refused === 1)
  it.refuse(null)
  say('online')
  // A server that answers everybody else is given the time for many answers.
  for (let i = 0; i < 20; i++) await it.door.get('/busy?offset=now')
  expect([it.refused, it.recorder.connections]).toEqual([1, [true, false]])
})
