import { z } from 'zod'
import type { Instance } from '../itx/instance.ts'
import { checked } from '../itx/rpc-target.ts'
import { ItxError, itxErrorCode } from '../streams/errors.ts'
import { errorResponse, jsonResponse, notAllowed } from './http-error.ts'
import { bodyJson } from './request-body.ts'

const BODY_BYTES = 16 * 1024
const Setup = z.strictObject({
  token: z.string().max(200),
  name: z.string().trim().min(1).max(100),
  email: z.string().max(254),
  password: z.string(),
})

/** `POST /api/setup`: creates the first admin for whoever holds the one-time link. */
export async function setupDoor(instance: Instance, request: Request): Promise<Response> {
  if (request.method !== 'POST') return notAllowed('POST')
  try {
    const origin = request.headers.get('origin')
    if (origin !== null && !instance.config.allowedOrigins.includes(origin)) {
      denied(instance, request, 'origin')
      throw new ItxError('FORBIDDEN', 'setup must be done from this site', { reason: 'origin' })
    }
    const wanted = checked(Setup, await bodyJson(request, BODY_BYTES), 'setup')
    const admin = await instance.setup.complete(wanted).catch((error: unknown) => {
      if (itxErrorCode(error) === 'FORBIDDEN') denied(instance, request, 'setup')
      throw error
    })
    return jsonResponse({ email: admin.email }, { status: 201 })
  } catch (error) {
    return errorResponse(instance, error)
  }
}

function denied({ audit, addresses }: Instance, request: Request, reason: 'origin' | 'setup'): void {
  const address = addresses.ofRequest(request)
  audit.record({ type: 'access/denied', payload: { reason, by: null, door: 'setup', address } })
}
