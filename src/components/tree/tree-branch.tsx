import { useId, useState } from 'react'
import { type NavigationState, streamChildrenQuery, streamStateQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { formatCount } from '../ui/formats.ts'
import { TreeButton, TreeError, TreeNote } from './tree-notes.tsx'
import { TreeRow } from './tree-row.tsx'
import { useTree } from './tree-context.ts'

/** While the tab is visible, what is shown is asked anew this often, until the server tells of activity by itself. */
const REFRESH_MS = 5000

/** A row as the parent's list of children has it. */
export type ChildRow = NavigationState['children'][number]

interface TreeBranchProps {
  readonly path: string
  readonly name: string
  readonly level: number
  /** 1-based. */
  readonly position: number
  readonly setSize: number
  /** Null for the root, and for a stream on the course that its parent's list does not hold. */
  readonly row: ChildRow | null
}

/** A stream in the tree and, when it is open, its children. */
export function TreeBranch({ path, name, level, position, setSize, row }: TreeBranchProps) {
  const tree = useTree()
  const groupId = useId()
  const expanded = tree.isExpanded(path)
  const wanted = expanded || tree.course.has(path)
  const query = useItxQuery(streamStateQuery(tree.project.id, path), {
    enabled: wanted,
    refetchInterval: wanted ? REFRESH_MS : false,
  })
  const state = query.data
  const course = courseChild(tree.course, path)
  const hasChildren = (state?.childCount ?? row?.childCount ?? 0) > 0 || course !== null
  const open = expanded && (hasChildren || !state)
  const missing = course !== null && !(state?.children ?? []).some((child) => child.path === course)
  const size = Math.max(state?.childCount ?? 0, (state?.children.length ?? 0) + (missing ? 1 : 0))
  return (
    <li role="none" className={tree.course.has(path) ? 'course' : undefined}>
      <TreeRow
        path={path}
        name={name}
        level={level}
        position={position}
        setSize={setSize}
        expanded={hasChildren ? expanded : null}
        groupId={open ? groupId : undefined}
        events={state?.eventCount ?? row?.eventCount ?? 0}
        paused={state?.paused ?? row?.paused ?? false}
        absent={state ? !state.exists : false}
      />
      {open && (
        <ul role="group" id={groupId} className="branches">
          {state?.children.map((child, index) => (
            <TreeBranch
              key={child.path}
              path={child.path}
              name={child.name}
              level={level + 1}
              position={index + 1}
              setSize={size}
              row={child}
            />
          ))}
          {missing && course !== null && (
            // Further down the list than what is loaded, or not there yet: the way to the open stream is shown anyway.
            <TreeBranch
              key={course}
              path={course}
              name={course.slice(course.lastIndexOf('/') + 1)}
              level={level + 1}
              position={size}
              setSize={size}
              row={null}
            />
          )}
          {state && state.nextAfter !== null && (
            <FurtherChildren
              path={path}
              after={state.nextAfter}
              level={level + 1}
              before={state.children.length}
              setSize={size}
              except={course}
            />
          )}
          {!state && !query.error && <TreeNote level={level + 1}>Loading…</TreeNote>}
          {!state && query.error && (
            <TreeError id={path} level={level + 1} error={query.error} onRetry={() => void query.refetch()} />
          )}
        </ul>
      )}
    </li>
  )
}

interface FurtherChildrenProps {
  readonly path: string
  /** The name after which this page begins. */
  readonly after: string
  readonly level: number
  /** How many children are shown before this page. */
  readonly before: number
  readonly setSize: number
  /** A child that is shown already. */
  readonly except: string | null
}

/** A further page of a stream's children, once it is asked for; and after it, the way to the next. */
function FurtherChildren({ path, after, level, before, setSize, except }: FurtherChildrenProps) {
  const tree = useTree()
  const [shown, setShown] = useState(false)
  const query = useItxQuery(streamChildrenQuery(tree.project.id, path, after), { enabled: shown })
  if (!shown) {
    return (
      <TreeButton id={`${path} after ${after}`} level={level} onPress={() => setShown(true)}>
        Show more ({formatCount(Math.max(setSize - before, 1))} left)
      </TreeButton>
    )
  }
  if (!query.data) {
    if (!query.error) return <TreeNote level={level}>Loading…</TreeNote>
    return (
      <TreeError id={`${path} after ${after}`} level={level} error={query.error} onRetry={() => void query.refetch()} />
    )
  }
  const { children, nextAfter } = query.data
  return (
    <>
      {children
        .filter((child) => child.path !== except)
        .map((child, index) => (
          <TreeBranch
            key={child.path}
            path={child.path}
            name={child.name}
            level={level}
            position={before + index + 1}
            setSize={setSize}
            row={child}
          />
        ))}
      {nextAfter !== null && (
        <FurtherChildren
          path={path}
          after={nextAfter}
          level={level}
          before={before + children.length}
          setSize={setSize}
          except={except}
        />
      )}
    </>
  )
}

/** The child of a stream through which the course goes on. */
function courseChild(course: ReadonlySet<string>, path: string): string | null {
  const prefix = path === '/' ? '/' : `${path}/`
  for (const each of course) {
    if (each !== path && each.startsWith(prefix) && !each.slice(prefix.length).includes('/')) return each
  }
  return null
}
