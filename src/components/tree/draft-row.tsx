import { lazily, useLazily } from '../ui/lazily.ts'
import type { DraftRow } from './tree-rows.ts'

const draft = lazily(() => import('./draft-stream.tsx'))

/** Begins to load the row in which a stream is made: for what begins one, when a pointer or the focus comes near. */
export const preloadDraft = draft.preload

/** The row in which a stream is made, loaded by then. */
export function DraftRowView(props: { readonly row: DraftRow; readonly place: object }) {
  const loaded = useLazily(draft, true)
  if (loaded.status === 'loaded') return <loaded.module.DraftStream {...props} />
  return (
    <div
      role="treeitem"
      aria-level={props.row.level}
      aria-selected={false}
      {...props.place}
      className="flex h-row items-center px-4 text-small text-faint"
    >
      {loaded.status === 'failed' ? 'This could not be loaded. Try again.' : 'Loading…'}
    </div>
  )
}
