import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { type NavigationState, itxKey, streamStateQuery } from '../../itx/queries.ts'
import { useStreamTail } from '../../itx/react/hooks.ts'

/** New streams may come by the thousand; the tree looks at most this often. */
const AT_MOST_EVERY_MS = 1000

/** Has the tree look again as soon as the open stream tells of new descendants. */
export function useTreeRefresh(projectId: string, path: string): void {
  const queryClient = useQueryClient()
  const { state } = useStreamTail(projectId, path)
  const descendants = state?.descendantCount
  const seen = useRef<{ readonly path: string; readonly descendants: number } | null>(null)
  const last = useRef(0)
  useEffect(() => {
    if (descendants === undefined) return
    const before = seen.current
    seen.current = { path, descendants }
    const first = before?.path !== path
    const known = queryClient.getQueryData<NavigationState>(streamStateQuery(projectId, path).queryKey)
    // A first state is no news, unless the stream was not there when the tree looked.
    if (first ? known?.exists !== false : before.descendants === descendants) return
    const wait = Math.max(0, last.current + AT_MOST_EVERY_MS - Date.now())
    const timer = setTimeout(() => {
      last.current = Date.now()
      void queryClient.invalidateQueries({ queryKey: itxKey.project(projectId, 'streams', 'state') })
    }, wait)
    // A newer change takes over with a wait that is no longer than what is left of this one.
    return () => clearTimeout(timer)
  }, [queryClient, projectId, path, descendants])
}
