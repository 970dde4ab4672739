import { RpcTarget } from 'capnweb'
import { roleAtLeast } from '../control-plane/roles.ts'
import type { ProjectApi, ProjectInfo } from './handle.ts'
import { NEEDED_ROLE } from './permissions.ts'
import type { ProjectAccess } from './project-access.ts'
import { allowOnly, members } from './rpc-target.ts'
import { StreamsTarget } from './stream-target.ts'

/** One project, through the role that its access was resolved to. */
export class ProjectTarget extends RpcTarget implements ProjectApi {
  readonly #access: ProjectAccess

  constructor(access: ProjectAccess) {
    super()
    this.#access = access
  }

  async describe() {
    this.#access.require('describe')
    const { role } = this.#access.info
    const operations = Object.entries(NEEDED_ROLE).map(([name, needs]) => ({
      name,
      needs,
      allowed: roleAtLeast(role, needs),
    }))
    return { project: this.#access.info, operations }
  }

  async project(): Promise<ProjectInfo> {
    this.#access.require('project')
    return this.#access.info
  }

  get streams() {
    return new StreamsTarget(this.#access)
  }
}
allowOnly(ProjectTarget, members<ProjectApi>()('describe', 'project', 'streams'))
