import { z } from 'zod'
import type { Instance } from '../itx/instance.ts'
import { checked } from '../itx/rpc-target.ts'
import { ItxError, itxErrorCode } from '../streams/errors.ts'
import { errorResponse, jsonResponse, notAllowed } from './http-error.ts'
import { bodyText, mediaType } from './request-body.ts'

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
    // A form of another site cannot send this content type without asking first.
    if (mediaType(request.headers.get('content-type')) !== 'application/json') {
      throw new ItxError('BAD_REQUEST', 'the content type must be application/json', { field: 'content-type' })
    }
    const origin = request.headers.get('origin')
    if (origin !== null && !instance.config.allowedOrigins.includes(origin)) {
      denied(instance, request, 'origin')
      throw new ItxError('FORBIDDEN', 'setup must be done from this site', { reason: 'origin' })
    }
    const body = await bodyText(request, BODY_BYTES)
    const admin = await instance.setup.complete(checked(Setup, parsed(body), 'setup')).catch((error: unknown) => {
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

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new ItxError('BAD_REQUEST', 'the body is not valid JSON', { field: 'body' })
  }
}
