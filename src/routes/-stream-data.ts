import type { QueryClient } from '@tanstack/react-query'
import type { WirePage } from '../itx/handle.ts'
import { prefetchItxQuery } from '../itx/prefetch.ts'
import { newestEventsQuery, streamStateQuery } from '../itx/queries.ts'
import { type StreamPath, ancestorPaths } from '../streams/path.ts'

/** Characters of events that travel inside of a page; more come over the socket, after the page is there. */
const MOST_IN_PAGE = 512 * 1024

/** Brings what the page of a stream shows at once: its state, those above it for the tree, and its newest events. */
export async function prefetchStream(queryClient: QueryClient, projectId: string, path: StreamPath): Promise<void> {
  const newest = newestEventsQuery(projectId, path)
  const states = [...ancestorPaths(path), path].map((each) => streamStateQuery(projectId, each))
  await Promise.all([
    ...states.map((query) => prefetchItxQuery({ queryClient, query })),
    prefetchItxQuery({ queryClient, query: newest }),
  ])
  if (!import.meta.env.SSR) return
  // A page holds them twice, as text and as data: a hundred large events would make it slow to load.
  const page = queryClient.getQueryData<WirePage>(newest.queryKey)
  const size = page?.events.reduce(
    (sum, { payload, metadata }) => sum + (payload?.length ?? 0) + (metadata?.length ?? 0),
    0,
  )
  if (size !== undefined && size > MOST_IN_PAGE) queryClient.removeQueries({ queryKey: newest.queryKey, exact: true })
}
