import { findProject, projectRole } from '../control-plane/projects.ts'
import type { Role } from '../control-plane/roles.ts'
import { ItxError } from '../streams/errors.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'
import type { ProjectInfo } from './handle.ts'
import type { Instance } from './instance.ts'
import { type Operation, coreTypesFor, requireRole } from './permissions.ts'

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

/** A project that somebody may touch, and how far. Made by `resolveProject` alone. */
export class ProjectAccess {
  readonly info: ProjectInfo
  /** Core events that may be appended like any other, through whichever door. */
  readonly coreTypes: ReadonlySet<string>
  readonly #instance: Instance

  constructor(info: ProjectInfo, instance: Instance) {
    this.info = info
    this.coreTypes = coreTypesFor(info.role)
    this.#instance = instance
  }

  /** @throws {ItxError} FORBIDDEN when the role is too small. */
  require(operation: Operation): void {
    requireRole(this.info.role, operation)
  }

  /** The project's streams. Asked for anew by each operation: an idle project's file may be closed in between. */
  streams(): ProjectStreams {
    return this.#instance.engine.project(this.info.id)
  }
}

/**
 * The one access boundary: turns a principal and a name into a project, or NOT_FOUND. Every door calls it.
 *
 * @throws {ItxError} NOT_FOUND, the same to the byte for a project that is missing and one that is not theirs.
 */
export function resolveProject(instance: Instance, principal: Principal, idOrSlug: string): ProjectAccess {
  const project = findProject(instance.control, idOrSlug)
  const role = project && roleIn(instance, principal, project.id)
  if (!project || !role) throw projectNotFound(idOrSlug)
  return new ProjectAccess({ id: project.id, slug: project.slug, name: project.name, role }, instance)
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
