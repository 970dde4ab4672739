import type { Duplex } from 'node:stream'
import type { RpcTransportWithCustomEncoding } from 'capnweb'
import type { WebSocket } from 'ws'
import type { Pace } from '../streams/delivery/batch.ts'
import { type FrameGuard, badFrame } from './frame-guard.ts'

/** Answers that a caller has not read yet, in bytes: beyond that it gets no further ones, and no more of its calls are read. */
const MOST_UNREAD = 16 * 2 ** 20
/** How long a caller is not read whose calls come faster than they can be refused. */
const FLOOD_PAUSE_MS = 200

/** The frames of one socket: guarded, and read no faster than its answers are taken. */
export class SocketTransport implements RpcTransportWithCustomEncoding, Pace {
  // Frames are passed on as values: they are parsed once, by the guard.
  readonly encodingLevel = 'jsonCompatible'
  readonly #ws: WebSocket
  readonly #guard: FrameGuard
  readonly #queue: string[] = []
  #waiting: PromiseWithResolvers<unknown> | null = null
  #end: unknown
  /** Those who wait for the caller to read. */
  readonly #waitingToSend: (() => void)[] = []

  /** @param socket the connection under the WebSocket, which tells when what was written has gone out */
  constructor(ws: WebSocket, socket: Duplex, guard: FrameGuard) {
    this.#ws = ws
    this.#guard = guard
    ws.on('message', (data: Buffer, isBinary) => {
      if (isBinary) return this.#fail(badFrame('a message must be text'))
      this.#receive(data.toString())
    })
    ws.on('close', (code) => this.#fail(new Error(`the socket was closed: ${code}`)))
    socket.on('drain', () => this.#drained())
  }

  send(frame: unknown): number {
    this.#guard.outgoing(frame)
    const text = JSON.stringify(frame)
    this.#ws.send(text)
    if (this.#ws.bufferedAmount > MOST_UNREAD) this.#ws.pause()
    return text.length
  }

  /** @throws {ItxError} BAD_REQUEST `frame`, RATE_LIMITED `open`: the session ends. */
  receive(): Promise<unknown> {
    const text = this.#queue.shift()
    if (text !== undefined) return this.#guarded(text)
    if (this.#end !== undefined) return Promise.reject(this.#end)
    this.#waiting = Promise.withResolvers()
    return this.#waiting.promise
  }

  abort(reason: unknown): void {
    this.#end ??= reason
    this.#queue.length = 0
    // A close frame holds 123 bytes; what is wrong was said in a message of its own.
    this.#ws.close(3000, 'the session ended')
  }

  /** Whether the caller has read enough of what it was sent to get more. One that has gone needs no waiting for. */
  get ready(): boolean {
    return this.#ws.bufferedAmount <= MOST_UNREAD || this.#end !== undefined
  }

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waitingToSend.push(resolve))
  }

  #receive(text: string): void {
    if (this.#end !== undefined) return
    const waiting = this.#waiting
    if (!waiting) {
      this.#queue.push(text)
      return
    }
    this.#waiting = null
    waiting.resolve(this.#guarded(text))
  }

  async #guarded(text: string): Promise<unknown> {
    const frame = this.#guard.incoming(text)
    if (this.#guard.takeFlooded()) {
      this.#ws.pause()
      setTimeout(() => this.#resume(), FLOOD_PAUSE_MS).unref()
    }
    return frame
  }

  #drained(): void {
    if (!this.ready) return
    this.#resume()
    // One after another: what the first of them sends may be enough again.
    this.#waitingToSend.shift()?.()
    if (this.#waitingToSend.length > 0) setImmediate(() => this.#drained())
  }

  #resume(): void {
    if (this.#ws.readyState === this.#ws.OPEN && this.#ws.bufferedAmount <= MOST_UNREAD) this.#ws.resume()
  }

  #fail(reason: unknown): void {
    this.#end ??= reason
    this.#waiting?.reject(this.#end)
    this.#waiting = null
    for (const resolve of this.#waitingToSend.splice(0)) resolve()
  }
}
