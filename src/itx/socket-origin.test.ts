import { afterEach, expect, test } from 'vitest'
import { type Dialled, TestTributary } from '../server/testing.ts'
import { setInstance } from './instance.ts'
import { closeSockets } from './socket.ts'

// The socket door where the operator has said what the public address is, and when the server goes or comes anew.

let tributary: TestTributary
const dialled: Dialled[] = []
afterEach(async () => {
  for (const each of dialled.splice(0)) each.socket.terminate()
  await tributary.stop()
})

function dial(headers: Record<string, string>): Dialled {
  const socket = tributary.dial(headers)
  dialled.push(socket)
  return socket
}

test('with a public address a page of that address alone is let in, and none of this machine', async () => {
  tributary = await TestTributary.start({ TRIBUTARY_BASE_URL: 'https://streams.example.com' })
  const cookie = await tributary.signIn(await tributary.user('ada@example.com', { demo: 'viewer' }))
  const ours = dial({ cookie, origin: 'https://streams.example.com' })
  expect(await ours.root.whoami()).toMatchObject({ email: 'ada@example.com' })
  const { port } = tributary
  const others = ['localhost', '127.0.0.1', '[::1]'].map((host) => `http://${host}:${port}`)
  others.push(
    'http://streams.example.com',
    'https://streams.example.com:443',
    'https://streams.example.com:8443',
    'https://www.streams.example.com',
    'https://streams.example.com.',
  )
  for (const origin of others)
    expect([origin, await dial({ cookie, origin }).opened]).toEqual([origin, { status: 403 }])
})

test('what is evaluated anew, in dev, tells every socket to come back at once: 1012', async () => {
  tributary = await TestTributary.start()
  const sockets = [tributary.itx('viewer'), dial({})]
  dialled.push(...sockets)
  await Promise.all(sockets.map(({ root }) => root.ping()))
  closeSockets('restart')
  for (const { ended } of sockets) expect(await ended).toEqual({ code: 1012, reason: 'reloading' })
  // The door itself stays open.
  expect(await tributary.itx('viewer').root.ping()).toBe('pong')
})

test('a server that has not begun, or is over, answers 503 and when to come back', async () => {
  tributary = await TestTributary.start()
  const { instance } = tributary
  const refused = Promise.withResolvers<unknown>()
  setInstance(undefined)
  const { socket } = dial({})
  socket.on('unexpected-response', (_request, { statusCode, headers }) =>
    refused.resolve([statusCode, headers['retry-after']]),
  )
  expect(await refused.promise).toEqual([503, '1'])
  setInstance(instance)
  expect(await tributary.itx('viewer').root.ping()).toBe('pong')
})
