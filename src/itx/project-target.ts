import { RpcTarget } from 'capnweb'
import { NOTES, describedObjects } from './description.ts'
import type {
  ProjectApi,
  ProjectContents,
  ProjectDescription,
  ProjectInfo,
  ProjectOverview,
  ReadToken,
} from './handle.ts'
import { PROJECT, taken } from './operations.ts'
import type { ProjectAccess } from './project-access.ts'
import { ROOT_PATH } from '../streams/path.ts'
import { allowOnly, members } from './rpc-target.ts'
import { StreamsTarget } from './stream-target.ts'

/** What is done with a project as a whole, by whoever keeps projects: who may is decided before. */
export interface ProjectKeeper {
  rename(change: { readonly name?: string; readonly slug?: string }): Promise<ProjectInfo>
  contents(): Promise<ProjectContents>
  delete(): Promise<void>
  createReadToken(options: unknown): ReadToken
}

/** One project, through the role that its access was resolved to. */
export class ProjectTarget extends RpcTarget implements ProjectApi {
  readonly #access: ProjectAccess
  readonly #keeper: ProjectKeeper

  constructor(access: ProjectAccess, keeper: ProjectKeeper) {
    super()
    this.#access = access
    this.#keeper = keeper
  }

  async describe(): Promise<ProjectDescription> {
    this.#access.require('describe')
    return { project: this.#access.info(), notes: NOTES, objects: describedObjects(this.#access.role) }
  }

  async project(): Promise<ProjectInfo> {
    this.#access.require('project')
    return this.#access.info()
  }

  async overview(): Promise<ProjectOverview> {
    this.#access.require('overview')
    // It tells of the whole project: not for whoever reaches a part of it.
    this.#access.path(ROOT_PATH)
    const { session } = this.#access
    return session.answer(() => this.#access.streams().overview())
  }

  async rename(change: unknown): Promise<ProjectInfo> {
    this.#access.require('rename')
    const [wanted] = taken(PROJECT.rename, 'rename', [change])
    return this.#keeper.rename(wanted)
  }

  async createReadToken(options: unknown): Promise<ReadToken> {
    return this.#keeper.createReadToken(options)
  }

  async contents(): Promise<ProjectContents> {
    this.#access.require('contents')
    return this.#access.session.answer(() => this.#keeper.contents())
  }

  async delete(): Promise<void> {
    this.#access.require('project.delete')
    await this.#keeper.delete()
  }

  get streams() {
    return new StreamsTarget(this.#access)
  }
}
allowOnly(
  ProjectTarget,
  members<ProjectApi>()(
    'describe',
    'project',
    'overview',
    'rename',
    'createReadToken',
    'contents',
    'delete',
    'streams',
  ),
)
