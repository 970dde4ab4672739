import { useNavigate } from '@tanstack/react-router'
import { type SubmitEvent, useId, useRef, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { type StreamPath, ROOT_PATH, parsePath } from '../../streams/path.ts'
import { Button } from '../ui/button.tsx'
import { CloseIcon } from '../ui/icons.tsx'
import { StreamTree } from './stream-tree.tsx'

/** The id of the tree's pane, for the button that opens it where there is no room beside the page. */
export const TREE_PANE = 'streams-pane'

interface TreePaneProps {
  readonly project: ProjectInfo
  readonly current: StreamPath | null
}

/** The tree at the left; on a narrow screen a drawer, by the browser's own popover, which works without a script too. */
export function TreePane({ project, current }: TreePaneProps) {
  const pane = useRef<HTMLElement>(null)
  const close = () => {
    if (pane.current?.matches(':popover-open')) pane.current.hidePopover()
  }
  return (
    <nav
      ref={pane}
      id={TREE_PANE}
      popover="auto"
      aria-label="Streams"
      className="drawer flex-col border-e border-line bg-surface text-ink open:flex lg:min-h-0"
    >
      <div className="flex min-h-10 items-center justify-between border-b border-line ps-4 pe-2">
        <h2 className="text-small font-semibold text-soft">Streams</h2>
        <button
          type="button"
          popoverTarget={TREE_PANE}
          popoverTargetAction="hide"
          className="grid size-8 place-items-center rounded-md hover:bg-hover lg:hidden"
        >
          <CloseIcon />
          <span className="sr-only">Close</span>
        </button>
      </div>
      <div className="min-h-0 flex-1 overflow-auto p-2">
        <StreamTree project={project} current={current} onFollowed={close} />
      </div>
      <OpenPath project={project} onOpened={close} />
    </nav>
  )
}

/** Opens a stream by its path, existing or not: the page of one that does not exist is where it is created. */
function OpenPath({ project, onOpened }: { readonly project: ProjectInfo; readonly onOpened: () => void }) {
  const navigate = useNavigate()
  const id = useId()
  const [problem, setProblem] = useState<string | null>(null)
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const typed = String(new FormData(form).get('path')).trim()
    if (typed === '') return
    let path: StreamPath
    try {
      path = parsePath(typed.startsWith('/') ? typed : `/${typed}`)
    } catch (error) {
      return setProblem(error instanceof Error ? error.message : String(error))
    }
    setProblem(null)
    form.reset()
    onOpened()
    const { slug } = project
    void (path === ROOT_PATH
      ? navigate({ to: '/projects/$slug/streams', params: { slug } })
      : navigate({ to: '/projects/$slug/streams/$', params: { slug, _splat: path.slice(1) } }))
  }
  return (
    <form onSubmit={submit} className="grid gap-1 border-t border-line p-2">
      <label htmlFor={id} className="sr-only">
        Open a stream by its path
      </label>
      <div className="flex gap-1.5">
        <input
          id={id}
          name="path"
          placeholder="/path/to/open"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          aria-invalid={problem ? true : undefined}
          aria-describedby={problem ? `${id}-problem` : undefined}
          onChange={() => setProblem(null)}
          className="field min-w-0 flex-1 px-2 py-1 font-mono text-small"
        />
        <Button type="submit">Open</Button>
      </div>
      {problem && (
        <p id={`${id}-problem`} role="alert" className="text-small wrap-anywhere text-danger">
          {problem}
        </p>
      )}
    </form>
  )
}
