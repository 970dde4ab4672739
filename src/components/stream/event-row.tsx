import { memo } from 'react'
import { type EncodedEvent, RESERVED_PREFIX, encodedBytes } from '../../streams/event.ts'
import { followed } from '../ui/followed.ts'
import { formatBytes, formatCount } from '../ui/formats.ts'
import { Clock } from '../ui/moment.tsx'
import { preloadDrawer } from './load-drawer.ts'
import { OFFSET } from './use-open-event.ts'
import { visibleJson, visibleName } from './foreign-text.ts'

/** Characters of a payload that a row shows: no more of it is touched. */
const PREVIEW = 320

interface EventRowProps {
  readonly event: EncodedEvent
  readonly open: boolean
  /** Whether Tab reaches it. */
  readonly tabStop: boolean
  readonly onFollow: (offset: number, byKey: boolean) => void
}

/** One event as a line of the log, which leads to everything that is stored of it. */
export const EventRow = memo(function EventRow({ event, open, tabStop, onFollow }: EventRowProps) {
  const { offset, type, createdAt, payload } = event
  const core = type.startsWith(RESERVED_PREFIX)
  const bytes = encodedBytes(event)
  return (
    <li className={`bed event-row ${offset === 1 ? 'spring' : ''}`}>
      <a
        href={`?at=${offset}`}
        aria-current={open ? 'true' : undefined}
        tabIndex={tabStop ? 0 : -1}
        {...{ [OFFSET]: offset }}
        onPointerEnter={preloadDrawer}
        onFocus={preloadDrawer}
        onClick={(click) => followed(click, () => onFollow(offset, click.detail === 0))}
        className={`event-grid w-full rounded-sm py-1 ps-8 pe-3 text-start focus-visible:outline-offset-[-2px] ${open ? 'bg-wash' : 'hover:bg-hover'} ${
          core ? 'text-faint' : ''
        }`}
      >
        <Joint type={type} core={core} />
        <span className="event-offset text-small text-faint">{formatCount(offset)}</span>
        <Clock iso={createdAt} className="event-time font-mono text-small text-soft" />
        <span
          className={`event-type foreign truncate font-mono text-small ${core ? '' : 'font-semibold text-ink'}`}
          title={visibleName(type)}
        >
          {visibleName(type)}
        </span>
        <span className="event-preview foreign truncate font-mono text-small text-soft">{previewOf(payload)}</span>
        <span className="event-size text-small text-faint">{bytes > 0 && formatBytes(bytes)}</span>
      </a>
    </li>
  )
})

/** Where the event lies in the bed: a stone for what was appended, a branch for a new stream, a ring for the rest. */
function Joint({ type, core }: { readonly type: string; readonly core: boolean }) {
  if (type === 'stream/child-created') {
    return (
      <svg
        viewBox="0 0 14 14"
        width="14"
        height="14"
        aria-hidden="true"
        className="absolute start-[1.125rem] top-1.5 text-bed"
      >
        <path d="M0 11C0 6.500 3 6 9 6" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
        <circle cx="10" cy="6" r="2" fill="currentColor" />
      </svg>
    )
  }
  return (
    <span
      aria-hidden="true"
      className={`absolute start-[1.125rem] top-3.5 size-[7px] -translate-1/2 rounded-full ${core ? 'border-[1.5px] border-bed bg-paper' : 'bg-accent'}`}
    />
  )
}

/** The beginning of the payload's text. It is never parsed: a row costs the same, whatever the size of its event. */
function previewOf(payload: string | undefined): string {
  if (payload === undefined) return ''
  return visibleJson(payload.slice(0, PREVIEW).toWellFormed())
}
