import { createFileRoute } from '@tanstack/react-router'
import { StreamPage } from '../../../../components/stream/stream-page.tsx'
import { streamSearch } from '../../../../components/stream/stream-search.ts'
import { ROOT_PATH } from '../../../../streams/path.ts'
import { prefetchStream } from '../../../-stream-data.ts'

/** The root stream. */
export const Route = createFileRoute('/projects/$slug/streams/')({
  loader: async ({ context: { queryClient, project }, location }) => {
    if (project) await prefetchStream(queryClient, project.id, ROOT_PATH, streamSearch(location.search).at)
  },
  head: ({ params }) => ({ meta: [{ title: `/ · ${params.slug} · Tributary` }] }),
  component: RootStream,
})

function RootStream() {
  const { project, origin } = Route.useRouteContext()
  const { at } = streamSearch({ ...Route.useSearch() })
  if (!project) return null
  return <StreamPage key={ROOT_PATH} project={project} path={ROOT_PATH} origin={origin} at={at} />
}
