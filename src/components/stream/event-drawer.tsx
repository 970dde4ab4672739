import { type CSSProperties, useEffect, useLayoutEffect, useRef } from 'react'
import { eventAtQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import type { StreamPath } from '../../streams/path.ts'
import { formatCount } from '../ui/formats.ts'
import { followed } from '../ui/followed.ts'
import { ChevronIcon, CloseIcon } from '../ui/icons.tsx'
import { ResizeHandle } from '../ui/resize-handle.tsx'
import { useIsWide } from '../ui/use-is-wide.ts'
import { EventDetail } from './event-detail.tsx'
import { visibleName } from './foreign-text.ts'
import { StreamFailure } from './stream-failure.tsx'
import { DRAWER_WIDTH, useDrawerWidth } from './use-drawer-width.ts'
import { EVENT_DRAWER, OFFSET, type OpenEvent } from './use-open-event.ts'

export interface EventDrawerProps {
  readonly projectId: string
  readonly path: StreamPath
  readonly at: number
  /** The offsets of the first and the last event there is. */
  readonly first: number
  readonly last: number
  readonly event: OpenEvent
}

/**
 * One event, at the right of the log; on a narrow screen above the whole page. A native dialog: where it covers the
 * page, what is behind cannot be reached. The server renders it open, so that a link shows it without a script.
 */
export function EventDrawer({ projectId, path, at, first, last, event: open }: EventDrawerProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const closer = useRef<HTMLAnchorElement>(null)
  const [width, setWidth] = useDrawerWidth()
  const isWide = useIsWide()
  const { data: event, error } = useItxQuery(eventAtQuery(projectId, path, at))
  useCover(dialog, closer, !isWide)
  useEscape(dialog, open.close)
  useFocusBack(at)
  return (
    <dialog
      ref={dialog}
      id={EVENT_DRAWER}
      open
      tabIndex={-1}
      aria-label={`The event at offset ${at}`}
      onCancel={(cancel) => {
        cancel.preventDefault()
        open.close()
      }}
      style={width === undefined ? undefined : ({ '--drawer-width': `${width}px` } as CSSProperties)}
      className="event-drawer"
    >
      <ResizeHandle
        label="Event drawer"
        controls={EVENT_DRAWER}
        edge="start"
        size={width ?? DRAWER_WIDTH.usual}
        min={DRAWER_WIDTH.least}
        max={DRAWER_WIDTH.most}
        onResize={(next) => setWidth(next, false)}
        onDone={(next) => setWidth(next, true)}
      />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <header className="flex items-start gap-1 border-b border-line py-1.5 ps-4 pe-2">
          <h2 className="me-auto min-w-0 py-1 text-base font-semibold wrap-anywhere">
            <span className="me-1 text-soft">{formatCount(at)}</span>{' '}
            {event && <span className="foreign font-mono">{visibleName(event.type)}</span>}
          </h2>
          <Step to={at > first ? Math.min(at - 1, last) : null} open={open} label="The previous event" keys="k" />
          <Step to={at < last ? Math.max(at + 1, first) : null} open={open} label="The next event" keys="j" />
          <a
            ref={closer}
            href="?"
            onClick={(click) => followed(click, open.close)}
            title="Close (Esc)"
            className={`${ICON_LINK} hover:bg-hover hover:text-ink`}
          >
            <CloseIcon />
            <span className="sr-only">Close</span>
          </a>
        </header>
        <div className="min-h-0 flex-1 overflow-auto overscroll-contain">
          {event && <EventDetail event={event} />}
          {event === null && <p className="px-4 py-3 text-soft">This stream has no event at that offset.</p>}
          {event === undefined && !error && <p className="px-4 py-3 text-faint">Loading…</p>}
          {event === undefined && error && <StreamFailure error={error} />}
        </div>
      </div>
    </dialog>
  )
}

const ICON_LINK = 'grid size-7 shrink-0 place-items-center rounded-md text-soft'

interface StepProps {
  /** Null at the end. */
  readonly to: number | null
  readonly open: OpenEvent
  readonly label: string
  readonly keys: string
}

/** Leads to the event beside. A link: it works without a script. */
function Step({ to, open, label, keys }: StepProps) {
  const icon = <ChevronIcon className={keys === 'k' ? '-rotate-90' : 'rotate-90'} />
  if (to === null) {
    return (
      <span aria-hidden="true" className={`${ICON_LINK} opacity-40`}>
        {icon}
      </span>
    )
  }
  return (
    <a
      href={`?at=${to}`}
      onClick={(click) => followed(click, () => open.open(to))}
      title={`${label} (${keys})`}
      className={`${ICON_LINK} hover:bg-hover hover:text-ink`}
    >
      {icon}
      <span className="sr-only">{label}</span>
    </a>
  )
}

type Ref<T> = React.RefObject<T | null>

/** Covers the page where there is no room beside it: what lies behind is out of reach, for the keyboard too. */
function useCover(dialog: Ref<HTMLDialogElement>, closer: Ref<HTMLElement>, covers: boolean): void {
  useLayoutEffect(() => {
    const node = dialog.current
    if (!node || !covers) return
    node.close()
    node.showModal()
    closer.current?.focus()
    return () => {
      node.close()
      // Not `show`, which would take the focus from where the reader is.
      node.setAttribute('open', '')
    }
  }, [dialog, closer, covers])
}

/** Escape closes it from anywhere in the page, save from what has an Escape of its own. */
function useEscape(dialog: Ref<HTMLElement>, close: () => void): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || event.isComposing) return
      const owner = event.target instanceof Element ? event.target.closest(ESCAPES) : null
      if (owner === null || owner === dialog.current) close()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [dialog, close])
}

const ESCAPES = 'dialog, [role="dialog"], [role="menu"], [role="listbox"], [popover], input, textarea, select'

/** When it closes with the focus inside, the focus goes back to the row it came from. */
function useFocusBack(at: number): void {
  const latest = useRef(at)
  useEffect(() => {
    latest.current = at
  })
  useEffect(
    () => () => {
      if (document.activeElement !== document.body) return
      document.querySelector<HTMLElement>(`[role=log] [${OFFSET}="${latest.current}"]`)?.focus({ preventScroll: true })
    },
    [],
  )
}
