import { createFileRoute } from '@tanstack/react-router'
import { HomePage } from '../../../components/home/home-page.tsx'
import { prefetchItxQuery } from '../../../itx/prefetch.ts'
import { projectOverviewQuery } from '../../../itx/queries.ts'

/** What the project is doing. */
export const Route = createFileRoute('/projects/$slug/')({
  loader: async ({ context: { queryClient, project } }) => {
    if (project) await prefetchItxQuery({ queryClient, query: projectOverviewQuery(project.id) })
  },
  component: Home,
})

function Home() {
  const { project, origin } = Route.useRouteContext()
  return project ? <HomePage project={project} origin={origin} /> : null
}
