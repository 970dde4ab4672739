/**
 * A peer in a process of its own: what `ws`, capnweb or node:http do with next to nothing around them. Its one argument says
 * which.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RpcTarget, newWebSocketRpcSession } from 'capnweb'
import { WebSocketServer } from 'ws'
import type { Whoami } from '../src/itx/handle.ts'
import { answering, cpuMicros, openFileLimit } from './answering.ts'
import { memory } from './memory.ts'

/** Answers what a token is answered, and looks at nothing. */
class Echo extends RpcTarget {
  async whoami(): Promise<Whoami> {
    return { kind: 'token', id: 'tok_1234567890ab', projectId: 'prj_1234567890ab', role: 'admin' }
  }
}

const [kind, portGiven = '0'] = process.argv.slice(2)
const server = createServer()
const sockets = () => new WebSocketServer({ server })
let page = Buffer.alloc(0)

switch (kind) {
  case 'capnweb':
    sockets().on('connection', (socket) => {
      newWebSocketRpcSession(socket as unknown as WebSocket, new Echo())
    })
    break
  case 'sockets':
    sockets().on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))))
    break
  case 'page':
    server.on('request', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': page.length })
      response.end(page)
    })
    break
  case 'accept':
    server.on('request', (request, response) => {
      request.resume().on('end', () => response.writeHead(204).end())
    })
    break
  default:
    throw new Error(`there is no peer of the kind ${kind}`)
}

const operations = {
  rss: () => process.memoryUsage.rss(),
  cpu: () => cpuMicros(),
  memory: () => memory(),
  openFiles: () => openFileLimit(),
  /** What `page` answers from now on. */
  show: ({ html }: { html: string }) => {
    page = Buffer.from(html)
  },
}

export type Operations = typeof operations

await new Promise<void>((resolve) => server.listen(Number(portGiven), '127.0.0.1', resolve))
answering(operations, { port: (server.address() as AddressInfo).port })
