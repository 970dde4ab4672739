import { type Server, createServer } from 'node:http'
import { type AddressInfo, type Socket, createServer as createSocketServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { failureOf } from '../streams/testing.ts'
import type { WakeNotice } from '../streams/subscriptions/ports.ts'
import { WebhookReceiver, isSigned } from '../streams/subscriptions/testing.ts'
import type { Resolve } from './webhook-address.ts'
import { WebhookDelivery } from './webhook-delivery.ts'
import { WebhookKeys } from './webhook-keys.ts'

const keys = new WebhookKeys('a'.repeat(64))
const REFUSED = { code: 'BAD_REQUEST', reason: 'webhook-url', field: 'webhook.url' }
const NOTICE: WakeNotice = {
  subscriptionId: 'sub/1',
  wakeId: 'w_1',
  generation: 7,
  address: 'https://streams.example/api/streams/demo/v1/stream/',
  streams: [{ name: 'events/a', explicit: false, acked: -1, tail: 5, pending: true }],
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

function delivery(resolve?: Resolve): WebhookDelivery {
  return new WebhookDelivery('prj_1', { keys, localhost: true, ...(resolve ? { resolve } : {}) })
}

function deliver(url: string, resolve?: Resolve, signal = new AbortController().signal) {
  return delivery(resolve).deliver(url, NOTICE, signal)
}

/** The message of what a delivery fails with. */
async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no failure',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
}

test('a wake arrives signed, with where to call back and a token for that', async () => {
  await using receiver = await WebhookReceiver.start()
  expect(await deliver(receiver.url)).toEqual({ done: false })
  const received = await receiver.nth(1)
  const { callback_token: token, ...json } = received.json
  expect(json).toEqual({
    subscription_id: 'sub/1',
    wake_id: 'w_1',
    generation: 7,
    streams: [
      {
        path: 'events/a',
        link_type: 'glob',
        acked_offset: '-1',
        tail_offset: '0000000000000005_0000000000000000',
        has_pending: true,
      },
    ],
    callback_url: 'https://streams.example/api/streams/demo/v1/stream/__ds/subscriptions/sub%2F1/callback',
  })
  expect(keys.verify(token)).toEqual({ projectId: 'prj_1', subscriptionId: 'sub/1', wakeId: 'w_1', generation: 7 })
  expect(isSigned(received, [keys.publicKey('prj_1')])).toBe(true)
})

test.each([
  ['{"done":true}', true],
  ['{"done":"true"}', false],
  ['{"done":1}', false],
  ['[true]', false],
  ['null', false],
  ['', false],
  ['not JSON', false],
])('the answer %s means done: %s', async (body, done) => {
  await using receiver = await WebhookReceiver.start()
  receiver.answer = () => [200, body]
  expect(await deliver(receiver.url)).toEqual({ done })
})

test.each([301, 302, 307, 308])('a redirection (%i) is not followed', async (status) => {
  await using elsewhere = await WebhookReceiver.start()
  await using receiver = await WebhookReceiver.start()
  receiver.answer = () => [status, '', { location: elsewhere.url }]
  expect(await messageOf(deliver(receiver.url))).toBe(`it answered ${status}`)
  expect(elsewhere.received).toEqual([])
})

test.each([400, 404, 410, 500, 503])('a receiver that answers %i has not taken it', async (status) => {
  await using receiver = await WebhookReceiver.start()
  receiver.answer = () => [status, '{"done":true}']
  expect(await messageOf(deliver(receiver.url))).toBe(`it answered ${status}`)
})

test('of an answer without an end no more than 64 KiB are read, and the connection is let go', async () => {
  let sent = 0
  const closed = Promise.withResolvers<void>()
  const server = await listening(
    createServer((request, response) => {
      request.resume()
      response.writeHead(200)
      response.on('close', () => closed.resolve())
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16 * 1024, ' '))) sent += 16 * 1024
        response.once('drain', more)
      }
      more()
    }),
  )
  expect(await deliver(`http://127.0.0.1:${server.port}/`)).toEqual({ done: false })
  await closed.promise
  // What the operating system holds in between comes on top.
  expect(sent).toBeLessThan(64 * 1024 * 1024)
})

test('a receiver that says nothing is given up when it is time, and its connection with it', async () => {
  const gone = Promise.withResolvers<void>()
  const connected = Promise.withResolvers<void>()
  const server = await listening(
    createServer((request, response) => {
      request.resume()
      response.on('close', () => gone.resolve())
      connected.resolve()
    }),
  )
  const time = new AbortController()
  const delivered = messageOf(deliver(`http://127.0.0.1:${server.port}/`, undefined, time.signal))
  await connected.promise
  time.abort(new Error('no answer in 1000 ms'))
  expect(await delivered).toBe('no answer in 1000 ms')
  await gone.promise
})

test('a name that led to the internet when the subscription was made, and leads inside now, is refused', async () => {
  await using receiver = await WebhookReceiver.start()
  let address = '1.1.1.1'
  const rebinding: Resolve = async () => [{ address, family: 4 }]
  const url = `https://hooks.example:${receiver.port}/`
  await delivery(rebinding).check(url)
  address = '127.0.0.1'
  expect(await failureOf(deliver(url, rebinding))).toEqual(REFUSED)
  expect(receiver.received).toEqual([])
})

test('a name is asked for once, and the connection goes to the answer: another answer a moment later is never heard', async () => {
  const reached: string[] = []
  const sink = createSocketServer((socket: Socket) => {
    reached.push(String(socket.localAddress))
    socket.destroy()
  })
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => sink.close(resolve)))
  const { port } = sink.address() as AddressInfo
  const answers = ['127.0.0.5', '127.0.0.1']
  let asked = 0
  // Where one address is allowed, a second look-up is what would lead elsewhere.
  const resolve: Resolve = async () => [{ address: answers[asked++] ?? '127.0.0.1', family: 4 }]
  await messageOf(deliver(`http://localhost:${port}/`, resolve))
  expect(asked).toBe(1)
  // Nobody listens at the first answer, and the second was never asked for.
  expect(reached).toEqual([])
})

test('the host that is named is the one that the receiver sees, whatever the address', async () => {
  await using receiver = await WebhookReceiver.start()
  await deliver(`http://localhost:${receiver.port}/a?b=c`, async () => [{ address: '127.0.0.1', family: 4 }])
  expect((await receiver.nth(1)).headers.host).toBe(`localhost:${receiver.port}`)
})

test('when a subscription is made, a name that leads nowhere is let pass, and one that leads inside is not', async () => {
  const failing: Resolve = async () => {
    throw new Error('ENOTFOUND')
  }
  await delivery(failing).check('https://not-yet.example/')
  await delivery(async () => [{ address: '1.1.1.1', family: 4 }]).check('https://there.example/')
  const inside: Resolve = async () => [{ address: '10.0.0.1', family: 4 }]
  expect(await failureOf(delivery(inside).check('https://inside.example/'))).toEqual(REFUSED)
})

async function listening(server: Server): Promise<{ readonly port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port }
}
