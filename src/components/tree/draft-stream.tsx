import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { useItxMutation } from '../../itx/react/hooks.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { failureLine } from '../ui/failure-words.ts'
import { newStreamPath } from './new-stream-path.ts'
import { TreeGuides } from './tree-guides.tsx'
import type { DraftRow } from './tree-rows.ts'
import { ROW } from './row-key.ts'
import { useTree } from './tree-context.ts'

interface DraftStreamProps {
  readonly row: DraftRow
  readonly place: object
}

/** Where the name of a new stream is typed: Enter makes it, Escape leaves. */
export function DraftStream({ row, place }: DraftStreamProps) {
  const tree = useTree()
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const parent = row.parent ?? '/'
  const create = useItxMutation(tree.project.id, async (handle, path: string) => {
    using stream = handle.streams.get(path)
    return await stream.create()
  })
  useEffect(() => input.current?.focus({ preventScroll: true }), [])
  const make = async (name: string) => {
    const asked = newStreamPath(parent, name)
    if (asked.path === null) return setProblem(asked.problem)
    try {
      const { created } = await create.mutateAsync(asked.path)
      if (created) tree.created(asked.path)
      else setProblem(`${asked.path} exists already`)
    } catch (error) {
      setProblem(failureLine(error, true))
    }
  }
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    // The keys of the tree are letters here.
    event.stopPropagation()
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape') {
      event.preventDefault()
      tree.draft(null)
    }
    if (event.key === 'Enter' && !create.isPending) {
      event.preventDefault()
      void make(event.currentTarget.value)
    }
  }
  return (
    <div
      role="treeitem"
      aria-level={row.level}
      aria-selected={false}
      {...{ [ROW]: row.key }}
      {...place}
      className="relative z-10 flex h-row w-full items-center pe-2"
    >
      <TreeGuides level={row.level} rails={row.rails} onCourse={false} open={false} courseBelow={false} leaf />
      <span className="relative ms-1 min-w-24 grow">
        <input
          ref={input}
          aria-label={`Name of the new stream below ${visibleName(parent)}`}
          placeholder="name"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          readOnly={create.isPending}
          aria-busy={create.isPending}
          aria-invalid={problem !== null}
          aria-describedby={problem === null ? undefined : id}
          onChange={() => setProblem(null)}
          onKeyDown={onKeyDown}
          onBlur={(event) => {
            if (event.currentTarget.value.trim() === '' && !create.isPending) tree.draft(null)
          }}
          className="field h-6 px-1.5 py-0 font-mono text-small"
        />
        {problem !== null && (
          <span
            id={id}
            role="alert"
            className="absolute inset-x-0 top-full border border-danger bg-danger-wash px-1.5 py-1 text-small wrap-anywhere text-danger"
          >
            {problem}
          </span>
        )}
      </span>
    </div>
  )
}
