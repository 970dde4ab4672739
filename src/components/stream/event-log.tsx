import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useQueryClient } from '@tanstack/react-query'
import type { TailSnapshot } from '../../itx/client/stream-tail.ts'
import { eventAtQuery } from '../../itx/queries.ts'
import type { EncodedEvent } from '../../streams/event.ts'
import { useTellPaused } from '../frame/view-paused.ts'
import { Button } from '../ui/button.tsx'
import { Failure } from '../ui/failure.tsx'
import { counted, inZone } from '../ui/formats.ts'
import { DownIcon } from '../ui/icons.tsx'
import { useZone } from '../ui/use-zone.ts'
import { EventRow } from './event-row.tsx'
import { GoTo } from './go-to.tsx'
import { LogBar } from './log-bar.tsx'
import { offsetWidth } from './offset-width.ts'
import { useEdge } from './use-edge.ts'
import { useEventWindow } from './use-event-window.ts'
import { useLogKeys } from './use-log-keys.ts'
import { EVENT_DRAWER, OFFSET, type OpenEvent } from './use-open-event.ts'

interface EventLogProps {
  readonly projectId: string
  readonly path: string
  readonly tail: TailSnapshot
  readonly event: OpenEvent
}

/** The events of a stream, newest at the bottom, live. */
export function EventLog({ projectId, path, tail, event: { at, open, close } }: EventLogProps) {
  const queryClient = useQueryClient()
  const live = useEventWindow(projectId, path, tail)
  const { window, newer, holdHere } = live
  const { rows, following, paused } = window
  const [focused, setFocused] = useState<number | null>(null)
  useTellPaused(paused)
  const { scroller, handlers, touch, toEnd } = useEdge({ following, onLeave: holdHere, onReach: live.reachEnd })
  const tabStop = focused !== null && rows.some(({ offset }) => offset === focused) ? focused : rows.at(-1)?.offset
  const latest = useRef({ rows, at })
  useEffect(() => {
    latest.current = { rows, at }
  })
  const show = useCallback(
    (offset: number) => {
      // Who opens an event reads it: the log must not run away beside it.
      holdHere()
      setFocused(offset)
      const shown = latest.current.rows.find((row) => row.offset === offset)
      if (shown) queryClient.setQueryData(eventAtQuery(projectId, path, offset).queryKey, shown)
      open(offset)
    },
    [holdHere, open, queryClient, projectId, path],
  )
  const [asked] = useState(at)
  useLayoutEffect(() => {
    // A link to an event that is among the newest shows it in its place; afterwards it is the reader who moves the log.
    const row = asked === undefined ? null : rowAt(scroller.current, asked)
    if (!row) return
    holdHere()
    row.scrollIntoView({ block: 'center' })
  }, [asked, holdHere, scroller])
  const follow = useCallback(
    (offset: number, byKey: boolean) => {
      if (latest.current.at !== offset) return show(offset)
      if (byKey) document.getElementById(EVENT_DRAWER)?.focus()
      else close()
    },
    [show, close],
  )
  const jump = () => {
    live.jumpToEnd()
    toEnd()
  }
  const { said } = useLogKeys({
    live,
    jump,
    at,
    first: tail.state?.firstOffset ?? 1,
    last: tail.maxOffset,
    tabStop,
    show: (offset) => {
      show(offset)
      const row = rowAt(scroller.current, offset)
      row?.scrollIntoView({ block: 'nearest' })
      row?.focus({ preventScroll: true })
    },
  })
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    touch()
    const row = rowForKey(event)
    if (!row) return
    event.preventDefault()
    setFocused(Number(row.getAttribute(OFFSET)))
    row.focus()
  }
  return (
    <section aria-labelledby="events" className="flex min-h-96 flex-1 flex-col lg:min-h-0">
      <LogBar
        tail={tail}
        following={following}
        paused={paused}
        newer={newer}
        said={said}
        onPause={live.pause}
        onResume={jump}
        goTo={<GoTo projectId={projectId} path={path} lastEventAt={tail.state?.lastEventAt} onOpen={show} />}
      />
      <div className="relative min-h-0 flex-1">
        <div
          ref={scroller}
          role="log"
          // A fast stream would be read out without end: the bar above tells, politely and now and then.
          aria-live="off"
          aria-labelledby="events"
          {...handlers}
          onKeyDown={onKeyDown}
          className="@container absolute inset-0 flex flex-col-reverse overflow-x-hidden overflow-y-auto overscroll-contain [overflow-anchor:none]"
        >
          {newer > 0 && (
            // Inside of what scrolls, so that a wheel above it scrolls on. Without a height: nothing moves when it comes.
            <div className="sticky bottom-4 z-1 flex h-0 shrink-0 items-end justify-center">
              <Button look="main" onClick={jump} className="min-h-8 shrink-0 px-3 shadow-lg shadow-black/20">
                {counted(newer, 'new event')} <DownIcon />
              </Button>
            </div>
          )}
          <div className="mb-auto">
            {live.hasOlder && (
              <div className="bed flex flex-wrap items-center gap-3 py-2 ps-8 pe-3">
                <Button disabled={live.loadingOlder} onClick={() => void live.loadOlder()}>
                  {live.loadingOlder ? 'Loading…' : 'Load older'}
                </Button>
                {live.olderError !== null && (
                  <Failure error={live.olderError} onRetry={() => void live.loadOlder()} busy={live.loadingOlder} />
                )}
              </div>
            )}
            <ol className={offsetWidth(rows)}>
              {rows.map((event, index) => (
                <DayAndRow key={event.offset} event={event} previous={rows[index - 1]}>
                  <EventRow
                    event={event}
                    open={event.offset === at}
                    tabStop={event.offset === tabStop}
                    onFollow={follow}
                  />
                </DayAndRow>
              ))}
            </ol>
            <Mouth live={tail.status === 'live' && following} />
          </div>
        </div>
      </div>
    </section>
  )
}

interface DayAndRowProps {
  readonly event: EncodedEvent
  readonly previous: EncodedEvent | undefined
  readonly children: ReactNode
}

/** A row, and before the first of a day its date: rows themselves tell the time alone. */
function DayAndRow({ event, previous, children }: DayAndRowProps) {
  const zone = useZone()
  const { day } = inZone(event.createdAt, zone)
  if (previous && inZone(previous.createdAt, zone).day === day) return children
  return (
    <>
      <li
        className={`bed ps-8 pt-2 pb-1 text-micro font-semibold text-faint ${event.offset === 1 ? 'before:hidden' : ''}`}
      >
        <time dateTime={day}>{day}</time>
      </li>
      {children}
    </>
  )
}

/** The end of the bed, where the stream goes on: it breathes while the view follows it. */
function Mouth({ live }: { readonly live: boolean }) {
  return (
    <div aria-hidden="true" className="relative h-7">
      <span className="absolute start-[1.125rem] top-0 h-3 w-0.5 -translate-x-1/2 bg-bed" />
      <span
        className={`absolute start-[1.125rem] top-3 size-2 -translate-1/2 rounded-full ${live ? 'mouth bg-accent' : 'border-2 border-bed bg-paper'}`}
      />
    </div>
  )
}

function rowAt(log: HTMLElement | null, offset: number): HTMLElement | null {
  return log?.querySelector<HTMLElement>(`[${OFFSET}="${offset}"]`) ?? null
}

/** The row that a key goes to, when the focus is on one: up, down, Home, End. */
function rowForKey(event: KeyboardEvent<HTMLElement>): HTMLElement | null {
  if (!(event.target instanceof HTMLElement) || !event.target.hasAttribute(OFFSET)) return null
  if (event.ctrlKey || event.metaKey || event.altKey) return null
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>(`[${OFFSET}]`)]
  const at = rows.indexOf(event.target)
  switch (event.key) {
    case 'ArrowDown':
      return rows[at + 1] ?? null
    case 'ArrowUp':
      return rows[at - 1] ?? null
    case 'Home':
      return rows[0] ?? null
    case 'End':
      return rows.at(-1) ?? null
    default:
      return null
  }
}
