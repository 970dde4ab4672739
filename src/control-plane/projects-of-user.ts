import { and, asc, eq, gt, inArray } from 'drizzle-orm'
import { union } from 'drizzle-orm/sqlite-core'
import { ItxError } from '../streams/errors.ts'
import type { ControlDatabase } from './database.ts'
import { type Project, isOwner, organizationsOwnedBy } from './projects.ts'
import type { Role } from './roles.ts'
import { member, projectMembers, projects } from './schema.ts'
import { hasText } from './text-search.ts'

export interface ProjectOfUser extends Project {
  readonly role: Role
}

export interface ProjectPage {
  readonly projects: readonly ProjectOfUser[]
  /** Pass it as `after` for the next page; null on the last one. */
  readonly next: string | null
}

export interface ProjectPageOptions {
  /** A slug: the page begins with what comes after it. */
  readonly after?: string
  /** 100 unless told, 200 at most. */
  readonly limit?: number
  /** Part of the name or the slug, literally, in any case. */
  readonly match?: string
}

const MAX_PAGE = 200

/**
 * The projects a user has a role in, by slug, one page at a time. A project that is renamed while somebody pages is
 * listed by its slug of that moment.
 *
 * @throws ItxError BAD_REQUEST for a limit outside 1 to 200, or a match of more than 100 characters.
 */
export function listProjectsOfUser(
  database: ControlDatabase,
  userId: string,
  { after, limit = 100, match = '' }: ProjectPageOptions = {},
): ProjectPage {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw new ItxError('BAD_REQUEST', `limit is ${limit}; a whole number from 1 to ${MAX_PAGE} is allowed`)
  }
  const { db } = database
  const mine = union(
    db.select({ id: projectMembers.projectId }).from(projectMembers).where(eq(projectMembers.userId, userId)),
    db
      .select({ id: projects.id })
      .from(projects)
      .innerJoin(member, eq(member.organizationId, projects.organizationId))
      .where(and(eq(member.userId, userId), isOwner)),
  )
  const found = db
    .select()
    .from(projects)
    .where(
      and(
        inArray(projects.id, mine),
        after === undefined ? undefined : gt(projects.slug, after),
        hasText([projects.slug, projects.name], match),
      ),
    )
    .orderBy(asc(projects.slug))
    .limit(limit + 1)
    .all()
  const page = withRoles(database, userId, found.slice(0, limit))
  return { projects: page, next: found.length > limit ? (page.at(-1)?.slug ?? null) : null }
}

/** As `projectRole` says, in two questions for all of them. */
function withRoles(database: ControlDatabase, userId: string, page: readonly Project[]): ProjectOfUser[] {
  const owned = new Set(organizationsOwnedBy(database, userId))
  const ids = page.map(({ id }) => id)
  const memberships = database.db
    .select({ id: projectMembers.projectId, role: projectMembers.role })
    .from(projectMembers)
    .where(and(eq(projectMembers.userId, userId), inArray(projectMembers.projectId, ids)))
    .all()
  const roles = new Map(memberships.map(({ id, role }) => [id, role]))
  return page.flatMap((project) => {
    const role = owned.has(project.organizationId) ? 'admin' : roles.get(project.id)
    return role === undefined ? [] : [{ ...project, role }]
  })
}
