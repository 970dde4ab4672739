import { type KeyboardEvent, type ReactNode, useCallback, useState } from 'react'
import { flushSync } from 'react-dom'
import type { TailSnapshot } from '../../itx/client/stream-tail.ts'
import type { EncodedEvent } from '../../streams/event.ts'
import { itxErrorCode } from '../../streams/errors.ts'
import { Button } from '../ui/button.tsx'
import { counted, inZone } from '../ui/formats.ts'
import { DownIcon } from '../ui/icons.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { useZone } from '../ui/use-zone.ts'
import { EventRow, OFFSET } from './event-row.tsx'
import { LogBar } from './log-bar.tsx'
import { useEdge } from './use-edge.ts'
import { useEventWindow } from './use-event-window.ts'
import { useLogKeys } from './use-log-keys.ts'

interface EventLogProps {
  readonly projectId: string
  readonly path: string
  readonly tail: TailSnapshot
}

/** The events of a stream, newest at the bottom, live. */
export function EventLog({ projectId, path, tail }: EventLogProps) {
  const live = useEventWindow(projectId, path, tail)
  const { window, newer, holdHere } = live
  const { rows, following, paused } = window
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set())
  const [focused, setFocused] = useState<number | null>(null)
  const { scroller, handlers, touch, toEnd, keepInPlace } = useEdge({
    following,
    onLeave: holdHere,
    onReach: live.reachEnd,
  })
  const tabStop = focused !== null && rows.some(({ offset }) => offset === focused) ? focused : rows.at(-1)?.offset
  const toggle = useCallback(
    (offset: number) => {
      const show = () => {
        // Who opens an event reads it: the log must not run away below.
        holdHere()
        setFocused(offset)
        setOpen((now) => toggled(now, offset))
      }
      keepInPlace(`[${OFFSET}="${offset}"]`, () => flushSync(show))
    },
    [holdHere, keepInPlace],
  )
  const jump = () => {
    live.jumpToEnd()
    toEnd()
  }
  const { said } = useLogKeys({
    live,
    jump,
    rows,
    open,
    tabStop,
    show: (offset) => {
      const only = () => {
        holdHere()
        setFocused(offset)
        setOpen(new Set([offset]))
      }
      flushSync(only)
      const row = scroller.current?.querySelector<HTMLElement>(`[${OFFSET}="${offset}"]`)
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
                  <ErrorNotice code={itxErrorCode(live.olderError)} message={messageOf(live.olderError)} />
                )}
              </div>
            )}
            <ol className={offsetWidth(rows)}>
              {rows.map((event, index) => (
                <DayAndRow key={event.offset} event={event} previous={rows[index - 1]}>
                  <EventRow
                    event={event}
                    open={open.has(event.offset)}
                    tabStop={event.offset === tabStop}
                    onToggle={toggle}
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

function toggled(open: ReadonlySet<number>, offset: number): ReadonlySet<number> {
  const next = new Set(open)
  if (!next.delete(offset)) next.add(offset)
  return next
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

/**
 * The width of the widest offset, its separators included: each row is a grid of its own, and they must agree. Classes,
 * because the page's policy lets no style stand in its HTML. From 3 digits to 16, the most an offset has.
 */
const OFFSET_WIDTHS = [
  '[--offset-width:3ch]',
  '[--offset-width:4.5ch]',
  '[--offset-width:5.5ch]',
  '[--offset-width:6.5ch]',
  '[--offset-width:8ch]',
  '[--offset-width:9ch]',
  '[--offset-width:10ch]',
  '[--offset-width:11.5ch]',
  '[--offset-width:12.5ch]',
  '[--offset-width:13.5ch]',
  '[--offset-width:15ch]',
  '[--offset-width:16ch]',
  '[--offset-width:17ch]',
  '[--offset-width:18.5ch]',
]

function offsetWidth(rows: readonly EncodedEvent[]): string | undefined {
  const digits = String(rows.at(-1)?.offset ?? 0).length
  return OFFSET_WIDTHS[Math.max(0, digits - 3)]
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
