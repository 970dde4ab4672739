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
  return collect((request.body ?? []) as AsyncIterable<Uint8Array>, limit)
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
 * kept: a chunk of one byte holds hundreds, and a body may come in nothing else.
 */
async function collect(chunks: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array()
  let size = 0
  try {
    for await (const chunk of chunks) {
      const end = size + chunk.byteLength
      if (end > limit) throw tooLarge('a request body', 'bytes', end, limit)
      if (end > bytes.byteLength) {
        const larger = Buffer.allocUnsafe(Math.max(end, Math.min(2 * bytes.byteLength, limit)))
        larger.set(bytes.subarray(0, size))
        bytes = larger
      }
      bytes.set(chunk, size)
      size = end
    }
  } catch (error) {
    // Whoever sent it has gone; there is nothing that this side could mend.
    throw error instanceof ItxError ? error : new ItxError('BAD_REQUEST', 'the body broke off', { field: 'body' })
  }
  return bytes.subarray(0, size)
}
