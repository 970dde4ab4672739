/** Opens sockets and keeps them open, in a process of its own: one process can hold only so many. */
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { answering, openFileLimit } from './answering.ts'

/** Sockets that are dialled at once. */
const AT_ONCE = 50

const sockets: WebSocket[] = []
let lost = 0

async function open(url: string, headers: Record<string, string>, messages: readonly string[]): Promise<void> {
  const socket = new WebSocket(url, { headers, perMessageDeflate: false })
  await once(socket, 'open')
  sockets.push(socket)
  socket.on('close', () => lost++)
  const answered = once(socket, 'message')
  for (const message of messages) socket.send(message)
  await answered
}

const operations = {
  openFiles: () => openFileLimit(),
  /** Opens so many sockets and waits until each has had an answer to what it said. */
  open: async (wanted: { url: string; headers: Record<string, string>; messages: string[]; count: number }) => {
    let left = wanted.count
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) await open(wanted.url, wanted.headers, wanted.messages)
      }),
    )
  },
  /** Those that the server has closed. */
  lost: () => lost,
  close: async () => {
    for (const socket of sockets.splice(0)) socket.terminate()
    await wait(100)
    lost = 0
  },
}

export type Operations = typeof operations

answering(operations, null)
