import {
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { useMemo, useSyncExternalStore } from 'react'
import { browserClient } from '../client/browser-client.ts'
import type { ConnectionStatus } from '../client/connection.ts'
import { type TailSnapshot, sharedTail } from '../client/stream-tail.ts'
import type { ProjectApi, WirePage } from '../handle.ts'
import { runItxQuery } from '../prefetch.ts'
import { type ItxQueryDefinition, newestEventsQuery } from '../queries.ts'

export interface ItxQueryOptions {
  readonly enabled?: boolean
  /** Milliseconds between asking anew while the tab is visible; false: only when stale. */
  readonly refetchInterval?: number | false
}

/** A datum, live in the cache that the loaders filled. Retries follow the client's policy: never on access errors. */
export function useItxQuery<T>(query: ItxQueryDefinition<T>, options: ItxQueryOptions = {}): UseQueryResult<T> {
  const { queryKey, staleTime } = query
  return useQuery({ queryKey, staleTime, queryFn: () => runItxQuery(query), ...options })
}

/** An action on a project. Never retried: only the caller knows whether it may run twice. */
export function useItxMutation<Variables, T>(
  projectId: string,
  action: (handle: ProjectApi, variables: Variables) => Promise<T>,
): UseMutationResult<T, Error, Variables> {
  return useMutation({
    mutationFn: async (variables: Variables) => {
      using handle = await browserClient().project(projectId)
      return await action(handle, variables)
    },
  })
}

const NOT_STARTED: TailSnapshot = { status: 'connecting', events: [], maxOffset: 0, state: null, error: null }

/**
 * The live end of a stream, shared by everybody in this tab who shows it. On the server, and until the socket is open,
 * it is the page that the loader brought: whoever comes first, be it a row of the tree, begins the tail with it, so
 * that no view is empty before it is filled.
 */
export function useStreamTail(projectId: string, path: string): TailSnapshot {
  const inBrowser = typeof window !== 'undefined'
  const queryClient = useQueryClient()
  const first = useMemo(
    () => queryClient.getQueryData<WirePage>(newestEventsQuery(projectId, path).queryKey),
    [queryClient, projectId, path],
  )
  const tail = useMemo(
    () => (inBrowser ? sharedTail(browserClient(), projectId, path, first) : null),
    // Asked again with a later page, it is the same tail: the first page only bridges the time until the socket is open.
    [inBrowser, projectId, path, first],
  )
  const initial = useMemo(() => (first ? beginWith(first) : NOT_STARTED), [first])
  return useSyncExternalStore(tail?.subscribe ?? neverChanges, tail?.getSnapshot ?? (() => initial), () => initial)
}

const IDLE: ConnectionStatus = { state: 'idle' }

/** The state of the tab's one socket. */
export function useItxStatus(): ConnectionStatus {
  return useSyncExternalStore(
    subscribeStatus,
    () => browserClient().status,
    () => IDLE,
  )
}

function subscribeStatus(listener: () => void): () => void {
  return browserClient().subscribe(listener)
}

function neverChanges(): () => void {
  return () => {}
}

function beginWith(page: WirePage): TailSnapshot {
  return { ...NOT_STARTED, events: page.events.toReversed(), maxOffset: page.maxOffset }
}
