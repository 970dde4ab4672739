import { getRequest, setResponseStatus } from '@tanstack/react-start/server'
import { resolveProject } from './access.ts'
import type { ItxApi, ProjectApi } from './handle.ts'
import { inProcessStub, outgoing } from './in-process.ts'
import { type Instance, currentInstance } from './instance.ts'
import { ItxTarget } from './itx-target.ts'
import { projectHandle } from './project-keeper.ts'
import { type Principal, principalOfCookie } from './principal.ts'
import { projectNotFound } from './project-access.ts'

// A page asks several times who is asking; a session look-up costs more than all of its other reads.
const principals = new WeakMap<Request, Promise<Principal>>()

/** Who made the request that is being rendered, by its session. */
export function serverPrincipal(
  request: Request = getRequest(),
  instance: Instance = currentInstance(),
): Promise<Principal> {
  let principal = principals.get(request)
  if (!principal) {
    principal = principalOfCookie(instance, request.headers)
    principals.set(request, principal)
  }
  return principal
}

/**
 * The handle of a project for code that runs in the server while it renders: in-process, no socket, the same targets
 * and so the same validation. Dispose it.
 *
 * @throws {ItxError} NOT_FOUND for a project that is missing, forbidden, or asked for anonymously: the same for all.
 */
export async function getServerItx(
  idOrSlug: string,
  request: Request = getRequest(),
  instance: Instance = currentInstance(),
): Promise<ProjectApi & Disposable> {
  return outgoing(instance, async () => {
    const principal = await serverPrincipal(request, instance)
    return inProcessStub<ProjectApi>(instance, projectHandle(instance, resolveProject(instance, principal, idOrSlug)))
  })
}

/** The global handle for code that runs in the server while it renders. Dispose it. */
export async function getServerRoot(
  request: Request = getRequest(),
  instance: Instance = currentInstance(),
): Promise<ItxApi & Disposable> {
  return outgoing(instance, async () => {
    const principal = await serverPrincipal(request, instance)
    if (principal.kind === 'anonymous') throw projectNotFound('')
    return inProcessStub<ItxApi>(instance, new ItxTarget(instance, principal))
  })
}

/** The Cookie header of the request that is being rendered. */
export function requestCookies(): string | null {
  return getRequest().headers.get('cookie')
}

/** The status of the page that is being rendered. */
export function setPageStatus(status: number): void {
  setResponseStatus(status)
}

/** Whether the token of a setup link is good now. */
export function acceptsSetup(token: string): boolean {
  return currentInstance().setup.accepts(token)
}

/** Whether the instance still waits for its first admin. */
export function needsSetup(): boolean {
  return currentInstance().setup.isOpen()
}
