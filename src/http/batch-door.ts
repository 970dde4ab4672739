import { answerBatch } from '../itx/batch.ts'
import type { Instance } from '../itx/instance.ts'
import { ItxError } from '../streams/errors.ts'
import { errorResponse, notAllowed, textResponse } from './http-error.ts'
import { letIn } from './let-in.ts'
import { mediaType } from '../streams/content-type.ts'
import { bodyText } from './request-body.ts'

const TYPES: ReadonlySet<string> = new Set(['application/json', 'application/x-ndjson'])

/** `POST /api/itx`: a whole session in one request, for scripts that need no callbacks (design page `itx.md`). */
export async function batchDoor(instance: Instance, request: Request): Promise<Response> {
  if (request.method !== 'POST') return notAllowed('POST')
  try {
    const principal = await letIn(instance, request, 'batch')
    if (principal instanceof Response) return principal
    // A page of another site cannot send these without asking first.
    if (!TYPES.has(mediaType(request.headers.get('content-type')))) {
      throw new ItxError('BAD_REQUEST', `the content type must be ${[...TYPES].join(' or ')}`, {
        field: 'content-type',
      })
    }
    const body = await bodyText(request, instance.config.limits.maxMessageBytes)
    const answer = await answerBatch(instance, principal, instance.budgets.of(principal), body)
    return textResponse(answer, { headers: { 'content-type': 'application/x-ndjson' } })
  } catch (error) {
    return errorResponse(instance, error)
  }
}
