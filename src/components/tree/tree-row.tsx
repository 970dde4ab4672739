import { type MouseEvent, memo } from 'react'
import { useStreamTail } from '../../itx/react/hooks.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { StreamLink } from '../stream/stream-link.tsx'
import { counted, formatCount } from '../ui/formats.ts'
import { failureLine, failureWords } from '../ui/failure-words.ts'
import { ChevronIcon, PauseIcon, PlusIcon } from '../ui/icons.tsx'
import { DraftRowView } from './draft-row.tsx'
import { ROW } from './row-key.ts'
import { TreeGuides } from './tree-guides.tsx'
import { FAILED_ROWS } from './tree-branch.ts'
import type { FailedRow, PendingRow, StreamRow, TreeRow } from './tree-rows.ts'
import { useTree } from './tree-context.ts'

interface TreeRowProps {
  readonly row: TreeRow
  /** Where it stands, in pixels; null: after the one before. */
  readonly top: number | null
  /** The one row that Tab reaches. */
  readonly tabStop: boolean
  readonly current: boolean
  /** Something has happened in it: another number each time. */
  readonly risen: number | undefined
}

/** One row of the tree. */
export const TreeRowView = memo(function TreeRowView(props: TreeRowProps) {
  const { row } = props
  switch (row.kind) {
    case 'stream':
      return <Stream {...props} row={row} />
    case 'pending':
      return <Pending {...props} row={row} />
    case 'failed':
      return <Failed {...props} row={row} />
    case 'draft':
      return <DraftRowView row={row} place={placed(props.top)} />
  }
}, isSame)

/** Rows are made anew whenever they are looked at; what they say seldom changes. */
function isSame(a: TreeRowProps, b: TreeRowProps): boolean {
  if (a.top !== b.top || a.tabStop !== b.tabStop || a.current !== b.current || a.risen !== b.risen) return false
  const keys = Object.keys(a.row) as (keyof TreeRow)[]
  return keys.every((key) => a.row[key] === b.row[key])
}

/** Written by a script alone: what the server sends has no style of its own. */
function placed(top: number | null) {
  return top === null ? {} : { style: { position: 'absolute', top, insetInlineStart: 0 } as const }
}

const LINE =
  'group relative flex h-row w-fit min-w-full items-center rounded-sm pe-2 focus-visible:outline-offset-[-2px]'

/** A stream: a link, with or without a script. */
function Stream({ row, top, tabStop, current, risen }: TreeRowProps & { readonly row: StreamRow }) {
  const tree = useTree()
  const { stream, expanded, onCourse, level, rails } = row
  const { path, eventCount, paused, absent = false } = stream
  const name = visibleName(stream.name)
  // Chevron and plus belong to the link's area but do not follow it.
  const instead = (act: () => void) => (event: MouseEvent) => {
    event.preventDefault()
    event.stopPropagation()
    act()
  }
  return (
    <StreamLink
      project={tree.project.slug}
      path={path}
      role="treeitem"
      aria-level={level}
      aria-posinset={row.place === null ? undefined : row.place + 1}
      aria-setsize={row.setSize}
      aria-expanded={expanded ?? undefined}
      aria-current={current ? 'page' : undefined}
      aria-selected={current}
      aria-keyshortcuts={tree.mayCreate ? 'Plus' : undefined}
      aria-label={`${name}, ${absent ? 'new, does not exist yet' : counted(eventCount, 'event')}${paused ? ', paused' : ''}`}
      tabIndex={tabStop ? 0 : -1}
      {...{ [ROW]: row.key }}
      {...placed(top)}
      className={`${LINE} hover:bg-hover ${current ? 'bg-wash font-medium text-ink' : 'text-soft hover:text-ink'}`}
    >
      <TreeGuides
        level={level}
        rails={rails}
        onCourse={onCourse}
        open={expanded === true}
        courseBelow={onCourse && !current}
        leaf={expanded === null}
      />
      {expanded !== null && (
        <span
          aria-hidden="true"
          onClick={instead(() => tree.toggle(path, !expanded))}
          className="-ms-6 grid h-row w-6 shrink-0 place-items-center hover:text-accent"
        >
          <ChevronIcon className={expanded ? 'rotate-90' : ''} />
        </span>
      )}
      <span
        className={`foreign ms-1 w-0 min-w-24 grow truncate font-mono text-small ${absent ? 'italic' : ''}`}
        title={visibleName(path)}
      >
        {name}
      </span>
      {/* The row's name says more than is seen, and has to say that too: as two words. */}{' '}
      {tree.mayCreate && (
        <span
          aria-hidden="true"
          title={`New stream below ${visibleName(path)}`}
          onClick={instead(() => tree.draft(path))}
          className={`-my-1 hidden size-6 shrink-0 place-items-center hover:text-accent group-hover:grid group-focus-visible:grid ${current ? 'pointer-coarse:grid' : ''}`}
        >
          <PlusIcon className="scale-75" />
        </span>
      )}
      {risen !== undefined && <span key={risen} aria-hidden="true" className="risen" />}
      {paused && <PauseIcon className="scale-75 text-warn" />}
      <span className="ms-1 text-micro text-faint" title={counted(eventCount, 'event')}>
        {current ? (
          <LiveCount path={path} known={eventCount} absent={absent} />
        ) : absent ? (
          'new'
        ) : (
          formatCount(eventCount)
        )}
      </span>
    </StreamLink>
  )
}

/** The count of the open stream, by the tail that is open anyway: alone, so that the row need not move with it. */
function LiveCount({
  path,
  known,
  absent,
}: {
  readonly path: string
  readonly known: number
  readonly absent: boolean
}) {
  const tree = useTree()
  const { state } = useStreamTail(tree.project.id, path)
  if (absent && !state?.exists) return 'new'
  return formatCount(Math.max(state?.eventCount ?? 0, known))
}

/** A stream whose page is on its way, or did not come. */
function Pending({ row, top, tabStop }: TreeRowProps & { readonly row: PendingRow }) {
  const tree = useTree()
  const { parent, level, rails, error } = row
  const ties = {
    role: 'treeitem',
    'aria-level': level,
    'aria-posinset': row.place === null ? undefined : row.place + 1,
    'aria-setsize': row.setSize,
    'aria-selected': false,
    tabIndex: tabStop ? 0 : -1,
    [ROW]: row.key,
    ...placed(top),
  }
  const guides = <TreeGuides level={level} rails={rails} onCourse={false} open={false} courseBelow={false} leaf />
  if (!error) {
    return (
      <div {...ties} aria-busy="true" className={`${LINE} text-small text-faint`}>
        {guides}
        <span className="ms-1">Loading…</span>
      </div>
    )
  }
  return (
    <button
      type="button"
      {...ties}
      onClick={() => tree.retry(parent ?? '/')}
      title={failureLine(error)}
      className={`${LINE} text-start text-small text-danger hover:bg-hover`}
    >
      {guides}
      <span className="ms-1 w-0 min-w-24 grow truncate">
        <span className="underline">Try again</span>: {failureWords(error).what}
      </span>
    </button>
  )
}

/** Why all children of a stream are missing, and the way to try again. */
function Failed({ row, top, tabStop }: TreeRowProps & { readonly row: FailedRow }) {
  const tree = useTree()
  const { parent, level, rails, error } = row
  return (
    <button
      type="button"
      role="treeitem"
      aria-level={level}
      aria-selected={false}
      tabIndex={tabStop ? 0 : -1}
      onClick={() => tree.retry(parent ?? '/')}
      title={failureLine(error)}
      {...{ [ROW]: row.key }}
      {...placed(top)}
      className="tree-failed relative flex w-fit min-w-full items-start rounded-sm pe-2 text-start text-small hover:bg-hover focus-visible:outline-offset-[-2px]"
    >
      <TreeGuides
        level={level}
        rails={rails}
        onCourse={false}
        open={false}
        courseBelow={false}
        leaf
        rows={FAILED_ROWS}
      />
      <span className="ms-1 grid w-0 min-w-40 grow gap-0.5 py-1">
        <span className="line-clamp-2 wrap-anywhere text-danger">{failureWords(error).what}</span>
        <span className="text-accent underline">Try again</span>
      </span>
    </button>
  )
}
