import type { Query, QueryClient, QueryKey } from '@tanstack/react-query'
import type { CatalogueRow, ChildrenOrder } from '../../itx/handle.ts'
import {
  CHILDREN_PAGE,
  type NavigationState,
  type StreamChildrenPage,
  itxKey,
  streamChildrenPageQuery,
  streamStateQuery,
} from '../../itx/queries.ts'
import { type Level, type Stream, type TreeShape, placeOf, streamAt } from './tree-shape.ts'

/** What the cache holds of one stream: its state with the first children by name, and pages by their first place. */
interface CachedStream {
  state: Query | null
  readonly pages: Record<ChildrenOrder, Map<number, Query>>
}

/** What the tree is made of, in the cache that it shares with the other parts of a page. */
export type TreeCache = ReadonlyMap<string, CachedStream>

/** Finds all streams of a project in the cache: one look at each entry. */
export function readTreeCache(queryClient: QueryClient, projectId: string): TreeCache {
  const found = new Map<string, CachedStream>()
  for (const query of queryClient.getQueryCache().getAll()) {
    const entry = treeEntry(query.queryKey, projectId)
    if (!entry) continue
    const stream = found.get(entry.path) ?? { state: null, pages: { name: new Map(), created: new Map() } }
    found.set(entry.path, stream)
    if (entry.page) stream.pages[entry.page.order].set(entry.page.skip, query)
    else stream.state = query
  }
  return found
}

/** Which stream an entry of the cache tells of, if it is one that the tree shows. */
export function treeEntry(
  key: QueryKey,
  projectId: string,
): { readonly path: string; readonly page: { readonly order: ChildrenOrder; readonly skip: number } | null } | null {
  const [stateOf, childrenOf] = [
    itxKey.project(projectId, 'streams', 'state'),
    itxKey.project(projectId, 'streams', 'children'),
  ]
  const path = key[stateOf.length]
  if (typeof path !== 'string') return null
  if (isBelow(key, stateOf)) return { path, page: null }
  if (!isBelow(key, childrenOf)) return null
  const [order, skip] = key.slice(childrenOf.length + 1)
  const known = (order === 'name' || order === 'created') && typeof skip === 'number'
  return known ? { path, page: { order, skip } } : null
}

function isBelow(key: QueryKey, prefix: QueryKey): boolean {
  return prefix.every((part, at) => key[at] === part)
}

export interface TreeView {
  readonly order: ChildrenOrder
  /** The open stream and all above it, the root first. */
  readonly course: readonly string[]
  /** Open children by the stream that they are below. */
  readonly opened: ReadonlyMap<string, readonly string[]>
  readonly isOpen: (path: string) => boolean
  readonly draft: string | null
}

/** The tree as the cache knows it at one moment. */
export function shapeOf(cache: TreeCache, view: TreeView): TreeShape {
  const levels = new Map<string, Level>()
  const shape: TreeShape = {
    course: view.course,
    draft: view.draft,
    isOpen: view.isOpen,
    opened: (path) => view.opened.get(path) ?? [],
    level: (path) => {
      const known = levels.get(path)
      if (known) return known
      const level = withAbsent(levelOf(cache.get(path), view.order), path, view, cache)
      levels.set(path, level)
      return level
    },
    stream: (path) => {
      // Of what the list above says it is told at once when it changes; its own entry may be from another visit.
      const above = path === '/' ? null : path.slice(0, path.lastIndexOf('/')) || '/'
      const level = above === null ? null : shape.level(above)
      const place = level ? placeOf(level, path) : -1
      return (level && place >= 0 ? streamAt(level, place) : null) ?? ofState(stateIn(cache.get(path)))
    },
  }
  return shape
}

function levelOf(cached: CachedStream | undefined, order: ChildrenOrder): Level {
  const state = stateIn(cached)
  const pages = new Map<number, readonly CatalogueRow[]>()
  const failed = new Map<number, Error>()
  let total = state?.childCount ?? null
  let readAt = state ? (cached?.state?.state.dataUpdatedAt ?? 0) : 0
  for (const [skip, query] of cached?.pages[order] ?? []) {
    const page = query.state.data as StreamChildrenPage | undefined
    if (page) pages.set(skip / CHILDREN_PAGE, page.children)
    else if (query.state.error) failed.set(skip / CHILDREN_PAGE, query.state.error)
    if (!page || query.state.dataUpdatedAt < readAt) continue
    total = page.total
    readAt = query.state.dataUpdatedAt
  }
  if (order === 'name') {
    if (state) pages.set(0, state.children)
    else if (cached?.state?.state.error) failed.set(0, cached.state.state.error)
  }
  return { total, pages, failed }
}

/**
 * The stream on the way to the open one may not exist yet. Where all its siblings are known it stands among them, at the
 * place where it will be.
 */
function withAbsent(level: Level, path: string, { course, order }: TreeView, cache: TreeCache): Level {
  const at = course.indexOf(path)
  const child = at < 0 ? undefined : course[at + 1]
  const first = level.pages.get(0)
  if (child === undefined || !first || level.total !== first.length || first.length >= CHILDREN_PAGE) return level
  if (placeOf(level, child) >= 0) return level
  const absent = ofState(stateIn(cache.get(child))) ?? absentStream(child)
  const next = order === 'created' ? 0 : first.findIndex(({ path: other }) => other > child)
  return {
    ...level,
    total: first.length + 1,
    pages: new Map([[0, first.toSpliced(next < 0 ? first.length : next, 0, absent)]]),
  }
}

function stateIn(cached: CachedStream | undefined): NavigationState | null {
  return (cached?.state?.state.data as NavigationState | undefined) ?? null
}

function ofState(state: NavigationState | null): Stream | null {
  if (!state) return null
  if (!state.exists) return absentStream(state.path)
  const { path, eventCount, paused, childCount } = state
  return { path, name: nameOf(path), eventCount, paused, childCount }
}

function absentStream(path: string): Stream {
  return { path: path as Stream['path'], name: nameOf(path), eventCount: 0, paused: false, childCount: 0, absent: true }
}

function nameOf(path: string): string {
  return path === '/' ? path : path.slice(path.lastIndexOf('/') + 1)
}

/** What has to be loaded for some rows to be shown. */
export interface Needs {
  /** Streams whose children are shown, nearest to the top first. */
  readonly levels: readonly string[]
  readonly pages: readonly { readonly path: string; readonly page: number }[]
}

/** The definitions of what is needed: in the order of names the first page is part of the state of its stream. */
export function queriesOf(projectId: string, order: ChildrenOrder, { levels, pages }: Needs) {
  return [
    ...levels.map((path) => ({ gcTime: STATE_KEPT_MS, query: streamStateQuery(projectId, path) })),
    ...pages
      .filter(({ page }) => order === 'created' || page > 0)
      .map(({ path, page }) => ({
        gcTime: PAGE_KEPT_MS,
        query: streamChildrenPageQuery(projectId, path, { order, skip: page * CHILDREN_PAGE }),
      })),
  ]
}

const STATE_KEPT_MS = 300_000
/** Pages that were scrolled past: of 100,000 siblings not all shall be kept. */
const PAGE_KEPT_MS = 60_000
