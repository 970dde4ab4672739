import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { RpcSession, RpcTarget } from 'capnweb'
import { WebSocketServer, type WebSocket as NodeSocket } from 'ws'
import { ItxError } from '../streams/errors.ts'
import { type Principal, ANONYMOUS } from './access.ts'
import { outgoingError } from './errors-out.ts'
import { GuardedTransport } from './guarded-transport.ts'
import type { ItxApi, Pipelined } from './handle.ts'
import { type Instance, currentInstance } from './instance.ts'
import { ItxTarget } from './itx-target.ts'
import { principalOfAuthorization, principalOfCookie } from './principal.ts'
import { allowOnly, members } from './rpc-target.ts'

export const SOCKET_PATH = '/api/itx'

/** Close codes of our own (4000-4999 are free for applications). */
export const CLOSE_SIGNED_OUT = 4401
const CLOSE_GOING_AWAY = 1001
const CLOSE_RESTART = 1012

const PING_EVERY_MS = 15_000
const MISSED_PINGS = 3
/** How long a program may take to authenticate in-band. */
const AUTHENTICATE_MS = 10_000

interface Sockets {
  readonly server: WebSocketServer
  readonly live: Set<NodeSocket>
}

// In dev every edit evaluates this module anew; the sockets of the old one must still be closed at the end.
const KEY = Symbol.for('tributary.sockets')
const holder = globalThis as { [KEY]?: Sockets }

function sockets(instance: Instance): Sockets {
  return (holder[KEY] ??= {
    server: new WebSocketServer({ noServer: true, maxPayload: instance.config.limits.maxMessageBytes }),
    live: new Set(),
  })
}

/**
 * Answers an upgrade request for `/api/itx` (design page `itx.md`, "The socket door").
 *
 * A browser is known by its Origin header: it must be one of ours, else 403 before the upgrade; without a session it is
 * accepted and closed with 4401, since a page cannot read a refused upgrade. A program brings a Bearer token (a bad one:
 * 401) or authenticates in-band.
 */
export async function handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  // Without a listener a reset during the handshake would end the process.
  socket.on('error', () => socket.destroy())
  try {
    const instance = currentInstance()
    const verdict = await judge(instance, request)
    if ('status' in verdict) return refuse(socket, verdict.status)
    if (socket.destroyed) return
    const { server, live } = sockets(instance)
    server.handleUpgrade(request, socket, head, (ws) => {
      live.add(ws)
      ws.on('close', () => live.delete(ws))
      serve(instance, ws, verdict)
    })
  } catch (error) {
    // A server that is shutting down has no instance any more.
    if (!(error instanceof ItxError)) console.error(error)
    refuse(socket, '503 Service Unavailable')
  }
}

/** Closes every socket. `restart` asks clients to come back at once, as after a reload in dev. */
export function closeSockets(reason: 'shutdown' | 'restart'): void {
  for (const ws of holder[KEY]?.live ?? []) {
    if (reason === 'restart') ws.close(CLOSE_RESTART, 'reloading')
    else ws.close(CLOSE_GOING_AWAY, 'shutting down')
  }
}

/** Ends what did not close by itself. */
export function terminateSockets(): void {
  for (const ws of holder[KEY]?.live ?? []) ws.terminate()
}

type Verdict = { readonly status: string } | { readonly principal: Principal; readonly browser: boolean }

async function judge(instance: Instance, request: IncomingMessage): Promise<Verdict> {
  const { origin, authorization, cookie } = request.headers
  if (origin !== undefined && !instance.config.allowedOrigins.includes(origin)) return { status: '403 Forbidden' }
  if (authorization !== undefined) {
    const principal = principalOfAuthorization(instance, authorization)
    return principal === 'bad' ? { status: '401 Unauthorized' } : { principal, browser: false }
  }
  if (origin !== undefined) {
    const headers = new Headers(cookie === undefined ? {} : { cookie })
    return { principal: await principalOfCookie(instance, headers), browser: true }
  }
  // A cookie without an Origin is no browser of ours, and no program needs one.
  return cookie === undefined ? { principal: ANONYMOUS, browser: false } : { status: '403 Forbidden' }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function serve(instance: Instance, ws: NodeSocket, { principal, browser }: { principal: Principal; browser: boolean }) {
  ws.on('error', () => ws.terminate())
  if (principal.kind === 'anonymous' && browser) return ws.close(CLOSE_SIGNED_OUT, 'signed out')
  keepAlive(ws)
  let target: RpcTarget
  if (principal.kind === 'anonymous') {
    const timer = setTimeout(() => ws.close(CLOSE_SIGNED_OUT, 'not authenticated in time'), AUTHENTICATE_MS)
    ws.on('close', () => clearTimeout(timer))
    target = new AuthenticateTarget(instance, () => clearTimeout(timer))
  } else target = new ItxTarget(instance, principal)
  // Lives as long as its socket, which holds it.
  void new RpcSession(new GuardedTransport(ws as unknown as WebSocket), target, {
    // A socket that is gone aborts its session with an error that nobody will read.
    onSendError: (error) => (ws.readyState === ws.OPEN ? outgoingError(instance, error) : error),
  })
}

/** Browsers answer pings by themselves, in hidden tabs too; who misses three is gone. */
function keepAlive(ws: NodeSocket): void {
  let missed = 0
  ws.on('pong', () => (missed = 0))
  const timer = setInterval(() => {
    if (missed >= MISSED_PINGS) return ws.terminate()
    missed++
    ws.ping()
  }, PING_EVERY_MS)
  ws.on('close', () => clearInterval(timer))
}

interface AuthenticateApi {
  ping(): Promise<'pong'>
  authenticate(token: string): Pipelined<ItxApi>
}

/** All that a program without credentials gets: a way to bring one. */
class AuthenticateTarget extends RpcTarget implements AuthenticateApi {
  readonly #instance: Instance
  readonly #onAuthenticated: () => void

  constructor(instance: Instance, onAuthenticated: () => void) {
    super()
    this.#instance = instance
    this.#onAuthenticated = onAuthenticated
  }

  async ping(): Promise<'pong'> {
    return 'pong'
  }

  authenticate(token: string): Pipelined<ItxApi> {
    const principal = principalOfAuthorization(this.#instance, typeof token === 'string' ? `Bearer ${token}` : null)
    if (principal === 'bad' || principal.kind === 'anonymous') {
      throw new ItxError('FORBIDDEN', 'that token is not valid', { reason: 'credential' })
    }
    this.#onAuthenticated()
    return new ItxTarget(this.#instance, principal) as unknown as Pipelined<ItxApi>
  }
}
allowOnly(AuthenticateTarget, members<AuthenticateApi>()('ping', 'authenticate'))
