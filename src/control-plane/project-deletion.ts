import { asc, count, eq } from 'drizzle-orm'
import type { Actor } from './audit.ts'
import { leaveAudit } from './audit-outbox.ts'
import { type ControlDatabase, writeTransaction } from './database.ts'
import { deletedProjects, projectMembers, projects, tokens } from './schema.ts'

/**
 * Deletes a project with its members and tokens, and remembers its id until `finishDeletion`: its streams lie in a file
 * of their own, which is deleted after this commit, by whoever calls this or by the next start. False when there is no
 * such project.
 */
export function deleteProject(
  database: ControlDatabase,
  { projectId, by }: { readonly projectId: string; readonly by: Actor },
): boolean {
  return writeTransaction(database, (queries) => {
    const project = queries.select().from(projects).where(eq(projects.id, projectId)).get()
    if (project === undefined) return false
    // Members and tokens refer to it, and go with it.
    queries.delete(projects).where(eq(projects.id, projectId)).run()
    queries.insert(deletedProjects).values({ id: projectId, deletedAt: Date.now() }).run()
    const { slug, name } = project
    leaveAudit(queries, { type: 'project/deleted', payload: { projectId, slug, name, by } })
    return true
  })
}

/** What of a project lies here, and goes with it. */
export function countBelongings({ db }: ControlDatabase, projectId: string): { members: number; tokens: number } {
  const number = { number: count() }
  const members = db.select(number).from(projectMembers).where(eq(projectMembers.projectId, projectId)).get()
  const issued = db.select(number).from(tokens).where(eq(tokens.projectId, projectId)).get()
  return { members: members?.number ?? 0, tokens: issued?.number ?? 0 }
}

/** The ids of deleted projects whose files may still be there, the oldest deletion first. */
export function unfinishedDeletions({ db }: ControlDatabase): string[] {
  return db
    .select({ id: deletedProjects.id })
    .from(deletedProjects)
    .orderBy(asc(deletedProjects.deletedAt), asc(deletedProjects.id))
    .all()
    .map(({ id }) => id)
}

/** Says that nothing is left of a deleted project's streams. A second call does nothing. */
export function finishDeletion(database: ControlDatabase, id: string): void {
  writeTransaction(database, (queries) => queries.delete(deletedProjects).where(eq(deletedProjects.id, id)).run())
}
