import { Outlet, createFileRoute, useParams } from '@tanstack/react-router'
import { askedPath } from '../../../../components/stream/asked-path.ts'
import { TreePane } from '../../../../components/tree/tree-pane.tsx'

/** The tree at the left, which stays while one stream after the other is opened. */
export const Route = createFileRoute('/projects/$slug/streams')({
  component: Streams,
})

function Streams() {
  const { project } = Route.useRouteContext()
  const splat = useParams({ strict: false, select: (params) => params._splat })
  if (!project) return null
  return (
    <div className="flex flex-1 flex-col lg:grid lg:min-h-0 lg:grid-cols-[17rem_minmax(0,1fr)] lg:grid-rows-[minmax(0,1fr)] xl:grid-cols-[19rem_minmax(0,1fr)]">
      <TreePane project={project} current={askedPath(splat).path} />
      <Outlet />
    </div>
  )
}
