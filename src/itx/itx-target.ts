import { RpcTarget } from 'capnweb'
import { type ProjectOfUser, listProjectsOfUser } from '../control-plane/projects-of-user.ts'
import { createProject, organizationsOwnedBy } from '../control-plane/projects.ts'
import { textMatches } from '../control-plane/text-search.ts'
import { ItxError } from '../streams/errors.ts'
import { resolveProject } from './access.ts'
import { AdminTarget } from './admin-target.ts'
import type {
  AdminApi,
  ItxApi,
  Pipelined,
  ProjectApi,
  ProjectInfo,
  ProjectsApi,
  ProjectsPage,
  Whoami,
} from './handle.ts'
import type { Instance } from './instance.ts'
import { PROJECTS, taken } from './operations.ts'
import { type KnownPrincipal, isInstanceAdmin } from './principal.ts'
import { projectHandle } from './project-keeper.ts'
import { allowOnly, members } from './rpc-target.ts'
import { IN_PROCESS, type Session } from './session.ts'

/** What a principal holds after a door let it in. */
export class ItxTarget extends RpcTarget implements ItxApi {
  readonly #instance: Instance
  readonly #principal: KnownPrincipal
  readonly #session: Session

  constructor(instance: Instance, principal: KnownPrincipal, session: Session = IN_PROCESS) {
    super()
    this.#instance = instance
    this.#principal = principal
    this.#session = session
  }

  async whoami(): Promise<Whoami> {
    return whoIs(this.#principal)
  }

  async ping(): Promise<'pong'> {
    return 'pong'
  }

  get projects(): ProjectsApi {
    return new ProjectsTarget(this.#instance, this.#principal, this.#session)
  }

  /** Undefined, as any name that is not there, for whoever is no instance admin. */
  get admin(): AdminApi | undefined {
    const principal = this.#principal
    if (!isInstanceAdmin(principal)) return undefined
    return new AdminTarget({ instance: this.#instance, principal, session: this.#session })
  }
}
allowOnly(ItxTarget, members<ItxApi>()('whoami', 'ping', 'projects', 'admin'))

class ProjectsTarget extends RpcTarget implements ProjectsApi {
  readonly #instance: Instance
  readonly #principal: KnownPrincipal
  readonly #session: Session

  constructor(instance: Instance, principal: KnownPrincipal, session: Session) {
    super()
    this.#instance = instance
    this.#principal = principal
    this.#session = session
  }

  get(idOrSlug: string): Pipelined<ProjectApi> {
    const [asked] = taken(PROJECTS.get, 'projects.get', [idOrSlug])
    const access = resolveProject(this.#instance, this.#principal, asked, this.#session)
    return projectHandle(this.#instance, access) as unknown as Pipelined<ProjectApi>
  }

  async list(options?: unknown): Promise<ProjectsPage> {
    const [wanted] = taken(PROJECTS.list, 'projects.list', [options])
    if (this.#principal.kind !== 'user') {
      const own = resolveProject(this.#instance, this.#principal, this.#principal.projectId, this.#session).info()
      return { projects: isOnPage(own, wanted) ? [own] : [], nextAfter: null, mayCreate: false }
    }
    const [{ control }, { userId }] = [this.#instance, this.#principal]
    const page = listProjectsOfUser(control, userId, wanted)
    const mayCreate = organizationsOwnedBy(control, userId).length > 0
    return { projects: page.projects.map(projectInfo), nextAfter: page.next, mayCreate }
  }

  async create(input: unknown): Promise<ProjectInfo> {
    const [{ slug, name, organizationId }] = taken(PROJECTS.create, 'projects.create', [input])
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

function whoIs(principal: KnownPrincipal): Whoami {
  switch (principal.kind) {
    case 'user': {
      const { userId: id, email, name, instanceAdmin } = principal
      return { kind: 'user', id, email, name, instanceAdmin }
    }
    case 'token': {
      const { tokenId: id, projectId, role } = principal
      return { kind: 'token', id, projectId, role }
    }
    case 'reader': {
      const { tokenId: id, projectId, path, expiresAt } = principal
      return { kind: 'token', id, projectId, role: 'viewer', path, expiresAt }
    }
  }
}

/** Whether the one project of a token is on the page that is asked for. */
function isOnPage({ slug, name }: ProjectInfo, { after, match }: { readonly after?: string; readonly match?: string }) {
  return (after === undefined || slug > after) && (match === undefined || textMatches([slug, name], match))
}

function projectInfo({ id, slug, name, role }: ProjectOfUser): ProjectInfo {
  return { id, slug, name, role }
}
