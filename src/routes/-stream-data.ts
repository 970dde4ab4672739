import type { QueryClient } from '@tanstack/react-query'
import type { WirePage } from '../itx/handle.ts'
import { prefetchItxQuery } from '../itx/prefetch.ts'
import { eventAtQuery, newestEventsQuery, streamStateQuery } from '../itx/queries.ts'
import type { EncodedEvent } from '../streams/event.ts'
import { type StreamPath, ancestorPaths } from '../streams/path.ts'

/** Characters of events that travel inside of a page; more come over the socket, after the page is there. */
const MOST_IN_PAGE = 512 * 1024

/**
 * Brings what the page of a stream shows at once: its state, those above it for the tree, its newest events, and the one
 * that is open.
 *
 * @param at the offset of the open event
 */
export async function prefetchStream(
  queryClient: QueryClient,
  projectId: string,
  path: StreamPath,
  at: number | undefined,
): Promise<void> {
  const newest = newestEventsQuery(projectId, path)
  const states = [...ancestorPaths(path), path].map((each) => streamStateQuery(projectId, each))
  const opened = at === undefined ? null : eventAtQuery(projectId, path, at)
  await Promise.all([
    ...states.map((query) => prefetchItxQuery({ queryClient, query })),
    prefetchItxQuery({ queryClient, query: newest }),
    opened && prefetchItxQuery({ queryClient, query: opened }),
  ])
  if (!import.meta.env.SSR) return
  // A page holds them twice, as text and as data: a hundred large events would make it slow to load.
  const page = queryClient.getQueryData<WirePage>(newest.queryKey)
  if (page && sizeOf(page.events) > MOST_IN_PAGE) queryClient.removeQueries({ queryKey: newest.queryKey, exact: true })
  const event = opened && queryClient.getQueryData<EncodedEvent | null>(opened.queryKey)
  if (event && sizeOf([event]) > MOST_IN_PAGE) queryClient.removeQueries({ queryKey: opened.queryKey, exact: true })
}

function sizeOf(events: readonly EncodedEvent[]): number {
  return events.reduce((sum, { payload, metadata }) => sum + (payload?.length ?? 0) + (metadata?.length ?? 0), 0)
}
