import type { Instance } from '../itx/instance.ts'
import { type KnownPrincipal, principalOfRequest } from '../itx/principal.ts'
import { ItxError } from '../streams/errors.ts'
import { unauthorized } from './http-error.ts'

/**
 * Lets in whoever brings a credential: what every HTTP door does before it looks at a name.
 *
 * @returns who it is, or the 401 that is the answer
 * @throws {ItxError} FORBIDDEN `origin` for a write by session that comes from another site; RATE_LIMITED.
 */
export async function letIn(
  instance: Instance,
  request: Request,
  door: 'http' | 'batch',
): Promise<KnownPrincipal | Response> {
  const principal = await principalOfRequest(instance, request)
  if (principal === 'bad' || principal.kind === 'anonymous') {
    // Coming without a credential is no denial of one.
    if (principal === 'bad') denied(instance, request, door, 'credential')
    return unauthorized()
  }
  // A cookie comes with requests that another site made; a token does not.
  if (principal.kind === 'user' && request.method !== 'GET' && request.method !== 'HEAD') {
    const origin = request.headers.get('origin')
    if (origin === null || !instance.config.allowedOrigins.includes(origin)) {
      denied(instance, request, door, 'origin', origin)
      throw new ItxError('FORBIDDEN', 'a write with a session cookie must come from this site', { reason: 'origin' })
    }
  }
  instance.budgets.take(principal)
  return principal
}

function denied(
  { audit, addresses }: Instance,
  request: Request,
  door: 'http' | 'batch',
  reason: 'credential' | 'origin',
  origin: string | null = null,
): void {
  const address = addresses.ofRequest(request)
  audit.record({
    type: 'access/denied',
    payload: { reason, by: null, door, address, ...(origin === null ? {} : { origin: origin.slice(0, 254) }) },
  })
}
