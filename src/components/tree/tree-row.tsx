import type { MouseEvent } from 'react'
import { useStreamTail } from '../../itx/react/hooks.ts'
import { StreamLink } from '../stream/stream-link.tsx'
import { counted, formatCount } from '../ui/formats.ts'
import { ChevronIcon, PauseIcon } from '../ui/icons.tsx'
import { useTree } from './tree-context.ts'
import { ROW } from './tree-keys.ts'

interface TreeRowProps {
  readonly path: string
  readonly name: string
  readonly level: number
  readonly position: number
  readonly setSize: number
  /** Null for a stream without children. */
  readonly expanded: boolean | null
  readonly groupId: string | undefined
  readonly events: number
  readonly paused: boolean
  /** It does not exist yet. */
  readonly absent: boolean
}

/** One row of the tree: a link, with or without a script. */
export function TreeRow({
  path,
  name,
  level,
  position,
  setSize,
  expanded,
  groupId,
  events,
  paused,
  absent,
}: TreeRowProps) {
  const tree = useTree()
  const current = path === tree.current
  const toggle = (event: MouseEvent) => {
    // The chevron belongs to the link's area but does not follow it.
    event.preventDefault()
    tree.toggle(path, !expanded)
  }
  return (
    <StreamLink
      project={tree.project.slug}
      path={path}
      role="treeitem"
      aria-level={level}
      aria-posinset={position}
      aria-setsize={setSize}
      aria-expanded={expanded ?? undefined}
      aria-owns={groupId}
      aria-current={current ? 'page' : undefined}
      aria-selected={current}
      aria-label={`${name}, ${absent ? 'does not exist yet' : counted(events, 'event')}${paused ? ', paused' : ''}`}
      tabIndex={tree.tabStop === path ? 0 : -1}
      {...{ [ROW]: path }}
      className={`group flex h-7 items-center gap-1 rounded-sm pe-2 hover:bg-hover focus-visible:outline-offset-[-2px] ${
        current ? 'bg-wash font-medium text-ink' : 'text-soft hover:text-ink'
      }`}
    >
      {expanded === null ? (
        <span aria-hidden="true" className="w-6 shrink-0 ps-1.5 text-bed">
          <span className={`block h-[1.5px] w-2.5 ${tree.course.has(path) ? 'bg-accent' : 'bg-bed'}`} />
        </span>
      ) : (
        <span aria-hidden="true" onClick={toggle} className="grid size-6 shrink-0 place-items-center hover:text-accent">
          <ChevronIcon className={expanded ? 'rotate-90' : ''} />
        </span>
      )}
      <span className={`foreign min-w-0 flex-1 truncate font-mono text-small ${absent ? 'italic' : ''}`} title={path}>
        {name}
      </span>
      {paused && <PauseIcon className="scale-75 text-warn" />}
      <span className="text-micro text-faint" title={counted(events, 'event')}>
        {current ? <LiveCount path={path} known={events} absent={absent} /> : absent ? 'new' : formatCount(events)}
      </span>
    </StreamLink>
  )
}

/** The count of the open stream, by the tail that is open anyway: alone, so that the row need not move with it. */
function LiveCount({ path, known, absent }: Pick<TreeRowProps, 'path' | 'absent'> & { readonly known: number }) {
  const tree = useTree()
  const { state } = useStreamTail(tree.project.id, path)
  if (absent && !state) return 'new'
  return formatCount(Math.max(state?.eventCount ?? 0, known))
}
