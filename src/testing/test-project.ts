import { RpcTarget } from 'capnweb'
import { roleAtLeast } from '../control-plane/roles.ts'
import type { ProjectAccess } from '../itx/access.ts'
import type { ProjectApi, ProjectDescription, ProjectInfo } from '../itx/handle.ts'
import { NEEDED_ROLE, type Operation, coreTypesFor, requireRole } from '../itx/permissions.ts'
import { allowOnly, members } from '../itx/rpc-target.ts'
import { StreamsTarget } from '../itx/stream-target.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'

/** What stands in for `ProjectAccess`, whose module brings accounts and their database along. */
class TestAccess implements Pick<ProjectAccess, keyof ProjectAccess> {
  readonly info: ProjectInfo
  readonly coreTypes: ReadonlySet<string>
  readonly streams: () => ProjectStreams

  constructor(info: ProjectInfo, streams: () => ProjectStreams) {
    this.info = info
    this.coreTypes = coreTypesFor(info.role)
    this.streams = streams
  }

  require(operation: Operation): void {
    requireRole(this.info.role, operation)
  }
}

/** A project of a test server. Its streams are the targets of every door; a test holds the rest to `ProjectTarget`. */
export class TestProjectTarget extends RpcTarget implements ProjectApi {
  readonly #access: TestAccess

  /** `streams` is asked anew by each operation: after a restart they are others. */
  constructor(info: ProjectInfo, streams: () => ProjectStreams) {
    super()
    this.#access = new TestAccess(info, streams)
  }

  async describe(): Promise<ProjectDescription> {
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
    return new StreamsTarget(this.#access as ProjectAccess)
  }
}
allowOnly(TestProjectTarget, members<ProjectApi>()('describe', 'project', 'streams'))
