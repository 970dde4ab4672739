import type { ActivityBatch, CatalogueRow, ChildrenOrder } from '../../itx/handle.ts'
import { CHILDREN_PAGE, type NavigationState, type StreamChildrenPage } from '../../itx/queries.ts'

/** A row that was made so long before the newest of a batch is not new: it was there when its level was read. */
const NEW_MS = 60_000

/** What a batch says of the children of one stream. */
export interface LevelChange {
  /** As they are now, by path. */
  readonly rows: ReadonlyMap<string, CatalogueRow>
  readonly removed: ReadonlySet<string>
  /** Made after this moment, a row may be new; milliseconds since the epoch. */
  readonly newAfter: number
}

/** What is gone comes first: a stream that was deleted and made anew is in both. */
export function levelChanges({ rows, removed }: ActivityBatch): ReadonlyMap<string, LevelChange> {
  const latest = rows.reduce((max, { lastEventAt }) => Math.max(max, Date.parse(lastEventAt) || 0), 0)
  const changes = new Map<string, { rows: Map<string, CatalogueRow>; removed: Set<string>; newAfter: number }>()
  const changeOf = (path: string) => {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/'
    const change = changes.get(parent) ?? { rows: new Map(), removed: new Set(), newAfter: latest - NEW_MS }
    changes.set(parent, change)
    return change
  }
  for (const path of removed) if (path !== '/') changeOf(path).removed.add(path)
  for (const row of rows) if (row.path !== '/') changeOf(row.path).rows.set(row.path, row)
  return changes
}

/** A list of children after a change, and whether it has to be read anew because not all could be told from the change. */
export interface Patched<T> {
  readonly value: T
  readonly uncertain: boolean
}

/** The state of a stream after a change of its children. */
export function patchState(state: NavigationState, change: LevelChange): Patched<NavigationState> {
  const all = state.nextAfter === null && state.childCount === state.children.length
  const { children, uncertain, more } = patchChildren(state.children, change, all ? 'name' : null)
  const value = {
    ...state,
    children,
    childCount: state.childCount + more,
    descendantCount: state.descendantCount + (all ? descendants(children) - descendants(state.children) : 0),
    exists: state.exists || more > 0,
  }
  return { value: isSame(value, state) ? state : value, uncertain }
}

/** One page of children after a change of them. */
export function patchPage(
  page: StreamChildrenPage,
  { order, skip }: { readonly order: ChildrenOrder; readonly skip: number },
  change: LevelChange,
): Patched<StreamChildrenPage> {
  const all = skip === 0 && page.total === page.children.length && page.total < CHILDREN_PAGE
  const { children, uncertain, more } = patchChildren(page.children, change, all ? order : null)
  if (children === page.children) return { value: page, uncertain }
  return { value: { children, total: page.total + more }, uncertain }
}

/** What a stream's own entry says of it, as the list above says it. */
export function patchSelf(state: NavigationState, row: CatalogueRow): NavigationState {
  const { name: _name, incarnationId: _incarnationId, contentType: _contentType, ...told } = row
  // Its children are told of by themselves: a count that is ahead of the list would show rows that are not there.
  const { childCount, descendantCount } = state.exists ? state : told
  const value = { ...state, ...told, childCount, descendantCount, exists: true }
  return isSame(value, state) ? state : value
}

/** What is left of a stream that is gone, with everything below it. */
export function goneState(state: NavigationState): NavigationState {
  const nothing = { eventCount: 0, maxOffset: 0, childCount: 0, descendantCount: 0, children: [], nextAfter: null }
  return { ...state, ...nothing, exists: false, paused: false, closed: false }
}

interface PatchedChildren {
  readonly children: readonly CatalogueRow[]
  readonly uncertain: boolean
  /** How many children there are more than before; 0 where that is uncertain. */
  readonly more: number
}

/** @param whole in which order the list is, when it holds all children: what is new has a place in it then */
function patchChildren(
  before: readonly CatalogueRow[],
  { rows, removed, newAfter }: LevelChange,
  whole: ChildrenOrder | null,
): PatchedChildren {
  const known = new Set(before.map(({ path }) => path))
  const kept = before
    // Where others follow that are not known, the one that moves up has to be read first.
    .filter(({ path }) => whole === null || rows.has(path) || !removed.has(path))
    .map((row) => rows.get(row.path) ?? row)
  const added = [...rows.values()].filter(({ path }) => !known.has(path))
  const isSameList = kept.length === before.length && kept.every((row, at) => row === before[at])
  if (whole === null) {
    const mayBeNew = added.some(({ createdAt }) => !(Date.parse(createdAt) < newAfter))
    return { children: isSameList ? before : kept, uncertain: mayBeNew || removed.size > 0, more: 0 }
  }
  if (added.length === 0) {
    return { children: isSameList ? before : kept, uncertain: false, more: kept.length - before.length }
  }
  const all = [...kept, ...added].toSorted(whole === 'name' ? byName : byCreation)
  const more = all.length - before.length
  return { children: all.slice(0, CHILDREN_PAGE), uncertain: all.length > CHILDREN_PAGE, more }
}

function byName(a: CatalogueRow, b: CatalogueRow): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

/** The newest first. */
function byCreation(a: CatalogueRow, b: CatalogueRow): number {
  return a.createdAt > b.createdAt ? -1 : a.createdAt < b.createdAt ? 1 : 0
}

function descendants(children: readonly CatalogueRow[]): number {
  return children.reduce((sum, { descendantCount }) => sum + 1 + descendantCount, 0)
}

function isSame(a: NavigationState, b: NavigationState): boolean {
  return (Object.keys(a) as (keyof NavigationState)[]).every((key) => a[key] === b[key])
}
