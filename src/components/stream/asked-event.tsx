import { Link, useLocation } from '@tanstack/react-router'
import { eventAtQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import type { StreamPath } from '../../streams/path.ts'
import { formatCount } from '../ui/formats.ts'
import { CloseIcon } from '../ui/icons.tsx'
import { Notice } from '../ui/notice.tsx'
import { visibleName } from './foreign-text.ts'
import { Detail } from './lazy-detail.tsx'
import { StreamFailure } from './stream-failure.tsx'
import { leftOut } from './stream-search.ts'

interface AskedEventProps {
  readonly projectId: string
  readonly path: StreamPath
  /** Its offset, where the address names one. */
  readonly at: number | undefined
}

/** The event that the address asks for, above the log: a link to it opens it however many came after. */
export function AskedEvent({ projectId, path, at }: AskedEventProps) {
  const ignored = leftOut(useLocation({ select: (location) => location.searchStr }))
  return (
    <>
      {ignored.length > 0 && (
        <div className="px-4 py-2">
          <Notice tone="warn">
            The address asks for what cannot be shown, so it was left out: {ignored.map(visibleName).join(', ')}
          </Notice>
        </div>
      )}
      {at !== undefined && <EventAt projectId={projectId} path={path} at={at} />}
    </>
  )
}

function EventAt({ projectId, path, at }: AskedEventProps & { readonly at: number }) {
  const { data: event, error } = useItxQuery(eventAtQuery(projectId, path, at))
  return (
    <section
      aria-label={`The event at offset ${at}`}
      className="max-h-[50dvh] overflow-auto border-b border-line bg-surface"
    >
      <header className="flex items-center gap-3 ps-4 pe-2 pt-1">
        <h2 className="me-auto truncate text-base font-semibold">
          Offset {formatCount(at)}
          {event && <span className="foreign ms-2 font-mono font-normal">{visibleName(event.type)}</span>}
        </h2>
        <Link
          to="."
          search={{}}
          className="grid size-7 place-items-center rounded-md text-soft hover:bg-hover hover:text-ink"
        >
          <CloseIcon />
          <span className="sr-only">Close</span>
        </Link>
      </header>
      {event && <Detail event={event} />}
      {event === null && <p className="px-4 pb-3 text-soft">This stream has no event at that offset.</p>}
      {event === undefined && !error && <p className="px-4 pb-3 text-faint">Loading…</p>}
      {event === undefined && error && <StreamFailure error={error} />}
    </section>
  )
}
