import { type Socket, connect } from 'node:net'
import { AnswerReader, headerOf } from './wire-answer.ts'

/** A connection that stays open, one request at a time: bare bytes, so that the client costs as little as may be. */

export class Answer {
  readonly status: number
  readonly #head: string
  readonly #pieces: readonly Buffer[]

  constructor(status: number, head: string, pieces: readonly Buffer[]) {
    this.status = status
    this.#head = head
    this.#pieces = pieces
  }

  header(name: string): string | undefined {
    return headerOf(this.#head, name)
  }

  /** Bytes of the body. */
  get length(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.length, 0)
  }

  /** Put together when it is asked for: not while something is measured. */
  get body(): Buffer {
    return Buffer.concat(this.#pieces)
  }
}

/** What a request says; the rest of it is the same for all. */
export interface Asked {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** The bytes of a request. */
export function requestBytes({ method, path, headers = {}, body = '' }: Asked): Buffer {
  const bytes = Buffer.from(body)
  const lines = Object.entries({ host: 'localhost', ...headers, 'content-length': String(bytes.length) })
  const head = [`${method} ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)].join('\r\n')
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), bytes])
}

export class Connection {
  readonly socket: Socket
  readonly #reader: AnswerReader
  #waiting: PromiseWithResolvers<Answer> | null = null
  #status = 0
  #head = ''
  #pieces: Buffer[] = []
  #over: Error | null = null

  private constructor(socket: Socket) {
    this.socket = socket
    this.#reader = new AnswerReader({
      head: (status, text) => {
        this.#status = status
        this.#head = text
      },
      piece: (bytes) => this.#pieces.push(bytes),
      end: () => this.#answered(),
    })
    socket.on('data', (bytes: Buffer) => this.#reader.take(bytes))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server has closed the connection')))
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket))
      })
    })
  }

  /** @param request as `requestBytes` makes it, or in Latin-1; not before the last one was answered */
  send(request: Buffer | string): Promise<Answer> {
    if (this.#waiting) throw new Error('the last request has no answer yet')
    this.#waiting = Promise.withResolvers()
    const { promise } = this.#waiting
    this.#reader.bodiless = request.toString('latin1', 0, 5) === 'HEAD '
    if (this.#over) this.#fail(this.#over)
    else if (typeof request === 'string') this.socket.write(request, 'latin1')
    else this.socket.write(request)
    return promise
  }

  /** @throws for any other status than those allowed. */
  async ask(asked: Asked, ...allowed: readonly number[]): Promise<Answer> {
    const answer = await this.send(requestBytes(asked))
    if (allowed.includes(answer.status)) return answer
    throw new Error(`${asked.method} ${asked.path} answered ${answer.status}: ${answer.body.toString().slice(0, 300)}`)
  }

  close(): void {
    this.socket.destroy()
  }

  #answered(): void {
    const answer = new Answer(this.#status, this.#head, this.#pieces)
    this.#pieces = []
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.resolve(answer)
  }

  #fail(error: Error): void {
    this.#over = error
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.reject(error)
  }
}
