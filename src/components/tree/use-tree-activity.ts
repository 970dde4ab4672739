import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import type { ActivityBatch } from '../../itx/handle.ts'
import { itxKey, projectOverviewQuery } from '../../itx/queries.ts'
import { useItxConnection } from '../../itx/react/provider.ts'
import { ActivityFeed } from './activity-feed.ts'
import { applyActivity } from './apply-activity.ts'
import { OverviewPace } from './overview-pace.ts'
import { Reread } from './reread.ts'

/** Streams whose children are watched, at most: what the server takes. */
export const MOST_WATCHED = 100
/** How long a row shows that something has happened in it. */
const RISEN_MS = 2000
/** Rows rush by when the tree is scrolled: watched is what stays. */
const SETTLE_MS = 250
/**
 * What came with the page is a moment older than the watching, and that moment was told to nobody: it is read once more,
 * when the page has settled.
 */
const SECOND_LOOK_MS = 2000

/**
 * Keeps what is shown of some streams' children as it is on the server.
 *
 * @returns the streams whose count has risen within the last 2 s, each with a number of its own for each time
 */
export function useTreeActivity(projectId: string, watched: readonly string[]): ReadonlyMap<string, number> {
  const queryClient = useQueryClient()
  const connection = useItxConnection()
  const feed = useRef<ActivityFeed | null>(null)
  const wanted = useRef<readonly string[]>([])
  const [risen, setRisen] = useState<ReadonlyMap<string, number>>(NONE)
  useEffect(() => {
    if (!connection) return undefined
    const reread = new Reread(queryClient, projectId)
    const timers = new Set<ReturnType<typeof setTimeout>>()
    let times = 0
    const { queryKey } = projectOverviewQuery(projectId)
    const pace = new OverviewPace({
      // For those that show it: an entry that nobody looks at is stale from now on.
      ask: () => queryClient.invalidateQueries({ queryKey }),
      isHidden: () => document.hidden,
    })
    const look = () => pace.stirred()
    document.addEventListener('visibilitychange', look)
    const rise = (paths: readonly string[]) => {
      if (paths.length === 0) return
      const time = ++times
      setRisen((before) => new Map([...before, ...paths.map((path) => [path, time] as const)]))
      const timer = setTimeout(() => {
        timers.delete(timer)
        setRisen((before) => new Map([...before].filter(([, each]) => each !== time)))
      }, RISEN_MS)
      timers.add(timer)
    }
    const onBatch = (batch: ActivityBatch) => {
      if (batch.overview) pace.stirred()
      if (batch.overflow) {
        for (const path of made.watched) reread.level(path)
        return
      }
      const { stale, risen: paths } = applyActivity(queryClient, projectId, batch)
      for (const path of stale) reread.level(path)
      rise(paths)
      if (stale.size > 0 || batch.removed.length > 0) {
        void queryClient.invalidateQueries({ queryKey: itxKey.project(projectId, 'streams', 'search') })
      }
    }
    const made: ActivityFeed = new ActivityFeed({
      source: connection,
      project: projectId,
      overview: true,
      onBatch,
      onBegun: (paths, again) => {
        pace.stirred()
        if (again) for (const path of paths) reread.level(path)
        else reread.levelsLater(paths, SECOND_LOOK_MS)
      },
    })
    feed.current = made
    made.watch(wanted.current)
    return () => {
      made.close()
      pace.end()
      document.removeEventListener('visibilitychange', look)
      reread.end()
      for (const timer of timers) clearTimeout(timer)
      feed.current = null
      setRisen(NONE)
    }
  }, [queryClient, connection, projectId])
  const settled = useRef(false)
  const key = watched.join('\n')
  useEffect(() => {
    const paths = key === '' ? [] : key.split('\n')
    const timer = setTimeout(
      () => {
        settled.current = true
        wanted.current = paths
        feed.current?.watch(paths)
      },
      settled.current ? SETTLE_MS : 0,
    )
    return () => clearTimeout(timer)
  }, [key])
  return risen
}

const NONE: ReadonlyMap<string, number> = new Map()
