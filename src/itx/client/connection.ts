import { newWebSocketRpcSession } from 'capnweb'
import { ItxError } from '../../streams/errors.ts'
import type { ItxApi, ProjectApi } from '../handle.ts'

/** Close code of a socket whose session has ended. */
const CLOSE_SIGNED_OUT = 4401

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 10_000
/** How long a call waits for a connection before it fails. */
const READY_MS = 10_000

export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'signed-out'

/** What is known of the connection. Replaced, never changed: made for `useSyncExternalStore`. */
export interface ConnectionStatus {
  readonly state: ConnectionState
  /** When the next attempt is made, milliseconds since the epoch; only while reconnecting. */
  readonly retryAt?: number
}

/** The part of a WebSocket that is used: the browser's own, or that of the `ws` package. */
export type Dial = () => WebSocket

/** A handle as Cap'n Web gives it: `dup` makes a copy with a lifetime of its own. */
type Stub<T> = T & Disposable & { dup(): Stub<T> }

/**
 * The one socket of a tab or process: dialled on first use, redialled when it breaks, with every handle cached until
 * then.
 *
 * Invariant: handles come from the current socket; when it closes, the cache is empty before anybody is told.
 */
export class Connection {
  readonly #dial: Dial
  readonly #listeners = new Set<() => void>()
  readonly #projects = new Map<string, Promise<Stub<ProjectApi>>>()
  #status: ConnectionStatus = { state: 'idle' }
  #socket: WebSocket | null = null
  #root: Stub<ItxApi> | null = null
  #opened: PromiseWithResolvers<Stub<ItxApi>> | null = null
  #attempts = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #ended = false

  constructor(dial: Dial) {
    this.#dial = dial
  }

  get status(): ConnectionStatus {
    return this.#status
  }

  /** Tells when the status changes. Returns how to stop. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * The global handle; waits for the connection. Dispose it.
   *
   * @throws {ItxError} UNAVAILABLE `offline` when there is no connection within 10 s, FORBIDDEN `signed-out`.
   */
  async root(): Promise<ItxApi & Disposable> {
    return (await this.#ready()).dup()
  }

  /**
   * The handle of a project; cached until the socket closes. Dispose it.
   *
   * @throws {ItxError} NOT_FOUND, and as `root`.
   */
  async project(idOrSlug: string): Promise<ProjectApi & Disposable> {
    const root = await this.#ready()
    let project = this.#projects.get(idOrSlug)
    if (!project) {
      project = Promise.resolve(root.projects.get(idOrSlug) as unknown as Promise<Stub<ProjectApi>>)
      this.#projects.set(idOrSlug, project)
      const asked = project
      asked.catch(() => {
        // Only if nobody has asked anew since: their promise may be good.
        if (this.#projects.get(idOrSlug) === asked) this.#projects.delete(idOrSlug)
      })
    }
    return (await project).dup()
  }

  /** Tries again now: the network or the tab has come back. An attempt that is under way is left alone. */
  wake(): void {
    if (this.#status.retryAt !== undefined) this.#connect()
  }

  /** Gives up: everybody who waits for a connection gets the error. The next call dials anew. */
  fail(error: unknown): void {
    clearTimeout(this.#timer)
    const socket = this.#socket
    this.#lose()
    this.#attempts = 0
    this.#set({ state: 'idle' })
    socket?.close()
    this.#opened?.reject(error)
    this.#opened = null
  }

  /** After signing in: the end of a session is no longer the end of the connection. */
  reset(): void {
    if (this.#status.state !== 'signed-out') return
    this.#set({ state: 'idle' })
  }

  /** Ends the socket for good. */
  close(): void {
    this.#ended = true
    this.fail(ended())
  }

  async #ready(): Promise<Stub<ItxApi>> {
    if (this.#root && this.#status.state === 'connected') return this.#root
    if (this.#ended) throw ended()
    if (this.#status.state === 'signed-out') throw signedOut()
    this.#opened ??= withoutRejection(Promise.withResolvers<Stub<ItxApi>>())
    const { promise } = this.#opened
    if (this.#status.state === 'idle') this.#connect()
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new ItxError('UNAVAILABLE', `no connection to the server within ${READY_MS / 1000} s`, {
              reason: 'offline',
            }),
          ),
        READY_MS,
      )
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #connect(): void {
    clearTimeout(this.#timer)
    this.#set({ state: this.#attempts === 0 ? 'connecting' : 'reconnecting' })
    let socket: WebSocket
    try {
      socket = this.#dial()
    } catch (error) {
      return this.fail(error)
    }
    this.#socket = socket
    // Made before the socket is open, so that no message can come too early to be heard.
    const root = newWebSocketRpcSession(socket) as unknown as Stub<ItxApi>
    socket.addEventListener('open', () => {
      if (socket !== this.#socket) return
      this.#root = root
      this.#attempts = 0
      this.#set({ state: 'connected' })
      this.#opened?.resolve(root)
      this.#opened = null
    })
    socket.addEventListener('close', (event) => {
      if (socket !== this.#socket) return
      this.#lose()
      if (event.code === CLOSE_SIGNED_OUT) this.#signOut()
      else this.#retry()
    })
    // A failed dial reports through `close` too; without a listener some sockets would throw.
    socket.addEventListener('error', () => {})
  }

  #lose(): void {
    this.#socket = null
    this.#root = null
    this.#projects.clear()
  }

  #signOut(): void {
    this.#set({ state: 'signed-out' })
    this.#opened?.reject(signedOut())
    this.#opened = null
  }

  #retry(): void {
    const full = Math.min(FIRST_RETRY_MS * 2 ** this.#attempts, LAST_RETRY_MS)
    this.#attempts++
    const wait = full * (0.5 + Math.random() / 2)
    this.#set({ state: 'reconnecting', retryAt: Date.now() + wait })
    this.#timer = setTimeout(() => this.#connect(), wait)
  }

  #set(status: ConnectionStatus): void {
    this.#status = status
    for (const listener of this.#listeners) listener()
  }
}

function ended(): ItxError {
  return new ItxError('UNAVAILABLE', 'the connection was closed', { reason: 'closed' })
}

function signedOut(): ItxError {
  return new ItxError('FORBIDDEN', 'the session has ended; sign in again', { reason: 'signed-out' })
}

/** Everyone who waits hears of a rejection; nobody waiting is no error. */
function withoutRejection<T>(resolvers: PromiseWithResolvers<T>): PromiseWithResolvers<T> {
  resolvers.promise.catch(() => {})
  return resolvers
}
