import { createContext, useContext } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'

/** What every row of the tree knows; the same for as long as possible, so that rows need not be drawn anew. */
export interface TreeContext {
  readonly project: ProjectInfo
  /** Whether the reader may make streams. */
  readonly mayCreate: boolean
  readonly toggle: (path: string, open: boolean) => void
  /** Reads a level anew, after it has failed. */
  readonly retry: (path: string) => void
  /** Opens, or with null closes, the place for the name of a new stream. */
  readonly draft: (below: string | null) => void
  readonly created: (path: string) => void
}

const Context = createContext<TreeContext | null>(null)

export const TreeProvider = Context.Provider

export function useTree(): TreeContext {
  const tree = useContext(Context)
  if (!tree) throw new Error('a row of the tree stands outside of the tree')
  return tree
}
