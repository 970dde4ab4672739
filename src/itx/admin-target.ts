import { RpcTarget } from 'capnweb'
import { listAllProjects } from '../control-plane/all-projects.ts'
import { resolveForAdmin } from './admin-access.ts'
import type { AdminApi, AdminProjectsApi, AdminProjectsPage, Pipelined, ProjectApi } from './handle.ts'
import type { Instance } from './instance.ts'
import { PROJECTS, taken } from './operations.ts'
import type { InstanceAdmin } from './principal.ts'
import { projectHandle } from './project-keeper.ts'
import { allowOnly, members } from './rpc-target.ts'
import type { Session } from './session.ts'

interface AdminParts {
  readonly instance: Instance
  readonly principal: InstanceAdmin
  readonly session: Session
}

/** What an instance admin may do beyond their own projects. Every use is told in the audit. */
export class AdminTarget extends RpcTarget implements AdminApi {
  readonly #parts: AdminParts

  constructor(parts: AdminParts) {
    super()
    this.#parts = parts
  }

  get projects(): AdminProjectsApi {
    return new AdminProjectsTarget(this.#parts)
  }
}
allowOnly(AdminTarget, members<AdminApi>()('projects'))

class AdminProjectsTarget extends RpcTarget implements AdminProjectsApi {
  readonly #parts: AdminParts

  constructor(parts: AdminParts) {
    super()
    this.#parts = parts
  }

  async list(options?: unknown): Promise<AdminProjectsPage> {
    const [wanted] = taken(PROJECTS.list, 'admin.projects.list', [options])
    const { projects, next } = listAllProjects(this.#parts.instance.control, { limit: 100, ...wanted })
    return { projects, nextAfter: next }
  }

  get(idOrSlug: string): Pipelined<ProjectApi> {
    const { instance, principal, session } = this.#parts
    const [asked] = taken(PROJECTS.get, 'admin.projects.get', [idOrSlug])
    const access = resolveForAdmin(instance, principal, asked, session)
    return projectHandle(instance, access) as unknown as Pipelined<ProjectApi>
  }
}
allowOnly(AdminProjectsTarget, members<AdminProjectsApi>()('list', 'get'))
