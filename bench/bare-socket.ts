import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import type { EncodedEvent } from '../src/streams/event.ts'
import type { StreamPath } from '../src/streams/path.ts'
import type { ProjectStreams } from '../src/streams/project-streams.ts'

/** Peers of what goes over the socket: `ws` alone, with the same bytes and nothing around them. */

/** Events of one message, as the engine's batches have them. */
const BATCH_EVENTS = 500
/** Bytes that may wait to be sent before a replay pauses. */
const HIGH_WATER = 4 * 2 ** 20

/**
 * Serves a stream's events, which it has read and encoded beforehand: whoever asks gets them all, as fast as the socket
 * takes them. @returns its port and the number of events.
 */
export async function replayPeer(streams: ProjectStreams, path: StreamPath): Promise<{ port: number; events: number }> {
  const messages: string[] = []
  let events = 0
  for (let after: number | null = 0; after !== null;) {
    const page = await streams.read(path, { after, limit: BATCH_EVENTS })
    messages.push(JSON.stringify(page.events satisfies readonly EncodedEvent[]))
    events += page.events.length
    after = page.nextCursor
  }
  const port = await serve((socket) => {
    // Once it is asked for: a client that has only just connected may not be listening yet.
    socket.once('message', async () => {
      for (const message of messages) {
        socket.send(message)
        while (socket.bufferedAmount > HIGH_WATER) await new Promise((resolve) => setImmediate(resolve))
      }
    })
  })
  return { port, events }
}

/**
 * Passes on what it gets. A message begins with `*`, for everybody, or with the place in the order of connecting of the one it
 * is for, and a space. @returns its port.
 */
export async function relayPeer(): Promise<{ port: number }> {
  let sockets: WebSocket[] = []
  const port = await serve((socket) => {
    sockets.push(socket)
    socket.on('close', () => (sockets = sockets.filter((each) => each !== socket)))
    socket.on('message', (data) => {
      const text = textOf(data)
      const end = text.indexOf(' ')
      const to = text.slice(0, end)
      const message = text.slice(end + 1)
      if (to !== '*') return sockets[Number(to)]?.send(message)
      for (const each of sockets) each.send(message)
    })
  })
  return { port }
}

/** Sends events to whoever is connected, a message for a hundred, whether or not they are read. */
export class FloodPeer {
  readonly #sockets = new Set<WebSocket>()

  async listen(): Promise<{ port: number }> {
    const port = await serve((socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    return { port }
  }

  async send({ events, payload }: { events: number; payload: string }): Promise<void> {
    for (let first = 1; first <= events; first += 100) {
      const batch = Array.from({ length: 100 }, (_, i) => ({ offset: first + i, payload }))
      const message = JSON.stringify(batch)
      for (const socket of this.#sockets) socket.send(message)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/** A client of a peer, connected. */
export async function bareClient(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`)
  await once(socket, 'open')
  return socket
}

export function textOf(data: RawData): string {
  return (data as Buffer).toString()
}

async function serve(onConnection: (socket: WebSocket) => unknown): Promise<number> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  server.on('connection', (socket) => void onConnection(socket))
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
