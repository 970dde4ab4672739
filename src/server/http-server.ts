import { type IncomingMessage, type RequestListener, type Server, createServer } from 'node:http'
import type { Duplex } from 'node:stream'

interface Doors {
  readonly handle: RequestListener
  /** Answers an upgrade to the socket door. */
  readonly handleUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>
}

interface HttpServer {
  readonly server: Server
  /** From now on every new request is told that the server is shutting down; what is under way goes on. */
  refuse(): void
  /** Resolves when no request is under way any more, at the latest after `ms`. */
  drained(ms: number): Promise<void>
}

const SOCKET_TARGET = /^\/api\/itx(?:\?|$)/

/** Whoever offers another protocol (curl offers HTTP/2) is answered in this one. */
function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** One port for pages, HTTP doors and the socket door, and how to stop serving it without cutting anybody off. */
export function createHttpServer({ handle, handleUpgrade }: Doors): HttpServer {
  let refusing = false
  let underWay = 0
  let onDrained: (() => void) | undefined

  const server = createServer({ shouldUpgradeCallback: isWebSocket }, (request, response) => {
    // Here, where nothing passes by: files, sign-in and pages are answered by libraries that leave it out.
    response.setHeader('x-content-type-options', 'nosniff')
    if (refusing) {
      response.writeHead(503, { connection: 'close', 'retry-after': '1', 'content-type': 'application/json' })
      response.end(
        '{"code":"UNAVAILABLE","message":"the server is shutting down","details":{"reason":"shutting-down"}}',
      )
      return
    }
    underWay++
    response.once('close', () => {
      underWay--
      if (underWay === 0) onDrained?.()
    })
    handle(request, response)
  })
  server.on('upgrade', (request, socket, head) => {
    // Without a listener a reset would end the process.
    socket.on('error', () => socket.destroy())
    // Compared as text: a target need not be one that a URL can be made of.
    const isSocket = SOCKET_TARGET.test(request.url ?? '')
    if (!refusing && isSocket) return void handleUpgrade(request, socket, head)
    const answer = refusing ? '503 Service Unavailable\r\nRetry-After: 1' : '404 Not Found'
    socket.end(`HTTP/1.1 ${answer}\r\nConnection: close\r\n\r\n`)
  })

  return {
    server,
    refuse() {
      refusing = true
      server.close()
    },
    async drained(ms) {
      if (underWay === 0) return
      let timer: ReturnType<typeof setTimeout> | undefined
      await Promise.race([
        new Promise<void>((resolve) => (onDrained = resolve)),
        new Promise<void>((resolve) => (timer = setTimeout(resolve, ms))),
      ])
      clearTimeout(timer)
    },
  }
}
