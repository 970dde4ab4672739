import type { RpcTransportWithCustomEncoding } from 'capnweb'
import { ItxError } from '../../streams/errors.ts'

/** Sees what passes through a transport. */
export interface FrameWatch {
  sent(frame: readonly unknown[]): void
  heard(frame: readonly unknown[]): void
}

/**
 * The frames of one socket, at a client's end. Cap'n Web's own transport tells nobody what passes, ends with errors that
 * carry no code, and waits for the socket to close: this one is given up when whoever owns it says so.
 */
export class FrameTransport implements RpcTransportWithCustomEncoding {
  // Frames are values here: watched without being parsed twice, and as large as an event that was stored may be.
  readonly encodingLevel = 'jsonCompatible'
  readonly #socket: WebSocket
  readonly #watch: FrameWatch
  readonly #frames: unknown[] = []
  #reader: PromiseWithResolvers<unknown> | null = null
  #error: unknown = null

  constructor(socket: WebSocket, watch: FrameWatch) {
    this.#socket = socket
    this.#watch = watch
    socket.addEventListener('message', ({ data }) => this.#take(data))
  }

  /** Sends nothing any more once the transport has failed: nobody would hear it. */
  send(frame: unknown): number {
    if (this.#error !== null) return 0
    const text = JSON.stringify(frame)
    this.#socket.send(text)
    if (Array.isArray(frame)) this.#watch.sent(frame)
    return text.length
  }

  receive(): Promise<unknown> {
    if (this.#frames.length > 0) return Promise.resolve(this.#frames.shift())
    if (this.#error !== null) return Promise.reject(this.#error)
    this.#reader = Promise.withResolvers()
    return this.#reader.promise
  }

  /** The session is over, by a frame of the server or one that makes no sense: the socket tells its owner. */
  abort(reason: unknown): void {
    this.#error ??= reason
    this.#socket.close()
  }

  /** Ends the session: every call that waits, and every later one, gets the error. */
  fail(error: ItxError): void {
    if (this.#error !== null) return
    this.#error = error
    this.#reader?.reject(error)
    this.#reader = null
  }

  #take(data: unknown): void {
    if (this.#error !== null) return
    const frame = parsed(data)
    if (frame === null) {
      this.fail(new ItxError('UNAVAILABLE', 'the server sent what is no message', { reason: 'frame' }))
      return this.#socket.close()
    }
    this.#watch.heard(frame)
    if (this.#reader === null) this.#frames.push(frame)
    else {
      this.#reader.resolve(frame)
      this.#reader = null
    }
  }
}

function parsed(data: unknown): readonly unknown[] | null {
  try {
    const frame: unknown = JSON.parse(String(data))
    return Array.isArray(frame) ? frame : null
  } catch {
    return null
  }
}
