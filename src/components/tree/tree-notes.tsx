import type { ReactNode } from 'react'
import { itxErrorCode } from '../../streams/errors.ts'
import { useTree } from './tree-context.ts'
import { ROW } from './tree-keys.ts'

/** Something the tree says in place of rows. */
export function TreeNote({ level, children }: { readonly level: number; readonly children: ReactNode }) {
  return (
    <li role="none">
      <span
        role="treeitem"
        aria-level={level}
        aria-selected={false}
        aria-disabled="true"
        className="flex h-7 items-center ps-1.5 text-small text-faint"
      >
        {children}
      </span>
    </li>
  )
}

interface TreeButtonProps {
  /** Tells the row from all others. */
  readonly id: string
  readonly level: number
  readonly onPress: () => void
  readonly children: ReactNode
}

/** A row that does something; the tree's keys reach it as any other. */
export function TreeButton({ id, level, onPress, children }: TreeButtonProps) {
  const tree = useTree()
  return (
    <li role="none">
      <button
        type="button"
        role="treeitem"
        aria-level={level}
        aria-selected={false}
        tabIndex={tree.tabStop === id ? 0 : -1}
        {...{ [ROW]: id }}
        onClick={onPress}
        className="flex min-h-7 w-full items-center rounded-sm px-1.5 text-start text-small text-accent hover:bg-hover focus-visible:outline-offset-[-2px]"
      >
        {children}
      </button>
    </li>
  )
}

/** Why rows are missing, and the way to try again. */
export function TreeError({
  id,
  level,
  error,
  onRetry,
}: {
  readonly id: string
  readonly level: number
  readonly error: Error
  readonly onRetry: () => void
}) {
  const code = itxErrorCode(error)
  return (
    <TreeButton id={`${id} failed`} level={level} onPress={onRetry}>
      <span className="py-1 wrap-anywhere text-danger">
        {code ? `${code}: ` : ''}
        {error.message}. <span className="underline">Try again</span>
      </span>
    </TreeButton>
  )
}
