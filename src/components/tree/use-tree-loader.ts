import { QueriesObserver, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import type { ChildrenOrder } from '../../itx/handle.ts'
import { runQuery } from '../../itx/queries.ts'
import { mayRetry } from '../../itx/react/hooks.ts'
import { useItxConnection } from '../../itx/react/provider.ts'
import { type Needs, queriesOf } from './tree-levels.ts'

/** While rows rush by, this often is what they need asked for. */
const EVERY_MS = 100

/** Loads what the rows in sight need, and has it loaded anew when it is stale. The tree itself reads the cache. */
export function useTreeLoader(projectId: string, order: ChildrenOrder, needs: Needs): void {
  const queryClient = useQueryClient()
  const connection = useItxConnection()
  const observer = useRef<QueriesObserver | null>(null)
  const last = useRef(-Infinity)
  useEffect(() => {
    if (!connection) return undefined
    const queries = queriesOf(projectId, order, needs).map(({ gcTime, query }) => ({
      queryKey: query.queryKey,
      staleTime: query.staleTime,
      gcTime,
      retry: mayRetry,
      queryFn: (): Promise<unknown> => runQuery<unknown>(query, connection),
    }))
    const apply = () => {
      last.current = performance.now()
      if (observer.current) return observer.current.setQueries(queries)
      observer.current = new QueriesObserver(queryClient, queries)
      // Observed as long as there is a listener: the cache tells the tree.
      observer.current.subscribe(() => {})
    }
    const wait = last.current + EVERY_MS - performance.now()
    if (wait <= 0) return apply()
    const timer = setTimeout(apply, wait)
    return () => clearTimeout(timer)
  }, [queryClient, connection, projectId, order, needs])
  useEffect(
    () => () => {
      observer.current?.destroy()
      observer.current = null
    },
    [],
  )
}
