import { createFileRoute } from '@tanstack/react-router'
import { ApiPage } from '../../../components/api/api-page.tsx'
import { prefetchItxQuery } from '../../../itx/prefetch.ts'
import { projectDescriptionQuery } from '../../../itx/queries.ts'

/** What programs can do with the project. */
export const Route = createFileRoute('/projects/$slug/api')({
  loader: async ({ context: { queryClient, project } }) => {
    if (project) await prefetchItxQuery({ queryClient, query: projectDescriptionQuery(project.id) })
  },
  head: ({ params }) => ({ meta: [{ title: `API · ${params.slug} · Tributary` }] }),
  component: Api,
})

function Api() {
  const { project, origin } = Route.useRouteContext()
  if (!project) return null
  return <ApiPage project={project} origin={origin} />
}
