import { useQueryClient } from '@tanstack/react-query'
import type { QueryClient } from '@tanstack/react-query'
import { useMemo, useSyncExternalStore } from 'react'
import { type TreeCache, readTreeCache, treeEntry } from './tree-levels.ts'

/** Changes of the cache are shown together, once a frame. */
const FRAME_MS = 16

/** What the cache knows of a project's streams, as it changes, whoever changes it. */
export function useTreeCache(projectId: string): TreeCache {
  const queryClient = useQueryClient()
  const store = useMemo(() => treeCacheStore(queryClient, projectId), [queryClient, projectId])
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getSnapshot)
}

function treeCacheStore(queryClient: QueryClient, projectId: string) {
  let snapshot: TreeCache | null = null
  return {
    subscribe: (listener: () => void): (() => void) => {
      let timer: ReturnType<typeof setTimeout> | undefined
      // What has changed since the first render was told to nobody.
      snapshot = null
      const leave = queryClient.getQueryCache().subscribe(({ type, query }) => {
        if (type !== 'updated' && type !== 'added' && type !== 'removed') return
        if (!treeEntry(query.queryKey, projectId)) return
        timer ??= setTimeout(() => {
          timer = undefined
          snapshot = null
          listener()
        }, FRAME_MS)
      })
      return () => {
        clearTimeout(timer)
        leave()
      }
    },
    getSnapshot: (): TreeCache => (snapshot ??= readTreeCache(queryClient, projectId)),
  }
}
