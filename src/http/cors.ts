import type { AppConfig } from '../../app.config.ts'

/** What a page of another site may send and read. Cookies are not part of it: such a page brings a token of its own. */
const METHODS = 'GET, HEAD, PUT, POST, DELETE'
const REQUEST_HEADERS = [
  'authorization, content-type, accept, if-none-match, stream-seq, stream-ttl, stream-expires-at, stream-closed',
  'producer-id, producer-epoch, producer-seq, stream-forked-from, stream-fork-offset, stream-fork-sub-offset',
].join(', ')
const RESPONSE_HEADERS = [
  'stream-next-offset, stream-up-to-date, stream-unjudged, stream-cursor, stream-closed, stream-ttl, stream-expires-at',
  'stream-sse-data-encoding, producer-epoch, producer-seq, producer-expected-seq, producer-received-seq',
  'location, etag, retry-after',
].join(', ')
/** How long a browser need not ask again, in seconds. */
const MAX_AGE = 600

/**
 * Lets the pages of other sites that the operator has named use the HTTP door (design page `itx.md`, "Access"): the main
 * use are the browsers of end users, with short-lived read tokens.
 */
export function withCors(config: Pick<AppConfig, 'corsOrigins'>, request: Request, response: Response): Response {
  if (config.corsOrigins.length === 0) return response
  // In place: an answer that goes on for long must reach Node as it was made.
  const { headers } = response
  headers.append('vary', 'origin')
  const origin = request.headers.get('origin')
  if (origin !== null && config.corsOrigins.includes(origin)) {
    headers.set('access-control-allow-origin', origin)
    headers.set('access-control-expose-headers', RESPONSE_HEADERS)
    headers.set('cross-origin-resource-policy', 'cross-origin')
  }
  return response
}

/** The answer to a browser that asks, before the request itself, whether it may make it; null when it does not ask. */
export function preflight(config: Pick<AppConfig, 'corsOrigins'>, request: Request): Response | null {
  if (request.method !== 'OPTIONS') return null
  const origin = request.headers.get('origin')
  const allowed = origin !== null && config.corsOrigins.includes(origin)
  return new Response(null, {
    status: 204,
    headers: {
      vary: 'origin',
      'access-control-allow-methods': METHODS,
      'access-control-allow-headers': REQUEST_HEADERS,
      'access-control-max-age': String(MAX_AGE),
      // Without this one a browser makes nothing of the others.
      ...(allowed ? { 'access-control-allow-origin': origin } : {}),
    },
  })
}
