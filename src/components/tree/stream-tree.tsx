import { type FocusEvent, type MouseEvent, useMemo, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { type StreamPath, ROOT_PATH, ancestorPaths } from '../../streams/path.ts'
import { TreeBranch } from './tree-branch.tsx'
import { TreeProvider } from './tree-context.ts'
import { ROW, onTreeKey } from './tree-keys.ts'
import { useTreeRefresh } from './use-tree-refresh.ts'

interface StreamTreeProps {
  readonly project: ProjectInfo
  readonly current: StreamPath | null
  /** A link of the tree was followed. */
  readonly onFollowed?: () => void
}

/** The project's streams as a tree. Every row is a link; the way to the open stream is always revealed. */
export function StreamTree({ project, current, onFollowed }: StreamTreeProps) {
  useTreeRefresh(project.id, current ?? ROOT_PATH)
  const [choices, setChoices] = useState<ReadonlyMap<string, boolean>>(new Map())
  const [focused, setFocused] = useState<string | null>(null)
  const [shown, setShown] = useState(current)
  const course = useMemo(
    () => new Set<string>(current === null ? [ROOT_PATH] : [...ancestorPaths(current), current]),
    [current],
  )
  if (shown !== current) {
    // Another stream was opened: what had been closed above it opens again.
    setShown(current)
    setFocused(null)
    setChoices(new Map([...choices].filter(([path, open]) => open || !course.has(path))))
  }
  const toggle = (path: string, open: boolean) => {
    setChoices(new Map(choices).set(path, open))
    // The row that Tab reaches may be about to go.
    setFocused(path)
  }
  const onFocus = ({ target }: FocusEvent) => {
    const row = target.closest(`[${ROW}]`)?.getAttribute(ROW)
    if (row) setFocused(row)
  }
  const onClick = (event: MouseEvent) => {
    if (!event.defaultPrevented && event.target instanceof Element && event.target.closest('a')) onFollowed?.()
  }
  return (
    <TreeProvider
      value={{
        project,
        current,
        course,
        isExpanded: (path) => choices.get(path) ?? course.has(path),
        toggle,
        tabStop: focused ?? current ?? ROOT_PATH,
      }}
    >
      <ul
        role="tree"
        aria-label={`Streams of ${project.name}`}
        onKeyDown={(event) => onTreeKey(event, toggle)}
        onFocus={onFocus}
        onClick={onClick}
      >
        <TreeBranch path={ROOT_PATH} name="/" level={1} position={1} setSize={1} row={null} />
      </ul>
    </TreeProvider>
  )
}
