import { SYSTEM_PROJECT_ID } from '../control-plane/audit.ts'
import { type Project, findProject } from '../control-plane/projects.ts'
import { roleAtLeast } from '../control-plane/roles.ts'
import { accessTo } from './access.ts'
import type { Instance } from './instance.ts'
import { NEEDED_ROLE } from './permissions.ts'
import { type InstanceAdmin, actorOf } from './principal.ts'
import { type ProjectAccess, projectNotFound } from './project-access.ts'
import { IN_PROCESS, type Session } from './session.ts'

/** The instance's own project: it has no row, and so no name leads to it but by way of `itx.admin`. */
const SYSTEM: Project = { id: SYSTEM_PROJECT_ID, slug: 'system', name: 'System', organizationId: '', createdAt: 0 }

/**
 * Any project, for an admin of the instance: they reach other people's this way and never by name alone. The audit has
 * every opening, and every operation that is more than looking.
 *
 * It is not granted to the session: not a role opens it but the admin's flag, which is looked at again with the session
 * itself.
 *
 * @throws {ItxError} NOT_FOUND for a project that does not exist.
 */
export function resolveForAdmin(
  instance: Instance,
  principal: InstanceAdmin,
  idOrSlug: string,
  session: Session = IN_PROCESS,
): ProjectAccess {
  const isSystem = idOrSlug === SYSTEM.id || idOrSlug === SYSTEM.slug
  const project = isSystem ? SYSTEM : findProject(instance.control, idOrSlug)
  if (!project) throw projectNotFound(idOrSlug)
  const by = actorOf(principal)
  const projectId = project.id
  instance.audit.record({ type: 'admin/project-opened', payload: { projectId, by } })
  return accessTo(instance, {
    principal,
    project,
    // What the instance writes about itself can be read by its admins, and changed by nobody.
    role: isSystem ? 'viewer' : 'admin',
    asked: idOrSlug,
    session,
    onAllowed: (operation) => {
      if (operation === 'contents' || !roleAtLeast(NEEDED_ROLE[operation], 'editor')) return
      instance.audit.record({ type: 'admin/project-changed', payload: { projectId, by, operation } })
    },
  })
}
