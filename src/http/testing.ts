import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http'
import { Writable } from 'node:stream'

/** What the tests of live reads share: clients of event streams, and what they understand. */

export interface SseEvent {
  readonly name: string
  readonly data: string
}

export interface ControlFields {
  readonly streamNextOffset: string
  readonly streamCursor?: string
  readonly upToDate?: true
  readonly streamClosed?: true
}

/** The complete events of a text, by the rules of the HTML standard; what is after them is not looked at. */
export function parseSse(text: string): SseEvent[] {
  const end = text.lastIndexOf('\n\n')
  if (end === -1) return []
  return text
    .slice(0, end)
    .split('\n\n')
    .map((block) => {
      const fields = block.split('\n').map((line) => /^([^:]*):? ?(.*)$/s.exec(line) ?? [])
      const values = (name: string) => fields.filter(([, field]) => field === name).map(([, , value = '']) => value)
      return { name: values('event').at(-1) ?? 'message', data: values('data').join('\n') }
    })
}

export function controlsOf(events: readonly SseEvent[]): ControlFields[] {
  return events.filter(({ name }) => name === 'control').map(({ data }) => JSON.parse(data) as ControlFields)
}

/** The messages of a JSON stream. */
export function messagesOfSse(events: readonly SseEvent[]): unknown[] {
  return events.filter(({ name }) => name === 'data').flatMap(({ data }) => JSON.parse(data) as unknown[])
}

/** Whether every `data` event has its `control` event right after it. */
export function isPaired(events: readonly SseEvent[]): boolean {
  return events.every(({ name }, i) => name !== 'data' || events[i + 1]?.name === 'control')
}

/** A client of an event stream, over a connection of its own, that reads when it likes. */
export class SseClient {
  readonly #request: ReturnType<typeof httpRequest>
  #response: IncomingMessage | null = null
  text = ''
  status = 0
  headers: IncomingHttpHeaders = {}
  /** How it ended: `end` as the server wished, `cut` when the connection broke. */
  readonly ended: Promise<'end' | 'cut'>

  constructor(port: number, path: string, headers: Record<string, string> = {}, { paused = false } = {}) {
    const ended = Promise.withResolvers<'end' | 'cut'>()
    this.ended = ended.promise
    this.#request = httpRequest({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      this.#response = response
      this.status = response.statusCode ?? 0
      this.headers = response.headers
      response.setEncoding('utf8')
      response.on('data', (text: string) => (this.text += text))
      response.on('end', () => ended.resolve('end'))
      response.on('error', () => ended.resolve('cut'))
      if (paused) response.pause()
    })
    this.#request.on('error', () => ended.resolve('cut'))
    this.#request.end()
  }

  get events(): SseEvent[] {
    return parseSse(this.text)
  }

  get controls(): ControlFields[] {
    return controlsOf(this.events)
  }

  get messages(): unknown[] {
    return messagesOfSse(this.events)
  }

  pause(): void {
    this.#response?.pause()
  }

  resume(): void {
    this.#response?.resume()
  }

  /** Goes away without a word. */
  vanish(): void {
    this.#request.destroy()
  }
}

/** Something that stands for a connection: takes what is written when it is told to, and counts what lies unsent. */
export class SlowTarget extends Writable {
  text = ''
  /** The most that lay unsent at once, in bytes. */
  mostUnsent = 0
  #waiting: (() => void) | null = null
  stalled = false

  constructor() {
    super({ highWaterMark: 16 * 1024 })
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.mostUnsent = Math.max(this.mostUnsent, this.writableLength)
    this.text += chunk.toString()
    if (this.stalled) this.#waiting = done
    else setImmediate(done)
  }

  stall(): void {
    this.stalled = true
  }

  take(): void {
    this.stalled = false
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.()
  }
}
