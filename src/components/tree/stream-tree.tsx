import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, type MouseEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import type { ChildrenOrder, ProjectInfo } from '../../itx/handle.ts'
import { itxKey, streamStateQuery } from '../../itx/queries.ts'
import { type StreamPath, ROOT_PATH, parentPath } from '../../streams/path.ts'
import { preloadDraft } from './draft-row.tsx'
import { TreeProvider } from './tree-context.ts'
import { Typing, treeMove } from './tree-keys.ts'
import { shapeOf } from './tree-levels.ts'
import { needsOf } from './tree-needs.ts'
import { TreeRowView } from './tree-row.tsx'
import { type TreeRow, TreeRows } from './tree-rows.ts'
import { windowOf } from './tree-window.ts'
import { MOST_WATCHED, useTreeActivity } from './use-tree-activity.ts'
import { useOpenBranches } from './use-open-branches.ts'
import { useTreeCache } from './use-tree-cache.ts'
import { useTreeFocus } from './use-tree-focus.ts'
import { useTreeLoader } from './use-tree-loader.ts'
import { firstRows, useTreeViewport } from './use-tree-viewport.ts'

interface StreamTreeProps {
  readonly project: ProjectInfo
  readonly current: StreamPath | null
  readonly order: ChildrenOrder
  /** The stream below which the name of a new one is asked for. */
  readonly draft: string | null
  readonly onDraft: (below: string | null) => void
  /** Something else is shown in its place: it stays as it is. */
  readonly hidden: boolean
  /** A link of the tree was followed. */
  readonly onFollowed: () => void
}

/**
 * The project's streams as a tree. Every row is a link; the way to the open stream is always revealed. However many there
 * are, only the rows in sight are drawn, loaded, and kept as they are on the server.
 */
export function StreamTree(props: StreamTreeProps) {
  const { project, current, order, draft, onDraft, hidden, onFollowed } = props
  const list = useRef<HTMLDivElement>(null)
  const branches = useOpenBranches(current, draft)
  const { course, opened, isOpen } = branches
  const cache = useTreeCache(project.id)
  const rows = useMemo(
    () => new TreeRows(shapeOf(cache, { order, course, opened, isOpen, draft })),
    [cache, order, course, opened, isOpen, draft],
  )
  const currentAt = Math.max(0, rows.indexOf(current ?? ROOT_PATH))
  const { scroller, probe, viewport, show, seen } = useTreeViewport(rows, currentAt)
  const focus = useTreeFocus(list, rows, current)
  const window = useMemo(() => (viewport ? windowOf(rows.count, viewport) : null), [rows, viewport])
  const { first, end } = window ?? { first: 0, end: 0 }
  const needs = useMemo(() => needsOf(rows, { first, end }), [rows, first, end])
  useTreeLoader(project.id, order, needs)
  const risen = useTreeActivity(project.id, watchedBy(needs.levels, current))
  useReveal(rows, current, show, viewport !== null)
  const draftAt = draft === null ? -1 : rows.indexOf(draft) + 1
  useLayoutEffect(() => {
    if (draftAt > 0) show(draftAt)
  }, [draftAt, show])
  const context = useTreeActions(props, branches, focus.point)
  const onKeyDown = useKeys({
    rows,
    at: focus.index,
    seen,
    go: focus.go,
    show,
    branches,
    onDraft,
    may: context.mayCreate,
  })
  const onClick = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    if (event.target instanceof Element && event.target.closest('a')) onFollowed()
  }
  const shown = window ? range(first, end, focus.index, rows.count) : firstRows(rows, currentAt)
  return (
    <TreeProvider value={context}>
      <div ref={scroller} hidden={hidden} className="tree-scroller relative min-h-0 flex-1 overflow-auto px-2">
        <span ref={probe} aria-hidden="true" className="invisible absolute h-row w-0" />
        <div
          ref={list}
          role="tree"
          aria-label={`Streams of ${project.name}`}
          onKeyDown={onKeyDown}
          onPointerEnter={preloadDraft}
          onFocus={(event) => {
            preloadDraft()
            focus.onFocus(event)
          }}
          onBlur={focus.onBlur}
          onClick={onClick}
          className="relative min-w-full"
          {...(window && { style: { height: window.tall } })}
        >
          {drawn(rows, shown).map(({ key, index, row }) => (
            <TreeRowView
              key={key}
              row={row}
              top={window ? window.top(index) : null}
              tabStop={index === focus.index}
              current={row.kind === 'stream' && row.stream.path === current}
              risen={row.kind === 'stream' ? risen.get(row.stream.path) : undefined}
            />
          ))}
        </div>
      </div>
    </TreeProvider>
  )
}

/** The rows in sight, and the one that has the focus wherever it is. */
function range(first: number, end: number, focused: number, count: number): number[] {
  const inside = Array.from({ length: end - first }, (_, at) => first + at)
  if (focused >= count || (focused >= first && focused < end)) return inside
  return focused < first ? [focused, ...inside] : [...inside, focused]
}

/** Of a failed level all rows but one only keep the place; pages of different ages may tell of one stream twice. */
function drawn(rows: TreeRows, indexes: readonly number[]) {
  const seen = new Set<string>()
  return indexes.flatMap((asked) => {
    const at = rows.at(asked)
    const index = at?.kind === 'failed' ? asked - at.part : asked
    const row: TreeRow | null = index === asked ? at : rows.at(index)
    if (!row || (row.kind === 'failed' && seen.has(row.key))) return []
    const key = seen.has(row.key) ? `${row.key} again at ${index}` : row.key
    seen.add(row.key)
    return [{ key, index, row }]
  })
}

/** What is in sight, and in any case what the page itself is about; on pages of the whole project that is the root. */
function watchedBy(levels: readonly string[], current: StreamPath | null): string[] {
  const own = current === null ? [ROOT_PATH] : [current, parentPath(current) ?? ROOT_PATH]
  return [...new Set([...own, ...levels])].slice(0, MOST_WATCHED)
}

/** Has the row of the open stream in sight when another is opened, as soon as it is known where it stands. */
function useReveal(rows: TreeRows, current: StreamPath | null, show: (index: number) => void, ready: boolean): void {
  const revealed = useRef<string | null>(null)
  useLayoutEffect(() => {
    if (!ready || current === null || revealed.current === current) return
    const index = rows.indexOf(current)
    if (index < 0) return
    revealed.current = current
    show(index)
  }, [rows, current, show, ready])
}

function useTreeActions(
  { project, draft, onDraft }: StreamTreeProps,
  { set }: ReturnType<typeof useOpenBranches>,
  point: (path: string, focus?: boolean) => void,
) {
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const latest = useRef({ point, draft, onDraft })
  useEffect(() => {
    latest.current = { point, draft, onDraft }
  })
  return useMemo(
    () => ({
      project,
      mayCreate: project.role !== 'viewer',
      toggle: (path: string, open: boolean) => {
        set([path], open)
        // The row that Tab reaches may be about to go.
        latest.current.point(path)
      },
      retry: (path: string) => {
        void queryClient.refetchQueries({ queryKey: streamStateQuery(project.id, path).queryKey, exact: true })
        void queryClient.refetchQueries({
          queryKey: itxKey.project(project.id, 'streams', 'children', path),
          type: 'active',
        })
      },
      draft: (below: string | null) => {
        if (below !== null) set([below], true)
        else if (latest.current.draft !== null) latest.current.point(latest.current.draft)
        latest.current.onDraft(below)
      },
      created: (path: string) => {
        latest.current.onDraft(null)
        void queryClient.invalidateQueries({ queryKey: itxKey.project(project.id, 'streams', 'state') })
        latest.current.point(path, true)
        const { slug } = project
        void navigate({ to: '/projects/$slug/streams/$', params: { slug, _splat: path.slice(1) } })
      },
    }),
    [project, queryClient, navigate, set],
  )
}

interface Keys {
  readonly rows: TreeRows
  readonly at: number
  readonly seen: () => number
  readonly go: (index: number) => void
  readonly show: (index: number) => void
  readonly branches: ReturnType<typeof useOpenBranches>
  readonly onDraft: (below: string | null) => void
  readonly may: boolean
}

function useKeys({ rows, at, seen, go, show, branches, onDraft, may }: Keys): (event: KeyboardEvent) => void {
  const [typing] = useState(() => new Typing())
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const named = typing.key(event.key, rows, at, event.timeStamp)
    const move = named === null ? treeMove(event.key, rows, at, seen()) : ({ kind: 'go', index: named } as const)
    if (!move) return
    event.preventDefault()
    switch (move.kind) {
      case 'go':
        show(move.index)
        return go(move.index)
      case 'open':
        return branches.set(move.paths, true)
      case 'close':
        return branches.set([move.path], false)
      case 'press':
        return event.target instanceof HTMLElement ? event.target.click() : undefined
      case 'create':
        if (!may) return
        branches.set([move.below], true)
        return onDraft(move.below)
      case 'stay':
        // The row may have been scrolled out of sight.
        return show(at)
    }
  }
}
