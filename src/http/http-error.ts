import { FastResponse } from 'srvx'
import { outgoingError } from '../itx/errors-out.ts'
import type { Instance } from '../itx/instance.ts'
import type { ItxError, ItxErrorCode, ItxErrorDetails } from '../streams/errors.ts'
import { formatOffset } from './http-offset.ts'

const STATUS: Readonly<Record<ItxErrorCode, number>> = {
  BAD_REQUEST: 400,
  NOT_FOUND: 404,
  FORBIDDEN: 403,
  CONFLICT: 409,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
  INTERNAL: 500,
}

/** What was there, and will not be again. */
const GONE: ReadonlySet<unknown> = new Set(['trimmed', 'gone'])

/** The status of a coded error (design page `itx.md`, "Errors"). */
export function httpStatus(error: Pick<ItxError, 'code' | 'details'>): number {
  if (error.code === 'BAD_REQUEST' && error.details?.['reason'] === 'too-large') return 413
  if (error.code === 'NOT_FOUND' && GONE.has(error.details?.['reason'])) return 410
  return STATUS[error.code]
}

/** An error as a response: `{ code, message, details? }`. */
export function errorResponse(instance: Pick<Instance, 'log' | 'dev'>, error: unknown): Response {
  const { code, message, details } = outgoingError(instance, error)
  const body = details === undefined ? { code, message } : { code, message, details }
  const status = httpStatus(body)
  const retry = status === 429 || status === 503 ? { 'retry-after': '1' } : {}
  return jsonResponse(body, { status, headers: { ...retry, ...protocolHeaders(details) } })
}

/** What the Durable Streams protocol says of a refusal in headers. */
function protocolHeaders(details: ItxErrorDetails = {}): Record<string, string> {
  switch (details['reason']) {
    case 'closed':
      return { 'stream-closed': 'true', 'stream-next-offset': formatOffset(Number(details['lastVisibleOffset'])) }
    case 'producer-gap':
      return {
        'producer-expected-seq': String(details['expected']),
        'producer-received-seq': String(details['received']),
      }
    case 'producer-fenced':
      return { 'producer-epoch': String(details['epoch']) }
    default:
      return {}
  }
}

/** No credential, or a bad one: said before any name is looked at, so the same for every name. */
export function unauthorized(): Response {
  return jsonResponse(
    { code: 'UNAUTHENTICATED', message: 'a valid bearer token or a session is needed' },
    { status: 401, headers: { 'www-authenticate': 'Bearer realm="tributary"' } },
  )
}

/** A method that an address does not answer. */
export function notAllowed(allow: string): Response {
  const body = { code: 'BAD_REQUEST', message: `this address answers ${allow}`, details: { allow } }
  return jsonResponse(body, { status: 405, headers: { allow } })
}

const COMMON = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }

/** A JSON answer that no cache keeps and no browser sniffs. */
export function jsonResponse(
  body: unknown,
  init: { status?: number; headers?: Record<string, string> } = {},
): Response {
  return textResponse(JSON.stringify(body), {
    ...init,
    headers: { 'content-type': 'application/json', ...init.headers },
  })
}

export function textResponse(
  body: string | Buffer<ArrayBuffer> | null,
  init: { status?: number; headers?: Record<string, string> } = {},
): Response {
  // Goes out with its length and in one piece; the platform's own would go through a web stream, at half the speed.
  return new FastResponse(body, { status: init.status ?? 200, headers: { ...COMMON, ...init.headers } })
}
