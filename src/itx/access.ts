import { SYSTEM_PROJECT_ID } from '../control-plane/audit.ts'
import { type Project, findProject, projectRole } from '../control-plane/projects.ts'
import type { Role } from '../control-plane/roles.ts'
import { itxErrorCode } from '../streams/errors.ts'
import { parsePath } from '../streams/path.ts'
import type { Instance } from './instance.ts'
import { type KnownPrincipal, type Principal, actorOf } from './principal.ts'
import { ProjectAccess, projectNotFound } from './project-access.ts'
import type { Operation } from './permissions.ts'
import { IN_PROCESS, type Session } from './session.ts'

/**
 * The one access boundary: turns a principal and a name into a project, or NOT_FOUND. Every door calls it.
 *
 * @param session what the access is given to: it is bounded by it, and taken back with it
 * @throws {ItxError} NOT_FOUND, the same to the byte for a project that is missing and one that is not theirs.
 */
export function resolveProject(
  instance: Instance,
  principal: Principal,
  idOrSlug: string,
  session: Session = IN_PROCESS,
): ProjectAccess {
  if (principal.kind === 'anonymous') throw projectNotFound(idOrSlug)
  const project = findProject(instance.control, idOrSlug)
  const role = project && roleIn(instance, principal, project.id)
  if (!project || !role) {
    const error = projectNotFound(idOrSlug)
    const asked = String(error.details?.['project'])
    instance.audit.record({
      type: 'access/denied',
      payload: { reason: 'project', by: actorOf(principal), project: asked },
    })
    throw error
  }
  session.grant(project.id, role)
  return accessTo(instance, { principal, project, role, asked: idOrSlug, session })
}

/** The role of a principal in a project, or null. */
export function roleIn(
  { control }: Pick<Instance, 'control'>,
  principal: KnownPrincipal,
  projectId: string,
): Role | null {
  switch (principal.kind) {
    case 'token':
      return principal.projectId === projectId ? principal.role : null
    case 'reader':
      return principal.projectId === projectId ? 'viewer' : null
    case 'user':
      return projectRole(control, principal.userId, projectId)
  }
}

interface Granted {
  readonly principal: KnownPrincipal
  readonly project: Project
  readonly role: Role
  /** The name it was asked for by: what is not there any more is missed by the same name. */
  readonly asked: string
  readonly session: Session
  readonly onAllowed?: (operation: Operation) => void
}

/** What somebody holds to whom a project was given: by a role of theirs, or as an admin of the instance. */
export function accessTo(
  instance: Instance,
  { principal, project: given, role, asked, session, onAllowed }: Granted,
): ProjectAccess {
  const { id } = given
  const by = actorOf(principal)
  return new ProjectAccess({
    id,
    role,
    session,
    by,
    ...(onAllowed ? { onAllowed } : {}),
    ...(principal.kind === 'reader' ? { scope: parsePath(principal.path) } : {}),
    info: () => {
      const project = id === SYSTEM_PROJECT_ID ? given : findProject(instance.control, id)
      if (!project) throw projectNotFound(asked)
      return { id, slug: project.slug, name: project.name, role }
    },
    streams: () => {
      try {
        return instance.engine.project(id)
      } catch (error) {
        throw itxErrorCode(error) === 'NOT_FOUND' ? projectNotFound(asked) : error
      }
    },
    onDenied: (reason, operation) =>
      instance.audit.record({
        type: 'access/denied',
        payload: { reason, by, project: id, operation },
      }),
  })
}
