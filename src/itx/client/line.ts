import { RpcSession } from 'capnweb'
import type { ItxError } from '../../streams/errors.ts'
import type { ItxApi } from '../handle.ts'
import { FrameTransport } from './frame-transport.ts'
import { Liveness } from './liveness.ts'

/** A dial that takes longer leads nowhere: some networks swallow it. */
const DIAL_MS = 15_000

/** A handle as Cap'n Web gives it: `dup` makes a copy with a lifetime of its own. */
export type Stub<T> = T & Disposable & { dup(): Stub<T> }

/** How a socket ended. */
export interface LineEnd {
  readonly code: number
  readonly reason: string
  /** It was given up because nothing was heard any more. */
  readonly silent: boolean
}

export interface LineOptions {
  readonly opened: () => void
  /** Told once, unless `end` was called before. */
  readonly ended: (end: LineEnd) => void
  /** Something was heard. */
  readonly heard: () => void
  /** A ping was answered. */
  readonly answered: () => void
  /** How long the answer to a ping may take now. */
  readonly patienceMs: () => number
  readonly quietMs?: number | undefined
}

/** Entries in the tables of a session: what is not given back stays in them. */
export interface SessionStats {
  readonly imports: number
  readonly exports: number
}

/** One socket from its dial to its end, with the session that runs over it. */
export class Line {
  readonly root: Stub<ItxApi>
  readonly #socket: WebSocket
  readonly #session: RpcSession
  readonly #transport: FrameTransport
  readonly #liveness: Liveness
  readonly #ended: (end: LineEnd) => void
  readonly #dialTimer: ReturnType<typeof setTimeout>
  #open = false
  #over = false

  constructor(socket: WebSocket, { opened, ended, heard, answered, patienceMs, quietMs }: LineOptions) {
    this.#socket = socket
    this.#ended = ended
    this.#liveness = new Liveness({
      // Its answer is watched as a frame; what it rejects with is told by the end of the line.
      ping: () => void this.root.ping().catch(() => {}),
      drop: () => this.#finish({ code: 1006, reason: 'nothing was heard', silent: true }),
      answered,
      patienceMs,
      quietMs,
      buffered: () => socket.bufferedAmount,
    })
    this.#dialTimer = setTimeout(() => {
      this.#finish({ code: 1006, reason: 'the dial led nowhere', silent: false })
    }, DIAL_MS)
    this.#transport = new FrameTransport(socket, {
      sent: (frame) => this.#liveness.sent(frame),
      heard: (frame) => {
        heard()
        this.#liveness.heard(frame)
      },
    })
    this.#session = new RpcSession(this.#transport)
    this.root = this.#session.getRemoteMain() as unknown as Stub<ItxApi>
    socket.addEventListener('open', () => {
      if (this.#over) return
      clearTimeout(this.#dialTimer)
      this.#open = true
      opened()
    })
    socket.addEventListener('close', ({ code, reason }) => this.#finish({ code, reason, silent: false }))
    // A failed dial reports through `close` too; without a listener some sockets would throw.
    socket.addEventListener('error', () => {})
  }

  get stats(): SessionStats {
    return this.#session.getStats()
  }

  /** Makes sure that somebody is there; before the socket is open there is nothing to ask. */
  check(): void {
    if (this.#open && !this.#over) this.#liveness.check()
  }

  /** Every call that waits, and every later one, gets this error. */
  fail(error: ItxError): void {
    this.#transport.fail(error)
  }

  /** Ends the socket, and tells nobody but those whose calls wait. */
  end(error: ItxError): void {
    this.#stop()
    this.fail(error)
    this.#socket.close()
  }

  #finish(end: LineEnd): void {
    if (this.#over) return
    this.#stop()
    this.#ended(end)
    letGo(this.#socket)
  }

  #stop(): void {
    this.#over = true
    this.#open = false
    clearTimeout(this.#dialTimer)
    this.#liveness.end()
  }
}

/** Of a peer that says nothing no goodbye is to be expected: `ws` can go without, a browser waits in the background. */
function letGo(socket: WebSocket & { terminate?: () => void }): void {
  if (socket.terminate) socket.terminate()
  else socket.close()
}
