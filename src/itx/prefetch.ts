import type { QueryClient } from '@tanstack/react-query'
import { getLoaderItx, getLoaderRoot } from './loader-handle.ts'
import { type ItxQueryDefinition, type QueryHandles, runQuery } from './queries.ts'

/** A page waits this long for a prefetch; after that it renders without. */
const DEADLINE_MS = 800

const HANDLES: QueryHandles = { root: getLoaderRoot, project: getLoaderItx }

/** Runs a query with a handle of its own: in-process while the server renders, the tab's socket in the browser. */
export function runItxQuery<T>(query: ItxQueryDefinition<T>): Promise<T> {
  return runQuery(query, HANDLES)
}

interface Prefetch<T> {
  readonly queryClient: QueryClient
  readonly query: ItxQueryDefinition<T>
  readonly run?: (query: ItxQueryDefinition<T>) => Promise<T>
  readonly deadlineMs?: number
  /** Whether this is the server, where a late answer helps nobody. */
  readonly server?: boolean
}

/**
 * Fills the cache for a page if it can. An optimisation and never a gate: it resolves whatever happens, within its
 * deadline, and leaves no errored entry behind. Data that is there already stays.
 */
export async function prefetchItxQuery<T>({
  queryClient,
  query,
  run = runItxQuery,
  deadlineMs = DEADLINE_MS,
  server = import.meta.env?.SSR ?? false,
}: Prefetch<T>): Promise<void> {
  const { queryKey, staleTime } = query
  const fetching = fetchQuietly(queryClient, { queryKey, staleTime, queryFn: () => run(query) })
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), deadlineMs)
  })
  const outcome = await Promise.race([fetching, late])
  clearTimeout(timer)
  // In the browser the deadline only ends the waiting: the answer will still be welcome.
  if (outcome === 'done' || !server) return
  await queryClient.cancelQueries({ queryKey, exact: true })
  await fetching
}

interface Fetch<T> {
  readonly queryKey: readonly unknown[]
  readonly staleTime: number
  readonly queryFn: () => Promise<T>
}

/** Fetches once. The component that needs what could not be had asks again, and shows the error where the work is. */
async function fetchQuietly<T>(queryClient: QueryClient, fetch: Fetch<T>): Promise<'done'> {
  try {
    await queryClient.fetchQuery({ ...fetch, retry: false }).catch(() => forget(queryClient, fetch.queryKey))
  } catch {
    // A key that cannot be looked up has no entry either.
  }
  return 'done'
}

/** Removes an entry that holds nothing and that nobody observes. */
function forget(queryClient: QueryClient, queryKey: readonly unknown[]): void {
  const entry = queryClient.getQueryCache().find({ queryKey, exact: true })
  if (entry && entry.state.data === undefined && entry.getObserversCount() === 0)
    queryClient.getQueryCache().remove(entry)
}
