import { useState } from 'react'
import { streamChildrenQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { formatCount } from '../ui/formats.ts'
import { TreeBranch } from './tree-branch.tsx'
import { useTree } from './tree-context.ts'
import { TreeButton, TreeError, TreeNote } from './tree-notes.tsx'

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
export function FurtherChildren({ path, after, level, before, setSize, except }: FurtherChildrenProps) {
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
    return <TreeError id={`${path} after ${after}`} level={level} error={query.error} onRetry={() => void query.refetch()} />
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
