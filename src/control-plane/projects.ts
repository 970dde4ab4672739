import { and, asc, eq, ne, sql } from 'drizzle-orm'
import { ItxError } from '../streams/errors.ts'
import { type Actor, OPERATOR } from './audit.ts'
import { leaveAudit } from './audit-outbox.ts'
import { ControlChanges } from './changes.ts'
import { type ControlDatabase, type ControlQueries, writeTransaction } from './database.ts'
import { newId } from './ids.ts'
import type { Role } from './roles.ts'
import { member, organization, projectMembers, projects, user } from './schema.ts'

export interface Project {
  /** `prj_…`; never changes. */
  readonly id: string
  readonly slug: string
  readonly name: string
  readonly organizationId: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

export interface NewProject {
  readonly slug: string
  readonly name: string
  readonly organizationId: string
  /** The user who becomes its admin; none when the first start makes it. */
  readonly createdBy?: string
  /** Who does this; when absent the user who becomes its admin, or the operator. */
  readonly by?: Actor
}

export interface NewProjectMember {
  readonly projectId: string
  readonly userId: string
  readonly role: Role
  /** Who does this; the operator when absent. */
  readonly by?: Actor
}

export interface ProjectChange {
  readonly projectId: string
  readonly slug?: string
  readonly name?: string
  readonly by: Actor
}

const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const NAME_LENGTH = 100

/** Of a row of `member`: better-auth keeps several roles in one text, with commas between them. */
export const isOwner = sql`(',' || ${member.role} || ',') LIKE '%,owner,%'`

/** The project of an id (`prj_…`) or a slug, or null. Says nothing about who may see it: that is `itx/access.ts`. */
export function findProject(database: ControlDatabase, idOrSlug: string): Project | null {
  let finder = finders.get(database)
  if (!finder) finders.set(database, (finder = new ProjectFinder(database)))
  return finder.find(idOrSlug)
}

const finders = new WeakMap<ControlDatabase, ProjectFinder>()

/** Every request asks for its project: a query each time takes as long as storing an event. */
class ProjectFinder {
  static readonly #MOST = 1000
  readonly #byId: (name: string) => Project | undefined
  readonly #bySlug: (name: string) => Project | undefined
  readonly #changes: ControlChanges
  /** As they are since the last change. */
  readonly #found = new Map<string, Project>()

  constructor(database: ControlDatabase) {
    const finding = (column: typeof projects.id | typeof projects.slug) => {
      const query = database.db
        .select()
        .from(projects)
        .where(eq(column, sql.placeholder('name')))
        .prepare()
      return (name: string) => query.get({ name })
    }
    this.#byId = finding(projects.id)
    this.#bySlug = finding(projects.slug)
    this.#changes = new ControlChanges(database)
  }

  find(idOrSlug: string): Project | null {
    if (this.#changes.changed()) this.#found.clear()
    const known = this.#found.get(idOrSlug)
    if (known) return known
    // No slug begins with `prj_`, since an underscore is not allowed in one.
    const found = idOrSlug.startsWith('prj_') ? this.#byId(idOrSlug) : this.#bySlug(idOrSlug)
    if (found && this.#found.size < ProjectFinder.#MOST) this.#found.set(idOrSlug, found)
    return found ?? null
  }
}

/** Every project of this instance. */
export function allProjectIds({ db }: ControlDatabase): string[] {
  return db
    .select({ id: projects.id })
    .from(projects)
    .all()
    .map(({ id }) => id)
}

/** The role of a user in a project, or null: that of `project_members`, or admin for an owner of its organisation. */
export function projectRole(database: ControlDatabase, userId: string, projectId: string): Role | null {
  const owned = database.db
    .select({ id: projects.id })
    .from(projects)
    .innerJoin(member, eq(member.organizationId, projects.organizationId))
    .where(and(eq(projects.id, projectId), eq(member.userId, userId), isOwner))
    .get()
  if (owned !== undefined) return 'admin'
  const row = database.db
    .select({ role: projectMembers.role })
    .from(projectMembers)
    .where(and(eq(projectMembers.projectId, projectId), eq(projectMembers.userId, userId)))
    .get()
  return row?.role ?? null
}

/** The ids of the organisations a user owns, the one they have owned for longest first. */
export function organizationsOwnedBy(database: ControlDatabase, userId: string): string[] {
  return database.db
    .select({ id: member.organizationId })
    .from(member)
    .where(and(eq(member.userId, userId), isOwner))
    .orderBy(asc(member.createdAt), asc(member.organizationId))
    .all()
    .map(({ id }) => id)
}

/**
 * Creates a project; its creator becomes its admin. Whether the creator may is decided by the caller.
 *
 * @throws ItxError BAD_REQUEST for a slug or a name that is not allowed; CONFLICT (`details.reason` slug) when the slug
 *   is taken; NOT_FOUND when organisation or user do not exist.
 */
export function createProject(database: ControlDatabase, input: NewProject): Project {
  assertSlug(input.slug)
  const name = checkedName(input.name)
  return writeTransaction(database, (queries) => insertProject(queries, { ...input, name }))
}

/**
 * Gives a project another slug, another name or both; its id and its streams stay. What is absent or the same is left
 * as it is.
 *
 * @throws ItxError BAD_REQUEST for a slug or a name that is not allowed; CONFLICT (`details.reason` slug) when another
 *   project has the slug; NOT_FOUND when there is no such project.
 */
export function renameProject(database: ControlDatabase, { projectId, slug, name, by }: ProjectChange): Project {
  if (slug !== undefined) assertSlug(slug)
  const newName = name === undefined ? undefined : checkedName(name)
  return writeTransaction(database, (queries) => {
    const project = queries.select().from(projects).where(eq(projects.id, projectId)).get()
    if (project === undefined) throw new ItxError('NOT_FOUND', `no project ${projectId}`)
    const renamed: Project = { ...project, slug: slug ?? project.slug, name: newName ?? project.name }
    if (renamed.slug === project.slug && renamed.name === project.name) return project
    assertSlugIsFree(queries, renamed.slug, projectId)
    queries.update(projects).set({ slug: renamed.slug, name: renamed.name }).where(eq(projects.id, projectId)).run()
    const [from, to] = [namesOf(project), namesOf(renamed)]
    leaveAudit(queries, { type: 'project/renamed', payload: { projectId, from, to, by } })
    return renamed
  })
}

/**
 * Gives a user a role in a project, in place of the one they had.
 *
 * @throws ItxError NOT_FOUND when project or user do not exist.
 */
export function addProjectMember(database: ControlDatabase, input: NewProjectMember): void {
  writeTransaction(database, (queries) => {
    if (
      queries.select({ id: projects.id }).from(projects).where(eq(projects.id, input.projectId)).get() === undefined
    ) {
      throw new ItxError('NOT_FOUND', `no project ${input.projectId}`)
    }
    insertProjectMember(queries, input)
  })
}

/** `addProjectMember` inside a transaction, for a project known to exist. */
export function insertProjectMember(
  queries: ControlQueries,
  { projectId, userId, role, by = OPERATOR }: NewProjectMember,
): void {
  if (queries.select({ id: user.id }).from(user).where(eq(user.id, userId)).get() === undefined) {
    throw new ItxError('NOT_FOUND', `no user ${userId}`)
  }
  queries
    .insert(projectMembers)
    .values({ projectId, userId, role })
    .onConflictDoUpdate({ target: [projectMembers.projectId, projectMembers.userId], set: { role } })
    .run()
  leaveAudit(queries, { type: 'project/member-added', payload: { projectId, userId, role, by } })
}

/** `createProject` inside a transaction, with slug and name known to be right. */
export function insertProject(
  queries: ControlQueries,
  { slug, name, organizationId, createdBy, by = creatorOf(createdBy) }: NewProject,
): Project {
  const known = queries
    .select({ id: organization.id })
    .from(organization)
    .where(eq(organization.id, organizationId))
    .get()
  if (known === undefined) throw new ItxError('NOT_FOUND', `no organisation ${organizationId}`)
  const id = newId('prj_')
  assertSlugIsFree(queries, slug, id)
  const project: Project = { id, slug, name, organizationId, createdAt: Date.now() }
  queries.insert(projects).values(project).run()
  leaveAudit(queries, { type: 'project/created', payload: { projectId: id, slug, name, organizationId, by } })
  if (createdBy !== undefined) insertProjectMember(queries, { projectId: id, userId: createdBy, role: 'admin', by })
  return project
}

function creatorOf(userId: string | undefined): Actor {
  return userId === undefined ? OPERATOR : { kind: 'user', id: userId }
}

function namesOf({ slug, name }: Project) {
  return { slug, name }
}

/** @throws ItxError BAD_REQUEST. */
function checkedName(text: string): string {
  const name = text.trim()
  if (name.length > 0 && name.length <= NAME_LENGTH) return name
  throw new ItxError('BAD_REQUEST', `name has ${name.length} characters; 1 to ${NAME_LENGTH} are allowed`)
}

/** @throws ItxError CONFLICT when a project other than this one has the slug. */
function assertSlugIsFree(queries: ControlQueries, slug: string, projectId: string): void {
  const other = queries
    .select({ id: projects.id })
    .from(projects)
    .where(and(eq(projects.slug, slug), ne(projects.id, projectId)))
    .get()
  if (other !== undefined) {
    throw new ItxError('CONFLICT', `a project with the slug ${slug} exists`, { reason: 'slug' })
  }
}

function assertSlug(slug: string): void {
  if (slug === 'system' || slug.startsWith('prj_')) {
    throw new ItxError('BAD_REQUEST', `slug is ${JSON.stringify(slug)}; system and prj_… are reserved`)
  }
  if (!SLUG.test(slug)) {
    throw new ItxError(
      'BAD_REQUEST',
      `slug is ${JSON.stringify(slug)}; 1 to 63 lower-case letters, digits and inner hyphens are allowed`,
    )
  }
}
