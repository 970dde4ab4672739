import { and, asc, eq, gt } from 'drizzle-orm'
import type { ControlDatabase } from './database.ts'
import { organization, projects } from './schema.ts'
import { hasText } from './text-search.ts'

/** A project with the organisation it belongs to. */
export interface ProjectOfInstance {
  readonly id: string
  readonly slug: string
  readonly name: string
  readonly organization: { readonly id: string; readonly name: string }
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** The projects of all organisations, by slug, a page at a time. For instance admins: nobody else sees all of them. */
export function listAllProjects(
  { db }: ControlDatabase,
  { after, limit, match = '' }: { readonly after?: string; readonly limit: number; readonly match?: string },
): { readonly projects: readonly ProjectOfInstance[]; readonly next: string | null } {
  const found = db
    .select({
      id: projects.id,
      slug: projects.slug,
      name: projects.name,
      organization: { id: organization.id, name: organization.name },
      createdAt: projects.createdAt,
    })
    .from(projects)
    .innerJoin(organization, eq(organization.id, projects.organizationId))
    .where(
      and(after === undefined ? undefined : gt(projects.slug, after), hasText([projects.slug, projects.name], match)),
    )
    .orderBy(asc(projects.slug))
    .limit(limit + 1)
    .all()
  const page = found.slice(0, limit)
  return { projects: page, next: found.length > limit ? (page.at(-1)?.slug ?? null) : null }
}
