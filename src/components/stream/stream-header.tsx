import { useCallback, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import type { NavigationState } from '../../itx/queries.ts'
import type { StreamPath } from '../../streams/path.ts'
import { TREE_PANE } from '../tree/tree-pane.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { counted } from '../ui/formats.ts'
import { BranchesIcon, PauseIcon } from '../ui/icons.tsx'
import { Moment } from '../ui/moment.tsx'
import { visibleName } from './foreign-text.ts'
import type { StreamAct } from './stream-acts.tsx'
import { Act, StreamMenu } from './stream-menu.tsx'

/** What of a stream's state the header shows; undefined while it is not known. */
export type HeaderState = Omit<NavigationState, 'children' | 'nextAfter'> & { readonly pauseReason?: string | null }

interface StreamHeaderProps {
  readonly project: ProjectInfo
  readonly path: StreamPath
  readonly state: HeaderState | undefined
  /** It could not be had: it is not on its way either. */
  readonly failed?: boolean
}

/** Which stream this is, where it lies, and how it is doing. */
export function StreamHeader({ project, path, state, failed = false }: StreamHeaderProps) {
  const [act, setAct] = useState<StreamAct | null>(null)
  const done = useCallback(() => setAct(null), [])
  return (
    <>
      <header className="grid gap-0.5 border-b border-line py-2 ps-4 pe-2">
        <div className="flex items-start gap-2">
          <h1 className="min-w-0 font-mono text-path font-medium">
            <span className="sr-only">Stream </span>
            <span className="foreign wrap-anywhere">{visibleName(path)}</span>
          </h1>
          <CopyButton text={path} what="path" />
          <span className="ms-auto">
            <StreamMenu project={project} path={path} state={state} onAct={setAct} />
          </span>
        </div>
        <div className="flex items-end justify-between gap-4 pe-2">
          <Facts state={state} failed={failed} />
          <TreeButton />
        </div>
      </header>
      {act !== null && <Act project={project} path={path} act={act} onDone={done} />}
    </>
  )
}

/** Opens the drawer with the tree, where there is no room for it beside the page. */
export function TreeButton() {
  return (
    <button
      type="button"
      popoverTarget={TREE_PANE}
      className="inline-flex min-h-7 shrink-0 items-center gap-1 rounded-md border border-edge bg-raised px-2 text-base hover:bg-hover lg:hidden"
    >
      <BranchesIcon />
      <span>Streams</span>
    </button>
  )
}

function Facts({ state, failed }: { readonly state: HeaderState | undefined; readonly failed: boolean }) {
  if (!state) return <p className="min-h-5 text-small text-faint">{failed ? 'Not known' : 'Loading…'}</p>
  if (!state.exists) return <p className="min-h-5 text-small text-soft">Does not exist yet</p>
  return (
    <dl className="flex min-h-5 flex-wrap items-center gap-x-4 text-small text-soft [&_dt]:sr-only">
      <div>
        <dt>Events</dt>
        <dd>{counted(state.eventCount, 'event')}</dd>
      </div>
      {state.descendantCount > 0 && (
        <div>
          <dt>Streams below</dt>
          <dd>{counted(state.descendantCount, 'stream')} below</dd>
        </div>
      )}
      <div>
        <dt>Last event</dt>
        <dd>
          <span className="max-sm:sr-only">last </span>
          <Moment iso={state.lastEventAt} />
        </dd>
      </div>
      {state.paused && (
        <div className="text-warn">
          <dt>Paused</dt>
          <dd className="flex items-center gap-1">
            <PauseIcon className="scale-75" />
            paused
            {state.pauseReason && <span className="foreign wrap-anywhere">: {visibleName(state.pauseReason)}</span>}
          </dd>
        </div>
      )}
      {state.closed && (
        <div className="text-warn">
          <dt>Closed</dt>
          <dd>closed</dd>
        </div>
      )}
    </dl>
  )
}
