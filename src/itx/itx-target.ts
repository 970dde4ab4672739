import { RpcTarget } from 'capnweb'
import { z } from 'zod'
import {
  type ProjectOfUser,
  createProject,
  listProjectsOfUser,
  organizationsOwnedBy,
} from '../control-plane/projects.ts'
import { ItxError } from '../streams/errors.ts'
import { type Principal, resolveProject } from './access.ts'
import { ProjectTarget } from './project-target.ts'
import type { ItxApi, Pipelined, ProjectApi, ProjectInfo, ProjectsApi, Whoami } from './handle.ts'
import type { Instance } from './instance.ts'
import { allowOnly, checked, members } from './rpc-target.ts'

const IdOrSlug = z.string().min(1).max(200)
const ListArguments = z
  .strictObject({ after: z.string().max(200).optional(), limit: z.number().int().min(1).max(200).optional() })
  .optional()
const CreateArguments = z.strictObject({
  slug: z.string(),
  name: z.string().trim().min(1).max(100),
  organizationId: z.string().max(100).optional(),
})

/** What a principal holds after a door let it in. */
export class ItxTarget extends RpcTarget implements ItxApi {
  readonly #instance: Instance
  readonly #principal: Exclude<Principal, { kind: 'anonymous' }>

  constructor(instance: Instance, principal: Exclude<Principal, { kind: 'anonymous' }>) {
    super()
    this.#instance = instance
    this.#principal = principal
  }

  async whoami(): Promise<Whoami> {
    const principal = this.#principal
    return principal.kind === 'user'
      ? {
          kind: 'user',
          id: principal.userId,
          email: principal.email,
          name: principal.name,
          instanceAdmin: principal.instanceAdmin,
        }
      : { kind: 'token', id: principal.tokenId, projectId: principal.projectId, role: principal.role }
  }

  async ping(): Promise<'pong'> {
    return 'pong'
  }

  get projects(): ProjectsApi {
    return new ProjectsTarget(this.#instance, this.#principal)
  }
}
allowOnly(ItxTarget, members<ItxApi>()('whoami', 'ping', 'projects'))

class ProjectsTarget extends RpcTarget implements ProjectsApi {
  readonly #instance: Instance
  readonly #principal: Principal

  constructor(instance: Instance, principal: Principal) {
    super()
    this.#instance = instance
    this.#principal = principal
  }

  get(idOrSlug: string): Pipelined<ProjectApi> {
    const access = resolveProject(this.#instance, this.#principal, checked(IdOrSlug, idOrSlug, 'projects.get'))
    return new ProjectTarget(access) as unknown as Pipelined<ProjectApi>
  }

  async list(options?: unknown) {
    const { after, limit = 100 } = checked(ListArguments, options, 'projects.list') ?? {}
    if (this.#principal.kind !== 'user') {
      if (this.#principal.kind === 'anonymous') return { projects: [], nextAfter: null }
      return {
        projects: [resolveProject(this.#instance, this.#principal, this.#principal.projectId).info],
        nextAfter: null,
      }
    }
    const page = listProjectsOfUser(this.#instance.control, this.#principal.userId, {
      limit,
      ...(after === undefined ? {} : { after }),
    })
    return { projects: page.projects.map(projectInfo), nextAfter: page.next }
  }

  async create(input: unknown): Promise<ProjectInfo> {
    const { slug, name, organizationId } = checked(CreateArguments, input, 'projects.create')
    if (this.#principal.kind !== 'user') {
      throw new ItxError('FORBIDDEN', 'only a signed-in user can create a project', { reason: 'role' })
    }
    const { userId } = this.#principal
    const project = createProject(this.#instance.control, {
      slug,
      name,
      createdBy: userId,
      organizationId: this.#ownOrganization(userId, organizationId),
    })
    return projectInfo({ ...project, role: 'admin' })
  }

  /** An organisation in which the user may create projects: the one asked for, or the first they own. */
  #ownOrganization(userId: string, asked: string | undefined): string {
    const owned = organizationsOwnedBy(this.#instance.control, userId)
    const found = asked === undefined ? owned[0] : owned.find((id) => id === asked)
    if (found !== undefined) return found
    throw new ItxError('FORBIDDEN', 'only the owner of an organisation can create projects in it', { reason: 'role' })
  }
}
allowOnly(ProjectsTarget, members<ProjectsApi>()('get', 'list', 'create'))

function projectInfo({ id, slug, name, role }: ProjectOfUser): ProjectInfo {
  return { id, slug, name, role }
}
