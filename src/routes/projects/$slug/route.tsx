import { Outlet, createFileRoute } from '@tanstack/react-router'
import { AppFrame } from '../../../components/frame/app-frame.tsx'
import { ProjectFailed, ProjectMissing } from '../../../components/projects/project-missing.tsx'
import { markNotFound } from '../../../itx/page-context.ts'
import { projectOf } from '../../-access.ts'

/** The pages of one project; for one that is not there for the reader, the page that says so. Never throws. */
export const Route = createFileRoute('/projects/$slug')({
  beforeLoad: async ({ context, params }) => {
    const found = await projectOf(context.queryClient, params.slug)
    if (found === null) await markNotFound()
    return { found, project: found === 'failed' ? null : found }
  },
  head: ({ params }) => ({ meta: [{ title: `${params.slug} · Tributary` }] }),
  component: Project,
})

function Project() {
  const { slug } = Route.useParams()
  const { found } = Route.useRouteContext()
  if (found === 'failed' || found === null) {
    return <AppFrame>{found === null ? <ProjectMissing slug={slug} /> : <ProjectFailed slug={slug} />}</AppFrame>
  }
  return (
    <AppFrame project={found}>
      <Outlet />
    </AppFrame>
  )
}
