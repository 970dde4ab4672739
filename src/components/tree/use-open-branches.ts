import { useCallback, useMemo, useState } from 'react'
import { ROOT_PATH, type StreamPath, ancestorPaths } from '../../streams/path.ts'

export interface OpenBranches {
  /** The open stream and all above it, the root first. */
  readonly course: readonly string[]
  readonly isOpen: (path: string) => boolean
  /** Open streams by the one above them. */
  readonly opened: ReadonlyMap<string, readonly string[]>
  readonly set: (paths: readonly string[], open: boolean) => void
}

/** Which streams show their children: those on the way to the open one, what was opened and closed by hand, and where one is being made. */
export function useOpenBranches(current: StreamPath | null, draft: string | null): OpenBranches {
  const [choices, setChoices] = useState<ReadonlyMap<string, boolean>>(new Map())
  const [shown, setShown] = useState(current)
  const course = useMemo<readonly string[]>(
    () => (current === null ? [ROOT_PATH] : [...ancestorPaths(current), current]),
    [current],
  )
  if (shown !== current) {
    // Another stream was opened: what had been closed above it opens again.
    setShown(current)
    setChoices(new Map([...choices].filter(([path, open]) => open || !course.includes(path))))
  }
  const set = useCallback((paths: readonly string[], open: boolean) => {
    setChoices((before) => new Map([...before, ...paths.map((path) => [path, open] as const)]))
  }, [])
  return useMemo(() => {
    const isOpen = (path: string) => path === draft || (choices.get(path) ?? course.includes(path))
    const opened = new Map<string, string[]>()
    for (const path of new Set([...course, ...choices.keys(), ...(draft === null ? [] : [draft])])) {
      if (path === ROOT_PATH || !isOpen(path)) continue
      const parent = path.slice(0, path.lastIndexOf('/')) || ROOT_PATH
      const beside = opened.get(parent)
      if (beside) beside.push(path)
      else opened.set(parent, [path])
    }
    return { course, isOpen, opened, set }
  }, [choices, course, draft, set])
}
