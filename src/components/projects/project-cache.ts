import type { QueryClient } from '@tanstack/react-query'
import type { ProjectInfo, ProjectsPage } from '../../itx/handle.ts'
import { itxKey, projectBySlugQuery } from '../../itx/queries.ts'

/**
 * Where the lists of a tab know of a project. Rows are changed where they stand: read anew, the pages below them would
 * begin elsewhere, and a long list would fold up under the reader.
 */
function changeRows(queryClient: QueryClient, change: (rows: readonly ProjectInfo[]) => readonly ProjectInfo[]): void {
  queryClient.setQueriesData<ProjectsPage>({ queryKey: itxKey.root('projects') }, (page) =>
    page ? { ...page, projects: change(page.projects) } : page,
  )
}

/** A project has another name or slug. */
export function noteRenamed(queryClient: QueryClient, before: ProjectInfo, after: ProjectInfo): void {
  changeRows(queryClient, (rows) => rows.map((row) => (row.id === after.id ? after : row)))
  queryClient.removeQueries({ queryKey: projectBySlugQuery(before.slug).queryKey })
  queryClient.setQueryData(projectBySlugQuery(after.slug).queryKey, after)
}

/** A project is gone, and what this tab knows of it with it. */
export function noteDeleted(queryClient: QueryClient, { id, slug }: ProjectInfo): void {
  changeRows(queryClient, (rows) => rows.filter((row) => row.id !== id))
  queryClient.removeQueries({ queryKey: projectBySlugQuery(slug).queryKey })
  queryClient.removeQueries({ queryKey: itxKey.project(id) })
}

/** There is a new project. It has its place on some page, nobody here knows which. */
export async function noteCreated(queryClient: QueryClient, project: ProjectInfo): Promise<void> {
  // It may have been asked for, and found missing, before.
  queryClient.setQueryData(projectBySlugQuery(project.slug).queryKey, project)
  await queryClient.invalidateQueries({ queryKey: itxKey.root('projects') })
}
