import type { PointerEvent } from 'react'
import { formatAgo, isoClock, isoDay } from './formats.ts'

/** A moment, absolute with milliseconds, in UTC and labelled so; how long ago it was is in the tooltip. */
export function Moment({ iso }: { readonly iso: string }) {
  // Made when it is looked at: relative time in the HTML would differ between server and browser, and grow old.
  const tell = (event: PointerEvent<HTMLTimeElement>) => {
    event.currentTarget.title = formatAgo(iso)
  }
  return (
    <time dateTime={iso} onPointerEnter={tell} className="whitespace-nowrap">
      {isoDay(iso)} {isoClock(iso)} <span className="text-faint">UTC</span>
    </time>
  )
}
