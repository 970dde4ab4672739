import type { PointerEvent } from 'react'
import { useTimePreferences } from '../preferences/use-preferences.tsx'
import { formatAgo, inZone, zoneName } from './formats.ts'
import { useNow } from './use-now.ts'
import { useZone } from './use-zone.ts'

/**
 * A moment as the reader wants it: absolute with milliseconds and its zone, or how long ago. The other is in the
 * tooltip. The server, and the browser until it has taken over, show the absolute one: "two seconds ago" in the HTML
 * would be another text in the browser, and grow old.
 */
export function Moment({ iso }: { readonly iso: string }) {
  const { times } = useTimePreferences()
  const now = useNow(times === 'relative')
  const { day, clock, offset } = inZone(iso, useZone())
  const absolute = `${day} ${clock} ${offset}`
  const relative = now === null ? null : formatAgo(iso, now)
  const tell = (event: PointerEvent<HTMLTimeElement>) => {
    event.currentTarget.title = relative === null ? formatAgo(iso) : absolute
  }
  return (
    <time dateTime={iso} onPointerEnter={tell} className="whitespace-nowrap">
      {relative ?? (
        <>
          {day} {clock} <span className="text-faint">{offset}</span>
        </>
      )}
    </time>
  )
}

/** The time of day alone, for rows below a head that says the day and the zone. */
export function Clock({ iso, className = '' }: { readonly iso: string; readonly className?: string }) {
  const { day, clock, offset } = inZone(iso, useZone())
  return (
    <time dateTime={iso} title={`${day} ${clock} ${offset}`} className={`whitespace-nowrap ${className}`}>
      {clock}
    </time>
  )
}

/** Which zone `Clock` shows, for the head above it. */
export function ZoneName() {
  return zoneName(useZone())
}
