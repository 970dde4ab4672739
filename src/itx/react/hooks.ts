import {
  QueryClientContext,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
} from '@tanstack/react-query'
import { useContext, useMemo, useSyncExternalStore } from 'react'
import { ItxError, itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import type { Connection, ConnectionStatus } from '../client/connection.ts'
import { type TailSnapshot, tailStore } from '../client/stream-tail.ts'
import type { ProjectApi, WirePage } from '../handle.ts'
import { handleInTime, inTime } from '../client/in-time.ts'
import { type ItxQueryDefinition, newestEventsQuery, runQuery } from '../queries.ts'
import { useItxConnection } from './provider.ts'
import { statusStore, stillStore } from './stores.ts'

export interface ItxQueryOptions {
  readonly enabled?: boolean
  /** Milliseconds between asking anew while the tab is visible; false: only when stale. */
  readonly refetchInterval?: number | false
}

/** A datum, live in the cache that the loaders filled. Asked for once more, and never where the answer would be the same. */
export function useItxQuery<T>(query: ItxQueryDefinition<T>, options: ItxQueryOptions = {}): UseQueryResult<T> {
  const connection = useItxConnection()
  const { queryKey, staleTime } = query
  return useQuery({
    queryKey,
    staleTime,
    retry: mayRetry,
    queryFn: () => runQuery(query, present(connection)),
    ...options,
  })
}

/** An action on a project. Never retried: only the caller knows whether it may run twice. */
export function useItxMutation<Variables, T>(
  projectId: string,
  action: (handle: ProjectApi, variables: Variables) => Promise<T>,
): UseMutationResult<T, Error, Variables> {
  const connection = useItxConnection()
  return useMutation({
    retry: false,
    mutationFn: async (variables: Variables) => {
      using handle = await handleInTime(present(connection).project(projectId))
      return await inTime(action(handle, variables))
    },
  })
}

/**
 * The live end of a stream, shared by everybody in this tab who shows it. On the server, and until the socket is open,
 * it is the page that the loader brought, if one did: whoever comes first, be it a row of the tree, begins the tail with
 * it, so that no view is empty before it is filled.
 */
export function useStreamTail(projectId: string, path: string): TailSnapshot {
  const connection = useItxConnection()
  const queryClient = useContext(QueryClientContext)
  const store = useMemo(() => {
    const first = queryClient?.getQueryData<WirePage>(newestEventsQuery(projectId, path).queryKey)
    // Asked again with a later page, it is the same tail: the first page only bridges the time until the socket is open.
    return tailStore(connection ?? NOWHERE, projectId, path, first)
  }, [connection, queryClient, projectId, path])
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getInitialSnapshot)
}

/** The state of the connection. */
export function useItxStatus(): ConnectionStatus {
  const connection = useItxConnection()
  const store = useMemo(() => (connection ? statusStore(connection) : stillStore), [connection])
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getInitialSnapshot)
}

/** Design page `itx.md`, "Errors". */
export function mayRetry(failures: number, error: Error): boolean {
  const code = itxErrorCode(error)
  const reason = itxErrorDetails(error)?.['reason']
  // Long enough was waited already: whoever waits should hear of it.
  if (reason === 'offline' || reason === 'no-answer') return false
  return failures < 1 && (code === undefined || code === 'INTERNAL' || code === 'UNAVAILABLE')
}

/** On a server nobody subscribes. */
const NOWHERE = { project: () => Promise.reject(nowhere()) }

function present(connection: Connection | null): Connection {
  if (connection === null) throw nowhere()
  return connection
}

function nowhere(): ItxError {
  return new ItxError('UNAVAILABLE', 'there is no connection while a page is rendered on the server', {
    reason: 'server',
  })
}
