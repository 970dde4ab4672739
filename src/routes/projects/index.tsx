import { createFileRoute } from '@tanstack/react-router'
import { AppFrame } from '../../components/frame/app-frame.tsx'
import { ProjectsPage } from '../../components/projects/projects-page.tsx'
import { matchOf, projectsSearch } from '../../components/projects/projects-search.ts'
import { prefetchItxQuery } from '../../itx/prefetch.ts'
import { projectsQuery } from '../../itx/queries.ts'

export const Route = createFileRoute('/projects/')({
  validateSearch: projectsSearch,
  loaderDeps: ({ search }) => ({ match: matchOf(search) }),
  loader: ({ context: { queryClient }, deps: { match } }) =>
    prefetchItxQuery({ queryClient, query: projectsQuery(match) }),
  head: () => ({ meta: [{ title: 'Projects · Tributary' }] }),
  component: Projects,
})

function Projects() {
  const search = Route.useSearch()
  return (
    <AppFrame>
      <ProjectsPage search={search} />
    </AppFrame>
  )
}
