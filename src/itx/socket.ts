import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { RpcSession, RpcTarget } from 'capnweb'
import { WebSocketServer, type WebSocket } from 'ws'
import { sessionCookieName } from '../control-plane/auth.ts'
import { ItxError } from '../streams/errors.ts'
import { CallBudget } from './call-budget.ts'
import { codedErrors } from './coded-errors.ts'
import { outgoingError } from './errors-out.ts'
import { FrameGuard, callFault } from './frame-guard.ts'
import type { ItxApi, Pipelined } from './handle.ts'
import { type Instance, currentInstance } from './instance.ts'
import { ItxTarget } from './itx-target.ts'
import {
  ANONYMOUS,
  type KnownPrincipal,
  type Principal,
  principalOfAuthorization,
  principalOfCookie,
} from './principal.ts'
import { allowOnly, members } from './rpc-target.ts'
import { SocketSession } from './socket-session.ts'
import { SocketTransport } from './socket-transport.ts'

/** Close codes of our own (4000-4999 are free for applications). */
const CLOSE_SIGNED_OUT = 4401
const CLOSE_GOING_AWAY = 1001
const CLOSE_RESTART = 1012

/** Each socket is pinged this often; one that misses three is gone. */
const PING_EVERY_MS = 15_000
const MISSED_PINGS = 3
/** How long a program may take to authenticate in-band, and how much it may send until then. */
const AUTHENTICATE_MS = 10_000
const AUTHENTICATE_BYTES = 64 * 1024
/** Sockets that have not said who they are, at once. */
const MOST_ANONYMOUS = 1000

interface Sockets {
  readonly server: WebSocketServer
  /** With the number of pings that each has not answered. */
  readonly live: Map<WebSocket, number>
  anonymous: number
  readonly pings: ReturnType<typeof setInterval>
}

// In dev every edit evaluates this module anew; the sockets of the old one must still be closed at the end.
const KEY = Symbol.for('tributary.sockets')
const holder = globalThis as { [KEY]?: Sockets | undefined }

function sockets(instance: Instance): Sockets {
  return (holder[KEY] ??= openSockets(instance))
}

function openSockets(instance: Instance): Sockets {
  const live = new Map<WebSocket, number>()
  const pings = setInterval(() => pingAll(live), PING_EVERY_MS)
  pings.unref()
  return {
    server: new WebSocketServer({ noServer: true, maxPayload: instance.config.limits.maxMessageBytes }),
    live,
    anonymous: 0,
    pings,
  }
}

/** Browsers answer pings by themselves, in hidden tabs too. */
function pingAll(live: Map<WebSocket, number>): void {
  for (const [ws, missed] of live) {
    if (missed >= MISSED_PINGS) ws.terminate()
    else {
      live.set(ws, missed + 1)
      ws.ping()
    }
  }
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
    const all = sockets(instance)
    if (verdict.principal.kind === 'anonymous' && all.anonymous >= MOST_ANONYMOUS) {
      return refuse(socket, '429 Too Many Requests', 'Retry-After: 10\r\n')
    }
    all.server.handleUpgrade(request, socket, head, (ws) => {
      all.live.set(ws, 0)
      ws.on('pong', () => all.live.set(ws, 0))
      ws.on('close', () => all.live.delete(ws))
      ws.on('error', () => ws.terminate())
      serve(instance, all, { ws, socket, ...verdict })
    })
  } catch (error) {
    // A server that is shutting down has no instance any more.
    if (!(error instanceof ItxError)) console.error(error)
    refuse(socket, '503 Service Unavailable', 'Retry-After: 1\r\n')
  }
}

/** Closes every socket. `restart` asks clients to come back at once, as after a reload in dev. */
export function closeSockets(reason: 'shutdown' | 'restart'): void {
  for (const ws of holder[KEY]?.live.keys() ?? []) {
    if (reason === 'restart') ws.close(CLOSE_RESTART, 'reloading')
    else ws.close(CLOSE_GOING_AWAY, 'shutting down')
  }
}

/** Ends what did not close by itself. */
export function terminateSockets(): void {
  const all = holder[KEY]
  if (!all) return
  for (const ws of all.live.keys()) ws.terminate()
  clearInterval(all.pings)
  holder[KEY] = undefined
}

/** Who comes in, by which kind of client, from where. */
interface Admitted {
  readonly principal: Principal
  readonly browser: boolean
  readonly address: string | null
}

type Verdict = { readonly status: string } | Admitted

async function judge(instance: Instance, request: IncomingMessage): Promise<Verdict> {
  const { origin, authorization, cookie } = request.headers
  const address = instance.addresses.of(request.socket.remoteAddress, request.headers['x-forwarded-for']?.toString())
  const denied = { by: null, door: 'socket', address } as const
  if (origin !== undefined && !instance.config.allowedOrigins.includes(origin)) {
    instance.audit.record({
      type: 'access/denied',
      payload: { ...denied, reason: 'origin', origin: origin.slice(0, 254) },
    })
    return { status: '403 Forbidden' }
  }
  if (authorization !== undefined) {
    const principal = principalOfAuthorization(instance, authorization)
    if (principal !== 'bad') return { principal, browser: false, address }
    instance.audit.record({ type: 'access/denied', payload: { ...denied, reason: 'credential' } })
    return { status: '401 Unauthorized' }
  }
  if (origin !== undefined) {
    const headers = new Headers(cookie === undefined ? {} : { cookie })
    const principal = await principalOfCookie(instance, headers)
    // Coming without a session is no denial of one.
    if (principal.kind === 'anonymous' && cookie?.includes(sessionCookieName(instance.config)) === true) {
      instance.audit.record({ type: 'access/denied', payload: { ...denied, reason: 'credential' } })
    }
    return { principal, browser: true, address }
  }
  if (cookie === undefined) return { principal: ANONYMOUS, browser: false, address }
  // A cookie without an Origin is no browser of ours, and no program needs one.
  instance.audit.record({ type: 'access/denied', payload: { ...denied, reason: 'origin' } })
  return { status: '403 Forbidden' }
}

function refuse(socket: Duplex, status: string, headers = ''): void {
  socket.end(`HTTP/1.1 ${status}\r\n${headers}Connection: close\r\nContent-Length: 0\r\n\r\n`)
}

interface Accepted extends Admitted {
  readonly ws: WebSocket
  /** The connection below. */
  readonly socket: Duplex
}

function serve(instance: Instance, all: Sockets, accepted: Accepted): void {
  const { ws, socket, principal, browser } = accepted
  if (principal.kind === 'anonymous' && browser) return ws.close(CLOSE_SIGNED_OUT, 'signed out')
  const { limits } = instance.config
  const frameLimits = { calls: new CallBudget(limits.callsPerSecond), open: limits.openHandles, functions: true }
  const transport = new SocketTransport(ws, socket, new FrameGuard(frameLimits))
  const admit = (known: KnownPrincipal) => {
    const session = new SocketSession(limits.subscriptions, transport)
    const end = (reason: string) => ws.close(CLOSE_SIGNED_OUT, reason)
    const leave = instance.rights.watch({ principal: known, grants: session.grants, end })
    ws.on('close', leave)
    return new ItxTarget(instance, known, session)
  }
  const target = principal.kind === 'anonymous' ? awaitCredential(instance, all, accepted, admit) : admit(principal)
  // Lives as long as its socket, which holds it.
  void new RpcSession(transport, codedErrors(instance, target), {
    // A socket that is gone aborts its session with an error that nobody will read.
    onSendError: (error) =>
      ws.readyState === ws.OPEN ? outgoingError(instance, callFault(error, frameLimits) ?? error) : error,
  })
}

/** What a program without a credential gets: little time, little room, and a way to bring one. */
function awaitCredential(
  instance: Instance,
  all: Sockets,
  { ws, socket, address }: Accepted,
  admit: (principal: KnownPrincipal) => ItxTarget,
): AuthenticateTarget {
  let received = 0
  const count = (chunk: Buffer) => {
    received += chunk.length
    if (received > AUTHENTICATE_BYTES) ws.terminate()
  }
  const timer = setTimeout(() => ws.close(CLOSE_SIGNED_OUT, 'not authenticated in time'), AUTHENTICATE_MS)
  socket.on('data', count)
  all.anonymous++
  let anonymous = true
  const settle = () => {
    if (!anonymous) return
    anonymous = false
    all.anonymous--
    socket.off('data', count)
    clearTimeout(timer)
  }
  ws.on('close', settle)
  return new AuthenticateTarget(instance, address, (principal) => {
    settle()
    return admit(principal)
  })
}

interface AuthenticateApi {
  ping(): Promise<'pong'>
  authenticate(token: string): Pipelined<ItxApi>
}

/** All that a program without credentials gets: a way to bring one. */
class AuthenticateTarget extends RpcTarget implements AuthenticateApi {
  readonly #instance: Instance
  readonly #address: string | null
  readonly #admit: (principal: KnownPrincipal) => ItxTarget
  #admitted = false

  constructor(instance: Instance, address: string | null, admit: (principal: KnownPrincipal) => ItxTarget) {
    super()
    this.#instance = instance
    this.#address = address
    this.#admit = admit
  }

  async ping(): Promise<'pong'> {
    return 'pong'
  }

  authenticate(token: string): Pipelined<ItxApi> {
    if (this.#admitted) {
      throw new ItxError('BAD_REQUEST', 'this socket is authenticated already', { reason: 'authenticated' })
    }
    const principal = principalOfAuthorization(this.#instance, typeof token === 'string' ? `Bearer ${token}` : null)
    if (principal === 'bad' || principal.kind === 'anonymous') {
      this.#instance.audit.record({
        type: 'access/denied',
        payload: { reason: 'credential', by: null, door: 'socket', address: this.#address },
      })
      throw new ItxError('FORBIDDEN', 'that token is not valid', { reason: 'credential' })
    }
    this.#admitted = true
    return this.#admit(principal) as unknown as Pipelined<ItxApi>
  }
}
allowOnly(AuthenticateTarget, members<AuthenticateApi>()('ping', 'authenticate'))
