import { IncomingMessage } from 'node:http'
import { mediaType } from '../streams/content-type.ts'
import { ItxError } from '../streams/errors.ts'
import { tooLarge } from '../streams/event.ts'

/**
 * The body of a request.
 *
 * @throws {ItxError} BAD_REQUEST when it is larger than `limit` bytes (`too-large`), or breaks off.
 */
export async function bodyBytes(request: Request, limit: number): Promise<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? '0')
  if (declared > limit) throw tooLarge('a request body', 'bytes', declared, limit)
  const body = new Body(limit, declared)
  try {
    const incoming = (request as NodeContext).runtime?.node?.req
    // As Node reads it: by way of a web stream a small body takes longer than all else that is done for it.
    if (incoming instanceof IncomingMessage) await receive(incoming, body)
    else for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) body.add(chunk)
  } catch (error) {
    // Whoever sent it has gone; there is nothing that this side could mend.
    throw error instanceof ItxError ? error : new ItxError('BAD_REQUEST', 'the body broke off', { field: 'body' })
  }
  return body.bytes
}

/** What srvx adds to a request. */
interface NodeContext {
  readonly runtime?: { readonly node?: { readonly req?: unknown } }
}

function receive(incoming: IncomingMessage, body: Body): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => incoming.off('data', take).off('end', end).off('error', broken).off('close', broken)
    const take = (chunk: Buffer) => {
      try {
        body.add(chunk)
      } catch (error) {
        leave()
        // No more of it is read; what is still to come goes with the connection.
        incoming.pause()
        reject(error)
      }
    }
    const end = () => {
      leave()
      resolve()
    }
    const broken = () => {
      leave()
      reject(new Error('the request was cut off'))
    }
    incoming.on('data', take).on('end', end).on('error', broken).on('close', broken)
  })
}

/** As `bodyBytes`, as text. @throws {ItxError} BAD_REQUEST also for what is not UTF-8. */
export async function bodyText(request: Request, limit: number): Promise<string> {
  return utf8Text(await bodyBytes(request, limit))
}

/** @throws {ItxError} BAD_REQUEST for what is not UTF-8. */
export function utf8Text(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ItxError('BAD_REQUEST', 'the body is not valid UTF-8', { field: 'body' })
  }
}

/**
 * The body of a request as the JSON value it is. A form of another site cannot send this content type without asking
 * first.
 *
 * @throws {ItxError} BAD_REQUEST for another content type, for what is no JSON, and as `bodyText`.
 */
export async function bodyJson(request: Request, limit: number): Promise<unknown> {
  if (mediaType(request.headers.get('content-type')) !== 'application/json') {
    throw new ItxError('BAD_REQUEST', 'the content type must be application/json', { field: 'content-type' })
  }
  const body = await bodyText(request, limit)
  try {
    return JSON.parse(body)
  } catch {
    throw new ItxError('BAD_REQUEST', 'the body is not valid JSON', { field: 'body' })
  }
}

/**
 * Puts chunks together as they arrive, counted: a body without a length must not fill the memory first. None of them is
 * kept unless it is the whole: a chunk of one byte holds hundreds, and a body may come in nothing else.
 */
class Body {
  readonly #limit: number
  readonly #declared: number
  #bytes: Uint8Array = new Uint8Array()
  #size = 0

  constructor(limit: number, declared: number) {
    this.#limit = limit
    this.#declared = declared
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size)
  }

  /** @throws {ItxError} BAD_REQUEST `too-large`. */
  add(chunk: Uint8Array): void {
    const end = this.#size + chunk.byteLength
    if (end > this.#limit) throw tooLarge('a request body', 'bytes', end, this.#limit)
    if (this.#size === 0 && end === this.#declared) {
      this.#bytes = chunk
    } else {
      if (end > this.#bytes.byteLength) this.#grow(end)
      this.#bytes.set(chunk, this.#size)
    }
    this.#size = end
  }

  #grow(end: number): void {
    const larger = Buffer.allocUnsafe(Math.max(end, Math.min(2 * this.#bytes.byteLength, this.#limit)))
    larger.set(this.bytes)
    this.#bytes = larger
  }
}
