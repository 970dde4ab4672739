import type { AddressInfo } from 'node:net'
import { RpcSession, RpcTarget } from 'capnweb'
import { WebSocket, WebSocketServer } from 'ws'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../../server/testing.ts'
import { Connection } from './connection.ts'
import { FrameTransport } from './frame-transport.ts'
import { resumeWithSession } from './session-return.ts'

// A tab whose session has ended, and whose reader comes back to it. The server here knows one user at a time.

let user: string
class Root extends RpcTarget {
  async whoami() {
    return { kind: 'user', id: user }
  }
}

let server: WebSocketServer
let connection: Connection
let signedIn: string | null | undefined
let asked: number
let reloads: number
let comeBack: () => Promise<void>
beforeEach(async () => {
  ;[user, signedIn, asked, reloads] = ['ada', 'ada', 0, 0]
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  server.on('connection', (socket) => {
    const watch = { sent: () => {}, heard: () => {} }
    void new RpcSession(new FrameTransport(socket as unknown as globalThis.WebSocket, watch), new Root())
  })
  const { port } = server.address() as AddressInfo
  connection = new Connection(() => new WebSocket(`ws://127.0.0.1:${port}`) as unknown as globalThis.WebSocket)
  comeBack = resumeWithSession({
    connection,
    askWho: async () => {
      asked++
      return signedIn
    },
    reload: () => reloads++,
  })
})
afterEach(async () => {
  connection.close()
  await new Promise((resolve) => server.close(resolve))
})

/** The page was shown to somebody, and their session ends. */
async function endedSession(reason = 'signed out'): Promise<void> {
  using root = await connection.root()
  // Twice: when the second answer is there, so is the one that was asked for by itself.
  await root.whoami()
  await root.whoami()
  for (const socket of server.clients) socket.close(4401, reason)
  await eventually(() => connection.status.state === 'signed-out')
}

test('whoever has signed in again goes on where they were', async () => {
  await endedSession()
  await comeBack()
  expect([connection.status, reloads]).toEqual([{ state: 'idle' }, 0])
  using root = await connection.root()
  expect(await root.whoami()).toMatchObject({ id: 'ada' })
})

test('somebody else does not see what was on the page: it is loaded anew', async () => {
  await endedSession()
  signedIn = 'bob'
  await comeBack()
  expect([connection.status.state, reloads]).toEqual(['signed-out', 1])
})

test.each([
  ['nobody is signed in', null],
  ['nobody can tell', undefined],
])('while %s it stays signed out', async (_when, who) => {
  await endedSession()
  signedIn = who
  await comeBack()
  expect([connection.status.state, reloads, asked]).toEqual(['signed-out', 0, 1])
})

test('rights that have changed are left to the reader: what is on the page may be no longer so', async () => {
  await endedSession('access changed')
  await comeBack()
  expect([connection.status, asked, reloads]).toEqual([{ state: 'signed-out', reason: 'access changed' }, 0, 0])
})

test('a tab that is not signed out asks nobody', async () => {
  await comeBack()
  using root = await connection.root()
  await root.whoami()
  await comeBack()
  expect(asked).toBe(0)
})

test('coming back twice at once asks once', async () => {
  await endedSession()
  await Promise.all([comeBack(), comeBack()])
  expect(asked).toBe(1)
})
