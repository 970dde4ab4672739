import { useCallback, useSyncExternalStore } from 'react'
import type { ChildrenOrder } from '../../itx/handle.ts'

/** How the pane is set: a matter of the reader and this tab, not of the address, which is shared with others. */
export interface PaneMemory {
  readonly order: ChildrenOrder
  readonly filter: string
  /** Whether the recently active streams are listed. */
  readonly recent: boolean
}

const DEFAULTS: PaneMemory = { order: 'name', filter: '', recent: true }

/** The pane as it is set, kept for this tab. The server knows nothing of it: the first paint is as by default. */
export function usePaneMemory(projectId: string): readonly [PaneMemory, (change: Partial<PaneMemory>) => void] {
  const memory = useSyncExternalStore(
    subscribe,
    () => memoryOf(projectId),
    () => DEFAULTS,
  )
  const change = useCallback(
    (part: Partial<PaneMemory>) => {
      const next = { ...memoryOf(projectId), ...part }
      memories.set(projectId, next)
      remember(projectId, next)
      for (const listener of listeners) listener()
    },
    [projectId],
  )
  return [memory, change]
}

const memories = new Map<string, PaneMemory>()
const listeners = new Set<() => void>()

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

function memoryOf(projectId: string): PaneMemory {
  const known = memories.get(projectId)
  if (known) return known
  const read = remembered(projectId)
  memories.set(projectId, read)
  return read
}

const key = (projectId: string) => `tributary-streams-pane ${projectId}`

function remembered(projectId: string): PaneMemory {
  try {
    const told = JSON.parse(sessionStorage.getItem(key(projectId)) ?? '{}') as Partial<
      Record<keyof PaneMemory, unknown>
    >
    return {
      order: told.order === 'created' ? 'created' : 'name',
      filter: typeof told.filter === 'string' ? told.filter : '',
      recent: told.recent !== false,
    }
  } catch {
    // Storage that is forbidden, or holds something else, is as good as none.
    return DEFAULTS
  }
}

function remember(projectId: string, memory: PaneMemory): void {
  try {
    sessionStorage.setItem(key(projectId), JSON.stringify(memory))
  } catch {
    // Forbidden, or full: it lasts as long as the page then.
  }
}
