import type { QueryClient } from '@tanstack/react-query'
import type { ActivityBatch } from '../../itx/handle.ts'
import {
  type NavigationState,
  type StreamChildrenPage,
  itxKey,
  streamChildrenPageQuery,
  streamStateQuery,
} from '../../itx/queries.ts'
import { type LevelChange, goneState, levelChanges, patchPage, patchSelf, patchState } from './tree-changes.ts'
import { readTreeCache } from './tree-levels.ts'

/** What came of a batch. */
export interface Applied {
  /** Streams whose children have to be read anew. */
  readonly stale: ReadonlySet<string>
  /** Streams that have more events than before, or are new. */
  readonly risen: readonly string[]
}

/** Writes a batch into the cache, under the keys that all parts of a page share: nobody has to ask for what was told. */
export function applyActivity(queryClient: QueryClient, projectId: string, batch: ActivityBatch): Applied {
  const cache = readTreeCache(queryClient, projectId)
  const stale = new Set<string>()
  const risen: string[] = []
  for (const path of batch.removed) {
    for (const known of cache.keys()) {
      if (known === path || known.startsWith(path === '/' ? '/' : `${path}/`)) {
        patch<NavigationState>(queryClient, streamStateQuery(projectId, known).queryKey, goneState)
        queryClient.removeQueries({
          queryKey: itxKey.project(projectId, 'streams', 'children', known),
          type: 'inactive',
        })
        stale.add(known)
      }
    }
  }
  for (const [parent, change] of levelChanges(batch)) {
    const level = cache.get(parent)
    const stateKey = streamStateQuery(projectId, parent).queryKey
    const state = queryClient.getQueryData<NavigationState>(stateKey)
    const known = new Map(state?.children.map((row) => [row.path, row]))
    let uncertain = false
    if (state) {
      const patched = patchState(state, change)
      if (patched.value !== state) queryClient.setQueryData(stateKey, patched.value)
      uncertain = patched.uncertain
      // Of the root nobody tells that its own count has changed with its children.
      if (parent === '/' && patched.value.childCount !== state.childCount) stale.add(parent)
    }
    for (const order of ['name', 'created'] as const) {
      for (const skip of level?.pages[order].keys() ?? []) {
        const key = streamChildrenPageQuery(projectId, parent, { order, skip }).queryKey
        const page = queryClient.getQueryData<StreamChildrenPage>(key)
        if (!page) continue
        for (const row of page.children) known.set(row.path, row)
        const patched = patchPage(page, { order, skip }, change)
        if (patched.value !== page) queryClient.setQueryData(key, patched.value)
        uncertain ||= patched.uncertain
      }
    }
    if (uncertain) stale.add(parent)
    risen.push(...risenIn(change, known))
    for (const row of change.rows.values()) {
      const own = streamStateQuery(projectId, row.path).queryKey
      const was = queryClient.getQueryData<NavigationState>(own)
      if (!was) continue
      patch<NavigationState>(queryClient, own, (before) => patchSelf(before, row))
      if (!was.exists && row.childCount > 0) stale.add(row.path)
    }
  }
  return { stale, risen }
}

/** Replaces an entry that is there, unless nothing in it changes: who reads it need not look then. */
function patch<T>(queryClient: QueryClient, queryKey: readonly unknown[], change: (before: T) => T): void {
  const before = queryClient.getQueryData<T>(queryKey)
  if (before === undefined) return
  const after = change(before)
  if (after !== before) queryClient.setQueryData(queryKey, after)
}

function risenIn(
  { rows, newAfter }: LevelChange,
  known: ReadonlyMap<string, { readonly eventCount: number }>,
): string[] {
  return [...rows.values()].flatMap((row) => {
    const before = known.get(row.path)
    const rose = before ? row.eventCount > before.eventCount : Date.parse(row.createdAt) >= newAfter
    return rose ? [row.path] : []
  })
}
