/** What a server answers over HTTP/1.1, read from the bytes as they come: no more of the protocol than the two servers speak. */

const EMPTY = Buffer.alloc(0)
const END_OF_HEAD = Buffer.from('\r\n\r\n')
const END_OF_LINE = Buffer.from('\r\n')

export interface AnswerSink {
  /** The status line and the headers of an answer. */
  head(status: number, text: string): void
  /** A piece of its body, valid during the call alone. */
  piece(bytes: Buffer): void
  end(): void
}

/** The value of a header in the text of a head. */
export function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}:[ \t]*([^\r]*)`, 'i').exec(head)?.[1]
}

/** Takes the bytes of one connection, in whatever pieces, and tells of the answers in them. */
export class AnswerReader {
  readonly #sink: AnswerSink
  /** Bytes that are no whole head or size line yet. */
  #rest: Buffer = EMPTY
  #state: 'head' | 'counted' | 'size' | 'chunk' | 'after' | 'last' = 'head'
  /** Bytes of the body, or of its chunk, that are still to come. */
  #left = 0
  /** The next answer is one to HEAD, which has no body, whatever its headers say. */
  bodiless = false

  constructor(sink: AnswerSink) {
    this.#sink = sink
  }

  take(bytes: Buffer): void {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    while (data.length > 0) {
      const used = this.#step(data)
      if (used === 0) break
      data = data.subarray(used)
    }
    // Copied: the bytes may lie in a buffer that the next read fills again.
    this.#rest = data.length === 0 ? EMPTY : Buffer.from(data)
  }

  /** Takes what it can from the beginning. @returns how many bytes; 0 when more must come first */
  #step(data: Buffer): number {
    switch (this.#state) {
      case 'head':
        return this.#head(data)
      case 'counted':
      case 'chunk':
        return this.#body(data)
      case 'size':
        return this.#size(data)
      case 'after':
      case 'last':
        return this.#lineEnd(data)
    }
  }

  #head(data: Buffer): number {
    const end = data.indexOf(END_OF_HEAD)
    if (end < 0) return 0
    const text = data.toString('latin1', 0, end)
    const status = Number(text.slice(9, 12))
    this.#sink.head(status, text)
    const length = headerOf(text, 'content-length')
    const hasBody = status !== 204 && status !== 304 && !this.bodiless
    if (hasBody && length === undefined) {
      if (headerOf(text, 'transfer-encoding')?.toLowerCase() !== 'chunked') throw new Error(`no length in:\n${text}`)
      this.#state = 'size'
    } else {
      this.#left = hasBody ? Number(length) : 0
      if (this.#left > 0) this.#state = 'counted'
      else this.#sink.end()
    }
    return end + END_OF_HEAD.length
  }

  #body(data: Buffer): number {
    const used = Math.min(this.#left, data.length)
    this.#sink.piece(data.subarray(0, used))
    this.#left -= used
    if (this.#left > 0) return used
    if (this.#state === 'chunk') this.#state = 'after'
    else {
      this.#state = 'head'
      this.#sink.end()
    }
    return used
  }

  #size(data: Buffer): number {
    const end = data.indexOf(END_OF_LINE)
    if (end < 0) return 0
    this.#left = Number.parseInt(data.toString('latin1', 0, end), 16)
    if (!Number.isSafeInteger(this.#left)) throw new Error(`no size of a chunk: ${data.toString('latin1', 0, end)}`)
    this.#state = this.#left > 0 ? 'chunk' : 'last'
    return end + END_OF_LINE.length
  }

  /** The empty line behind a chunk, and behind the last of them; neither server sends trailers. */
  #lineEnd(data: Buffer): number {
    if (data.length < END_OF_LINE.length) return 0
    const wasLast = this.#state === 'last'
    this.#state = wasLast ? 'head' : 'size'
    if (wasLast) this.#sink.end()
    return END_OF_LINE.length
  }
}
