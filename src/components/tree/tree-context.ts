import { createContext, useContext } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'

/** What every row of the tree knows. */
export interface TreeContext {
  readonly project: ProjectInfo
  /** The stream that is open; null when the address names none. */
  readonly current: string | null
  /** The open stream and all above it: the rows that are revealed and drawn as the course. */
  readonly course: ReadonlySet<string>
  isExpanded(path: string): boolean
  toggle(path: string, open: boolean): void
  /** The one row that Tab reaches. */
  readonly tabStop: string
}

const Context = createContext<TreeContext | null>(null)

export const TreeProvider = Context.Provider

export function useTree(): TreeContext {
  const tree = useContext(Context)
  if (!tree) throw new Error('a row of the tree stands outside of the tree')
  return tree
}
