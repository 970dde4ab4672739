import { type ReactNode, useEffect, useRef, useState } from 'react'
import type { TailSnapshot } from '../../itx/client/stream-tail.ts'
import { Button } from '../ui/button.tsx'
import { counted, formatCount } from '../ui/formats.ts'
import { PauseIcon, PlayIcon } from '../ui/icons.tsx'
import { ZoneName } from '../ui/moment.tsx'

/** News are said aloud at most this often. */
const SUMMARY_MS = 10_000

interface LogBarProps {
  readonly tail: TailSnapshot
  readonly following: boolean
  readonly paused: boolean
  readonly newer: number
  /** What was done by a key just now; empty when nothing was. */
  readonly said: string
  readonly onPause: () => void
  readonly onResume: () => void
  /** The way to an event that is not in sight. */
  readonly goTo: ReactNode
}

/** What the log is doing, and the button that holds it. */
export function LogBar({ tail, following, paused, newer, said, onPause, onResume, goTo }: LogBarProps) {
  const summary = useSummary(tail)
  return (
    <div className="flex min-h-9 items-center gap-2 sm:gap-3 border-b border-line ps-4 pe-2">
      <h2 id="events" className="text-small font-semibold text-soft">
        Events
      </h2>
      <p className="min-w-0 truncate text-small text-faint">
        {said === '' ? words(tail, following, paused, newer) : said}
      </p>
      <p role="status" className="sr-only">
        {said === '' ? summary : said}
      </p>
      <span className="ms-auto text-small whitespace-nowrap text-faint">
        <span className="max-sm:sr-only">times in </span>
        <ZoneName />
      </span>
      {goTo}
      <Button look="quiet" aria-pressed={paused} onClick={paused ? onResume : onPause} className="px-2 sm:min-w-22">
        {paused ? <PlayIcon /> : <PauseIcon />}
        {paused ? 'Resume' : 'Pause'}
      </Button>
    </div>
  )
}

function words(tail: TailSnapshot, following: boolean, paused: boolean, newer: number): string {
  if (paused) return newer > 0 ? `Paused, ${formatCount(newer)} new` : 'Paused'
  if (tail.status === 'failed') return 'Stopped'
  if (tail.status === 'interrupted') return 'Interrupted: goes on where it stopped'
  if (!following) return newer > 0 ? `Held, ${formatCount(newer)} new` : 'Held where you read'
  if (tail.status === 'live') return 'Following'
  return tail.events.length === 0 ? 'Loading events…' : ''
}

/** A sentence about what has come since the last one. */
function useSummary({ maxOffset, status }: TailSnapshot): string {
  const [summary, setSummary] = useState('')
  const now = useRef(maxOffset)
  useEffect(() => {
    now.current = maxOffset
  }, [maxOffset])
  const live = status === 'live'
  useEffect(() => {
    if (!live) return
    let told = now.current
    const timer = setInterval(() => {
      const came = now.current - told
      told = now.current
      setSummary(came > 0 ? `${counted(came, 'new event')}, up to offset ${formatCount(told)}` : '')
    }, SUMMARY_MS)
    return () => clearInterval(timer)
  }, [live])
  return summary
}
