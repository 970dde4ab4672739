import { type Socket, connect } from 'node:net'
import { AnswerReader } from './wire-answer.ts'
import { requestBytes } from './wire.ts'

/** What a control event of an event stream says (Durable Streams protocol, "SSE"). */
export interface ControlSaid {
  readonly streamNextOffset: string
  readonly upToDate?: boolean
  readonly streamClosed?: boolean
}

export interface SseListener {
  /** The payload of a data event. */
  data(text: string): void
  control(said: ControlSaid): void
  /** The response is over, or the connection; called once. */
  end(): void
  /** Anything that is not what the protocol says. */
  failed(error: Error): void
}

/** Bytes that one read may bring; all readers of a process share them, since a read is over before the next begins. */
const READ_BYTES = Buffer.alloc(2 ** 18)

/** A reader of an event stream, over a connection of its own. */
export class SseReader {
  readonly #socket: Socket
  readonly #listener: SseListener
  #text = ''
  #ended = false

  constructor(port: number, path: string, headers: Readonly<Record<string, string>>, listener: SseListener) {
    this.#listener = listener
    const answer = new AnswerReader({
      head: (status) => status === 200 || this.#fail(new Error(`${path} answered ${status}`)),
      // Latin-1 keeps every byte, and its line ends are those of UTF-8.
      piece: (bytes) => this.#take(bytes.toString('latin1')),
      end: () => this.#end(),
    })
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: READ_BYTES,
        callback: (count) => {
          try {
            answer.take(READ_BYTES.subarray(0, count))
          } catch (error) {
            this.#fail(error as Error)
          }
          return true
        },
      },
    })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#end())
    this.#socket.write(requestBytes({ method: 'GET', path, headers: { accept: 'text/event-stream', ...headers } }))
  }

  /** Reads no more until `resume`. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Goes away without a word, as clients do. */
  close(): void {
    this.#ended = true
    this.#socket.destroy()
  }

  #take(text: string): void {
    this.#text = this.#text === '' ? text : this.#text + text
    for (let end = this.#text.indexOf('\n\n'); end >= 0; end = this.#text.indexOf('\n\n')) {
      const event = this.#text.slice(0, end)
      this.#text = this.#text.slice(end + 2)
      this.#event(event)
    }
  }

  #event(event: string): void {
    const [first = '', ...rest] = event.split('\n')
    const payload = Buffer.from(rest.map((line) => line.replace(/^data: ?/, '')).join('\n'), 'latin1').toString()
    if (first === 'event: data') this.#listener.data(payload)
    else if (first === 'event: control') this.#listener.control(JSON.parse(payload) as ControlSaid)
    else throw new Error(`an event that is neither data nor control: ${first}`)
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#socket.destroy()
    this.#listener.failed(error)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#socket.destroy()
    this.#listener.end()
  }
}
