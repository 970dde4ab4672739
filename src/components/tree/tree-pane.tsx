import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { type StreamPath, ROOT_PATH } from '../../streams/path.ts'
import { useShortcut } from '../shortcuts/use-shortcuts.ts'
import { Button } from '../ui/button.tsx'
import { CloseIcon, PlusIcon } from '../ui/icons.tsx'
import { lazily, useLazily } from '../ui/lazily.ts'
import { preloadDraft } from './draft-row.tsx'
import { RecentlyActive } from './recently-active.tsx'
import { StreamTree } from './stream-tree.tsx'
import { usePaneMemory } from './use-pane-memory.ts'

const found = lazily(() => import('./filter-results.tsx'))

/** The id of the tree's pane, for the button that opens it where there is no room beside the page. */
export const TREE_PANE = 'streams-pane'

interface TreePaneProps {
  readonly project: ProjectInfo
  readonly current: StreamPath | null
}

/** The tree at the left; on a narrow screen a drawer, by the browser's own popover, which works without a script too. */
export function TreePane({ project, current }: TreePaneProps) {
  const pane = useRef<HTMLElement>(null)
  const field = useRef<HTMLInputElement>(null)
  const results = useRef<HTMLUListElement>(null)
  const [memory, remember] = usePaneMemory(project.id)
  const [draft, setDraft] = useState<string | null>(null)
  const { order, filter, recent } = memory
  const sought = useSettled(filter.trim())
  const isFiltered = filter.trim() !== ''
  const filtered = useLazily(found, isFiltered)
  const close = () => {
    if (pane.current?.matches(':popover-open')) pane.current.hidePopover()
  }
  useShortcut('/', 'Filter the streams', () => {
    if (field.current?.checkVisibility() === false) pane.current?.showPopover()
    field.current?.focus()
    field.current?.select()
  })
  const onFilterKey = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape' && filter !== '') {
      event.preventDefault()
      remember({ filter: '' })
    }
    if (event.key === 'ArrowDown') {
      event.preventDefault()
      results.current?.querySelector('a')?.focus()
    }
  }
  return (
    <nav
      ref={pane}
      id={TREE_PANE}
      popover="auto"
      aria-label="Streams"
      className="drawer flex-col border-e border-line bg-surface text-ink open:flex lg:min-h-0"
    >
      <div className="flex min-h-10 items-center gap-1 ps-4 pe-2">
        <h2 className="flex-1 text-small font-semibold text-soft">Streams</h2>
        {project.role !== 'viewer' && (
          <Button
            look="quiet"
            aria-label="New stream"
            title={`New stream below ${current ?? ROOT_PATH}`}
            onPointerEnter={preloadDraft}
            onFocus={preloadDraft}
            onClick={() => {
              remember({ filter: '' })
              setDraft(current ?? ROOT_PATH)
            }}
            className="min-w-7 px-1"
          >
            <PlusIcon />
          </Button>
        )}
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
      <div className="needs-script flex gap-1.5 border-b border-line px-2 pb-2">
        <input
          ref={field}
          type="search"
          aria-label="Filter the streams by their path"
          placeholder="Filter"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={255}
          value={filter}
          onChange={(event) => remember({ filter: event.currentTarget.value })}
          onKeyDown={onFilterKey}
          onFocus={found.preload}
          className="field min-w-0 flex-1 px-2 py-1 text-small"
        />
        <select
          aria-label="Order of the streams"
          value={order}
          onChange={(event) => remember({ order: event.currentTarget.value === 'created' ? 'created' : 'name' })}
          className="field w-auto px-1 py-1 text-small"
        >
          <option value="name">By name</option>
          <option value="created">Newest</option>
        </select>
      </div>
      {!isFiltered && (
        <RecentlyActive
          project={project}
          open={recent}
          onOpen={(open) => remember({ recent: open })}
          onFollowed={close}
        />
      )}
      <StreamTree
        project={project}
        current={current}
        order={order}
        draft={draft}
        onDraft={setDraft}
        hidden={isFiltered}
        onFollowed={close}
      />
      {isFiltered && filtered.status === 'failed' && (
        <p role="alert" className="min-h-0 flex-1 px-4 py-2 text-small text-danger">
          What was found could not be shown. Type again to retry.
        </p>
      )}
      {isFiltered && filtered.status === 'loaded' && (
        <filtered.module.FilterResults
          project={project}
          current={current}
          text={sought}
          field={field}
          list={results}
          onFollowed={close}
          onClear={() => {
            remember({ filter: '' })
            field.current?.focus()
          }}
        />
      )}
    </nav>
  )
}

/** While somebody types, this long after the last letter is what was typed looked for. */
const TYPED_MS = 150

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPED_MS)
    return () => clearTimeout(timer)
  }, [text])
  return settled
}
