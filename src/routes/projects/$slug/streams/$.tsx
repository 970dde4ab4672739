import { createFileRoute } from '@tanstack/react-router'
import { askedPath } from '../../../../components/stream/asked-path.ts'
import { BadPath } from '../../../../components/stream/bad-path.tsx'
import { StreamPage } from '../../../../components/stream/stream-page.tsx'
import { streamSearch } from '../../../../components/stream/stream-search.ts'
import { markNotFound } from '../../../../itx/page-context.ts'
import { prefetchStream } from '../../../-stream-data.ts'

/** Any stream below the root, existing or not. */
export const Route = createFileRoute('/projects/$slug/streams/$')({
  loader: async ({ context: { queryClient, project }, params, location }) => {
    const { path } = askedPath(params._splat)
    if (!project) return
    if (path === null) await markNotFound()
    else await prefetchStream(queryClient, project.id, path, streamSearch(location.search).at)
  },
  head: ({ params }) => ({ meta: [{ title: `/${params._splat ?? ''} · ${params.slug} · Tributary` }] }),
  component: Stream,
})

function Stream() {
  const { project, origin } = Route.useRouteContext()
  const { at } = streamSearch({ ...Route.useSearch() })
  const { _splat } = Route.useParams()
  const asked = askedPath(_splat)
  if (!project) return null
  if (asked.path === null) return <BadPath project={project.slug} asked={asked.asked} problem={asked.problem} />
  // Another stream is another page: what was opened, held or written belongs to the one before.
  return <StreamPage key={asked.path} project={project} path={asked.path} origin={origin} at={at} />
}
