import { Duplex } from 'node:stream'
import { compressorFor } from '../http/compression.ts'

/**
 * A page as the client takes it, compressed where it accepts that: rows say much the same, and what the server hands on to
 * the browser says it again, so that a tenth is left of the page of a stream. Over a slow network that is a second less
 * until something is seen.
 */
export function compressedPage(request: Request, response: Response): Response {
  const compressor = compressorFor(request.headers.get('accept-encoding'), response.headers.get('content-type') ?? '')
  if (!response.body || response.headers.has('content-encoding')) return response
  const headers = new Headers(response.headers)
  headers.append('vary', 'accept-encoding')
  const { status, statusText } = response
  if (!compressor) return new Response(response.body, { status, statusText, headers })
  headers.set('content-encoding', compressor.encoding)
  headers.delete('content-length')
  // Node's type of a web stream is not the browser's, which TypeScript takes a body to be.
  const pair = Duplex.toWeb(compressor.open()) as ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>
  return new Response(response.body.pipeThrough(pair), { status, statusText, headers })
}
