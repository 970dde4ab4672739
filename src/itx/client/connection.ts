import { ItxError } from '../../streams/errors.ts'
import type { ItxApi, ProjectApi } from '../handle.ts'
import { Line, type LineEnd, type SessionStats, type Stub } from './line.ts'

/** Close code of a socket whose session has ended. */
const CLOSE_SIGNED_OUT = 4401
/** Close code of a server that is back at once. */
const CLOSE_RESTART = 1012

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 10_000
/** How long a call waits for a connection before it fails. */
const READY_MS = 10_000
/** How long the answer to a ping may take; twice as long after each line that was given up. */
const FIRST_PATIENCE_MS = 5000
const LAST_PATIENCE_MS = 40_000

export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'signed-out'

/** Why the server ended a session: it is over, or what it may do has changed. */
export type SignedOutReason = 'signed out' | 'access changed'

/** What is known of the connection. Replaced, never changed: made for `useSyncExternalStore`. */
export interface ConnectionStatus {
  readonly state: ConnectionState
  /** When the next attempt is made, milliseconds since the epoch; only while reconnecting. */
  readonly retryAt?: number
  /** Only while signed out. */
  readonly reason?: SignedOutReason
}

/** The part of a WebSocket that is used: the browser's own, or that of the `ws` package. */
export type Dial = () => WebSocket

export interface ConnectionOptions {
  /** Pings when nothing was heard for so long: for programs, which nobody looks at. Absent: only when asked to. */
  readonly quietMs?: number
}

/**
 * The one socket of a tab or process: dialled on first use, redialled when it breaks, with every handle cached until
 * then. Calls that a broken socket leaves without an answer fail with UNAVAILABLE `connection-lost`: whether they were
 * carried out is not known.
 *
 * Invariant: handles come from the current socket; when it closes, the cache is empty before anybody is told.
 */
export class Connection {
  readonly #dial: Dial
  readonly #quietMs: number | undefined
  readonly #listeners = new Set<() => void>()
  readonly #projects = new Map<string, Promise<Stub<ProjectApi>>>()
  #status: ConnectionStatus = { state: 'idle' }
  #line: Line | null = null
  #opened: PromiseWithResolvers<Stub<ItxApi>> | null = null
  #attempts = 0
  #patienceMs = FIRST_PATIENCE_MS
  /** The line was dialled at once, and has brought nothing yet: another end is a reason to wait. */
  #hurried = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #ended = false

  constructor(dial: Dial, { quietMs }: ConnectionOptions = {}) {
    this.#dial = dial
    this.#quietMs = quietMs
  }

  get status(): ConnectionStatus {
    return this.#status
  }

  /** The tables of this end of the session; null without a socket. For those who look for leaks. */
  get stats(): SessionStats | null {
    return this.#line?.stats ?? null
  }

  /** Tells when the status changes. Returns how to stop. */
  subscribe(onChange: () => void): () => void {
    // Each has an entry of its own: two may have brought the same function.
    const listener = () => onChange()
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * The global handle; waits for the connection. Dispose it.
   *
   * @throws {ItxError} UNAVAILABLE `offline` when there is no connection within 10 s, FORBIDDEN `signed-out`.
   */
  async root(): Promise<ItxApi & Disposable> {
    return (await this.#ready(READY_MS)).dup()
  }

  /**
   * The handle of a project; cached until the socket closes. Dispose it.
   *
   * @param withinMs how long to wait for a connection
   * @throws {ItxError} NOT_FOUND, and as `root`.
   */
  async project(idOrSlug: string, withinMs: number = READY_MS): Promise<ProjectApi & Disposable> {
    const root = await this.#ready(withinMs)
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

  /**
   * The network or the tab has come back: who waits tries again now, and who seems to be connected finds out whether it
   * is true. An attempt that is under way is left alone.
   */
  wake(): void {
    if (this.#status.retryAt !== undefined) this.#connect()
    else this.#line?.check()
  }

  /** Gives up: everybody who waits gets the error. The next call dials anew. */
  fail(error: ItxError): void {
    clearTimeout(this.#timer)
    const line = this.#lose()
    this.#attempts = 0
    this.#hurried = false
    line?.end(error)
    this.#opened?.reject(error)
    this.#opened = null
    this.#set({ state: 'idle' })
  }

  /** Somebody is signed in again: the end of the session is no longer the end of the connection. */
  reset(): void {
    if (this.#status.state === 'signed-out') this.#set({ state: 'idle' })
  }

  /** Ends the socket for good. */
  close(): void {
    this.#ended = true
    this.fail(ended())
  }

  async #ready(withinMs: number): Promise<Stub<ItxApi>> {
    if (this.#line && this.#status.state === 'connected') return this.#line.root
    if (this.#ended) throw ended()
    if (this.#status.state === 'signed-out') throw signedOut(this.#status.reason)
    this.#opened ??= withoutRejection(Promise.withResolvers<Stub<ItxApi>>())
    const { promise } = this.#opened
    if (this.#status.state === 'idle') this.#connect()
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(offline(withinMs)), withinMs)
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #connect(): void {
    clearTimeout(this.#timer)
    this.#set({ state: this.#attempts === 0 && !this.#hurried ? 'connecting' : 'reconnecting' })
    let socket: WebSocket
    try {
      socket = this.#dial()
    } catch (error) {
      return this.fail(undialled(error))
    }
    const line = new Line(socket, {
      patienceMs: () => this.#patienceMs,
      quietMs: this.#quietMs,
      opened: () => {
        this.#attempts = 0
        this.#set({ state: 'connected' })
        this.#opened?.resolve(line.root)
        this.#opened = null
      },
      heard: () => (this.#hurried = false),
      answered: () => (this.#patienceMs = FIRST_PATIENCE_MS),
      ended: (end) => {
        // What was given up by `fail` has no successor.
        if (line === this.#line) this.#over(line, end)
      },
    })
    this.#line = line
  }

  #over(line: Line, end: LineEnd): void {
    this.#lose()
    // On a slow line an answer may stand behind a large message: with the same patience it would never get through.
    if (end.silent) this.#patienceMs = Math.min(this.#patienceMs * 2, LAST_PATIENCE_MS)
    if (end.code === CLOSE_SIGNED_OUT) {
      const reason = end.reason === 'access changed' ? 'access changed' : 'signed out'
      line.fail(signedOut(reason))
      this.#opened?.reject(signedOut(reason))
      this.#opened = null
      return this.#set({ state: 'signed-out', reason })
    }
    line.fail(lost(end))
    if (end.code !== CLOSE_RESTART || this.#hurried) return this.#retry()
    this.#hurried = true
    this.#connect()
  }

  #lose(): Line | null {
    const line = this.#line
    this.#line = null
    this.#projects.clear()
    return line
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

function offline(withinMs: number): ItxError {
  return new ItxError('UNAVAILABLE', `no connection to the server within ${withinMs / 1000} s`, { reason: 'offline' })
}

function lost({ code, reason }: LineEnd): ItxError {
  const why = reason === '' ? `close code ${code}` : `close code ${code}, ${reason}`
  return new ItxError('UNAVAILABLE', `the connection broke before an answer came (${why})`, {
    reason: 'connection-lost',
    closeCode: code,
  })
}

function signedOut(because: SignedOutReason = 'signed out'): ItxError {
  return new ItxError('FORBIDDEN', `the server has ended the session: ${because}`, { reason: 'signed-out', because })
}

function undialled(error: unknown): ItxError {
  const message = error instanceof Error ? error.message : String(error)
  return new ItxError('BAD_REQUEST', `the connection cannot be asked for: ${message}`, { reason: 'dial' })
}

/** Everyone who waits hears of a rejection; nobody waiting is no error. */
function withoutRejection<T>(resolvers: PromiseWithResolvers<T>): PromiseWithResolvers<T> {
  resolvers.promise.catch(() => {})
  return resolvers
}
