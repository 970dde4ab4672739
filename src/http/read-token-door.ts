import { resolveProject } from '../itx/access.ts'
import type { Instance } from '../itx/instance.ts'
import { mintReadToken } from '../itx/read-token.ts'
import { ItxError } from '../streams/errors.ts'
import { errorResponse, jsonResponse, notAllowed } from './http-error.ts'
import { letIn } from './let-in.ts'
import { bodyJson } from './request-body.ts'

const BODY_BYTES = 16 * 1024

/** `POST /api/read-tokens`: mints a read token, for back ends in whatever language (design page `itx.md`, "Access"). */
export async function readTokenDoor(instance: Instance, request: Request): Promise<Response> {
  if (request.method !== 'POST') return notAllowed('POST')
  try {
    const principal = await letIn(instance, request, 'http')
    if (principal instanceof Response) return principal
    const { project, ...wanted } = asObject(await bodyJson(request, BODY_BYTES))
    if (typeof project !== 'string')
      throw new ItxError('BAD_REQUEST', 'project must be a slug or an id', { field: 'project' })
    return jsonResponse(mintReadToken(instance, resolveProject(instance, principal, project), wanted), { status: 201 })
  } catch (error) {
    return errorResponse(instance, error)
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ItxError('BAD_REQUEST', 'the body must be an object { project, path, seconds? }', { field: 'body' })
}
