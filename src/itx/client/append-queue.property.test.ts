import * as fc from 'fast-check'
import { WebSocket } from 'ws'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { TestTributary, eventually } from '../../server/testing.ts'
import { ItxError } from '../../streams/errors.ts'
import { Connection } from './connection.ts'
import { ItxClient } from './itx-client.ts'

// Whatever breaks and whenever: events with keys are stored exactly once, in the order of each caller.

let tributary: TestTributary
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterAll(() => tributary.stop())

/** What becomes of a message that is sent: it arrives; it is lost with the socket; it arrives, and its answer is lost. */
type Fate = 'arrives' | 'lost' | 'unanswered'
const fates = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Fate>('arrives') },
    { weight: 1, arbitrary: fc.constant<Fate>('lost') },
    { weight: 1, arbitrary: fc.constant<Fate>('unanswered') },
  ),
  { minLength: 1, maxLength: 60 },
)
const scenario = fc.record({
  fates,
  /** Callers, each with the sizes of its appends; a call waits for the one before, or not. */
  callers: fc.array(fc.array(fc.record({ events: fc.integer({ min: 1, max: 3 }), waits: fc.boolean() })), {
    minLength: 1,
    maxLength: 5,
  }),
  batchEvents: fc.integer({ min: 1, max: 20 }),
  /** Which of the first appends the server is too busy for. */
  busy: fc.uniqueArray(fc.nat(10), { maxLength: 2 }),
  restart: fc.boolean(),
})

/** A client whose messages meet their fates one after the other; when there are no more, all is well. */
function connect(token: string, wanted: readonly Fate[], batchEvents: number): ItxClient {
  let met = 0
  const connection = new Connection(() => {
    const socket = new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const send = socket.send.bind(socket) as (data: unknown) => void
    socket.send = (data: unknown) => {
      const fate = wanted[met++] ?? 'arrives'
      if (fate === 'lost') return socket.terminate()
      send(data)
      // Whatever the server answers from here on is heard by nobody, and ends the socket.
      if (fate === 'unanswered') socket.removeAllListeners('message').once('message', () => socket.terminate())
    }
    return socket as unknown as globalThis.WebSocket
  })
  // Nothing here is about how long people wait.
  connection.subscribe(() => connection.status.retryAt !== undefined && setImmediate(() => connection.wake()))
  return new ItxClient(connection, 'demo', { batchEvents })
}

/** The server refuses some appends, counted from now, and takes all others. */
function beBusy(busy: readonly number[]): void {
  const streams = tributary.streams()
  const real = streams.append.bind(streams)
  let asked = 0
  vi.spyOn(streams, 'append').mockImplementation((...args) =>
    busy.includes(asked++) ? Promise.reject(new ItxError('UNAVAILABLE', 'not now', { reason: 'busy' })) : real(...args),
  )
}

let runs = 0
test('each event exactly once, in the order of its caller', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ fates: wanted, callers, batchEvents, busy, restart }) => {
      beBusy(busy)
      const path = `/runs/${++runs}`
      const client = connect(tributary.token('editor'), wanted, batchEvents)
      try {
        const working = callers.map(async (appends, caller) => {
          let number = 0
          const calls: Promise<unknown>[] = []
          for (const { events, waits } of appends) {
            const inputs = Array.from({ length: events }, () => ({
              type: `${caller}:${number}`,
              idempotencyKey: `${caller}:${number++}`,
            }))
            const call = client.append(path, inputs)
            calls.push(call)
            if (waits) await call
          }
          return Promise.all(calls)
        })
        const done = Promise.all(working)
        if (restart) {
          await tributary.kill()
          await tributary.resume()
        }
        await done
        const { events } = await tributary.streams().read(path as never, { limit: 1000 })
        callers.forEach((appends, caller) => {
          const expected = appends.reduce((sum, { events: count }) => sum + count, 0)
          const mine = events.filter(({ type }) => type.startsWith(`${caller}:`)).map(({ type }) => type)
          expect(mine).toEqual(Array.from({ length: expected }, (_, n) => `${caller}:${n}`))
        })
      } finally {
        client.close()
        vi.restoreAllMocks()
      }
      await eventually(() => tributary.streams().idle)
    }),
    { numRuns: 40 },
  )
})
