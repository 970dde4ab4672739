import { Outlet, createFileRoute, useMatch, useParams } from '@tanstack/react-router'
import { AppFrame } from '../../../components/frame/app-frame.tsx'
import { ProjectFailed, ProjectMissing } from '../../../components/projects/project-missing.tsx'
import { askedPath } from '../../../components/stream/asked-path.ts'
import { TreePane } from '../../../components/tree/tree-pane.tsx'
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
  const isStream = useMatch({ from: '/projects/$slug/streams', shouldThrow: false, select: () => true }) ?? false
  const splat = useParams({ strict: false, select: (params) => params._splat })
  const path = isStream ? askedPath(splat).path : null
  if (found === 'failed' || found === null) {
    return <AppFrame>{found === null ? <ProjectMissing slug={slug} /> : <ProjectFailed slug={slug} />}</AppFrame>
  }
  return (
    <AppFrame project={found} path={path}>
      <div className="flex flex-1 flex-col lg:grid lg:min-h-0 lg:grid-cols-[17rem_minmax(0,1fr)] lg:grid-rows-[minmax(0,1fr)] xl:grid-cols-[19rem_minmax(0,1fr)]">
        <TreePane project={found} current={path} />
        <Outlet />
      </div>
    </AppFrame>
  )
}
