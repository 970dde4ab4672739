import { findProject, projectRole } from '../control-plane/projects.ts'
import type { Role } from '../control-plane/roles.ts'
import { ItxError } from '../streams/errors.ts'
import type { Instance } from './instance.ts'
import { ProjectAccess } from './project-access.ts'

/** Who is asking. */
export type Principal =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'user'
      readonly userId: string
      readonly email: string
      readonly name: string
      readonly instanceAdmin: boolean
    }
  | { readonly kind: 'token'; readonly tokenId: string; readonly projectId: string; readonly role: Role }

export const ANONYMOUS: Principal = { kind: 'anonymous' }

/**
 * The one access boundary: turns a principal and a name into a project, or NOT_FOUND. Every door calls it.
 *
 * @throws {ItxError} NOT_FOUND, the same to the byte for a project that is missing and one that is not theirs.
 */
export function resolveProject(instance: Instance, principal: Principal, idOrSlug: string): ProjectAccess {
  const project = findProject(instance.control, idOrSlug)
  const role = project && roleIn(instance, principal, project.id)
  if (!project || !role) throw projectNotFound(idOrSlug)
  return new ProjectAccess({ id: project.id, slug: project.slug, name: project.name, role }, () =>
    instance.engine.project(project.id),
  )
}

/** The error for a project that is not there for somebody, whatever the reason. */
export function projectNotFound(idOrSlug: string): ItxError {
  const name = idOrSlug.length > 100 ? `${idOrSlug.slice(0, 100)}…` : idOrSlug
  return new ItxError('NOT_FOUND', `project ${JSON.stringify(name)} was not found`, { project: name })
}

function roleIn(instance: Instance, principal: Principal, projectId: string): Role | null {
  switch (principal.kind) {
    case 'anonymous':
      return null
    case 'token':
      return principal.projectId === projectId ? principal.role : null
    case 'user':
      return projectRole(instance.control, principal.userId, projectId)
  }
}
