import { outgoingError } from '../itx/errors-out.ts'
import type { Instance } from '../itx/instance.ts'
import { httpStatus, jsonResponse } from './http-error.ts'

/** What the protocol calls the refusals of subscriptions (section 7); a code of ours where it has no word. */
const CODES: Readonly<Record<string, string>> = {
  'webhook-url': 'WEBHOOK_URL_REJECTED',
  subscription: 'SUBSCRIPTION_NOT_FOUND',
  'subscription-exists': 'SUBSCRIPTION_ALREADY_EXISTS',
  fenced: 'FENCED',
  'already-claimed': 'ALREADY_CLAIMED',
  'no-pending-work': 'NO_PENDING_WORK',
  'invalid-offset': 'INVALID_OFFSET',
  'too-many': 'LIMIT_EXCEEDED',
}

/** A refusal as the protocol writes it: `{ error: { code, message } }`, and what goes with it. */
export function subscriptionError(instance: Pick<Instance, 'log' | 'dev'>, error: unknown): Response {
  const { code, message, details } = outgoingError(instance, error)
  const reason = details?.['reason']
  const known = typeof reason === 'string' ? CODES[reason] : undefined
  const claim =
    reason === 'already-claimed' ? { current_holder: details?.['holder'], generation: details?.['generation'] } : {}
  const status = httpStatus({ code, ...(details === undefined ? {} : { details }) })
  return errorJson(status, known ?? (code === 'BAD_REQUEST' ? 'INVALID_REQUEST' : code), message, {
    ...claim,
    ...(details === undefined ? {} : { details }),
  })
}

/** A token that is none, or not one for this. */
export function tokenError(why: 'invalid' | 'expired'): Response {
  return why === 'expired'
    ? errorJson(401, 'TOKEN_EXPIRED', 'the token has expired')
    : errorJson(401, 'TOKEN_INVALID', 'the token of a wake of this subscription is needed')
}

function errorJson(status: number, code: string, message: string, more: Readonly<Record<string, unknown>> = {}) {
  const headers = {
    ...(status === 401 ? { 'www-authenticate': 'Bearer realm="tributary"' } : {}),
    ...(status === 429 || status === 503 ? { 'retry-after': '1' } : {}),
  }
  return jsonResponse({ error: { code, message, ...more } }, { status, headers })
}
