import { resolveProject } from '../itx/access.ts'
import type { Instance } from '../itx/instance.ts'
import type { ProjectAccess } from '../itx/project-access.ts'
import type { StreamPath } from '../streams/path.ts'
import { postStream } from './append-door.ts'
import { preflight, withCors } from './cors.ts'
import { putStream } from './create-door.ts'
import { errorResponse, jsonResponse, notAllowed, textResponse } from './http-error.ts'
import { letIn } from './let-in.ts'
import { getStream, headStream } from './read-door.ts'
import { decodedPath, splitTarget } from './stream-path.ts'
import { subscriptionDoor } from './subscription-door.ts'
import { subscriptionTarget } from './subscription-target.ts'

/**
 * Answers `/api/streams/:project` and `/api/streams/:project/*path` (design page `stream-db.md`, "HTTP door").
 *
 * @param target the path as it was sent, dots and escapes unresolved
 */
export async function streamsDoor(instance: Instance, request: Request, target: string, url: URL): Promise<Response> {
  const asked = preflight(instance.config, request)
  return asked ?? withCors(instance.config, request, await answered(instance, request, target, url))
}

async function answered(instance: Instance, request: Request, target: string, url: URL): Promise<Response> {
  try {
    const control = subscriptionTarget(target)
    if (control) return await subscriptionDoor(instance, request, { target, url, control })
    const principal = await letIn(instance, request, 'http')
    if (principal instanceof Response) return principal
    const { project, rawPath } = splitTarget(target)
    const access = resolveProject(instance, principal, project)
    if (rawPath === null) return await list(access, request, url)
    const path = access.path(decodedPath(rawPath))
    switch (request.method) {
      case 'GET':
        return await getStream(instance, { access, path, principal }, request, url)
      case 'HEAD':
        return await headStream(access, path)
      case 'PUT': {
        const address = `${instance.config.baseUrl ?? url.origin}${target}`
        return await putStream(instance, { access, path, project, address }, request)
      }
      case 'POST':
        return await postStream(instance, access, path, request)
      case 'DELETE':
        return await remove(access, path, url)
      default:
        return notAllowed('GET, HEAD, PUT, POST, DELETE')
    }
  } catch (error) {
    return errorResponse(instance, error)
  }
}

async function list(access: ProjectAccess, request: Request, url: URL): Promise<Response> {
  if (request.method !== 'GET') return notAllowed('GET')
  access.require('list')
  const option = (name: string) => url.searchParams.get(name) ?? undefined
  const limit = option('limit')
  const [prefix, after, match] = [option('prefix'), option('after'), option('match')]
  const page = await access.streams().list({
    prefix: access.path(prefix ?? access.scope),
    ...(after === undefined ? {} : { after }),
    ...(match === undefined ? {} : { match }),
    ...(limit === undefined ? {} : { limit: /^\d+$/.test(limit) ? Number(limit) : Number.NaN }),
  })
  return jsonResponse(page)
}

async function remove(access: ProjectAccess, path: StreamPath, url: URL): Promise<Response> {
  access.require('delete')
  await access.streams().delete(path, { recursive: url.searchParams.get('recursive') === 'true' })
  return textResponse(null, { status: 204 })
}
