import { ItxError } from '../streams/errors.ts'
import { tooLarge } from '../streams/event.ts'

/**
 * The body of a request as text.
 *
 * @throws {ItxError} BAD_REQUEST when it is larger than `limit` bytes (`too-large`) or is not UTF-8.
 */
export async function bodyText(request: Request, limit: number): Promise<string> {
  const declared = Number(request.headers.get('content-length') ?? '0')
  if (declared > limit) throw tooLarge('a request body', 'bytes', declared, limit)
  const chunks: Uint8Array[] = []
  let size = 0
  if (request.body) {
    // Counted while it arrives: a body without a length must not fill the memory first.
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength
      if (size > limit) throw tooLarge('a request body', 'bytes', size, limit)
      chunks.push(chunk)
    }
  }
  const bytes = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ItxError('BAD_REQUEST', 'the body is not valid UTF-8', { field: 'body' })
  }
}

/** The media type of a header value: lower case, without parameters; empty when there is none. */
export function mediaType(header: string | null): string {
  return (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}
