import { useRef } from 'react'
import type { ProjectInfo, ProjectOverview } from '../../itx/handle.ts'
import { counted, formatCount } from '../ui/formats.ts'
import { Panel } from '../ui/panel.tsx'
import { ParkedLine, PausedLine } from './standstill-lines.tsx'

/** Parked processors that the server counts. */
const MOST_COUNTED = 200

interface StandstillsProps {
  readonly project: ProjectInfo
  readonly overview: ProjectOverview
}

/** What waits for somebody: streams that are paused, and processors that stand before an event they cannot pass. */
export function Standstills({ project, overview }: StandstillsProps) {
  const { paused, pausedCount, parked, parkedCount } = overview
  const place = useRef<HTMLDivElement>(null)
  // The line that was set going will be gone, and the focus with it.
  const onDone = () => place.current?.focus()
  const mayAct = project.role === 'operator' || project.role === 'admin'
  const lines = { project, mayAct, onDone }
  const none = pausedCount + parkedCount === 0
  return (
    <div ref={place} tabIndex={-1} className="min-w-0 outline-none">
      {none && (
        <p role="status" className="text-small text-soft">
          Nothing stands still: no stream is paused, no processor is parked.
        </p>
      )}
      {!none && (
        <Panel
          title="Standing still"
          about={words(pausedCount, parkedCount)}
          flush
          {...(left(overview) > 0 && { foot: `${formatCount(left(overview))} more are not listed here.` })}
        >
          <ul className="divide-y divide-line">
            {parked.map((each) => (
              <ParkedLine key={`${each.path} ${each.processor}`} parked={each} {...lines} />
            ))}
            {paused.map((row) => (
              <PausedLine key={row.path} row={row} {...lines} />
            ))}
          </ul>
        </Panel>
      )}
    </div>
  )
}

function left({ paused, pausedCount, parked, parkedCount }: ProjectOverview): number {
  return pausedCount - paused.length + parkedCount - parked.length
}

function words(paused: number, parked: number): string {
  return [
    ...(parked > 0 ? [`${counted(parked, 'processor')}${parked >= MOST_COUNTED ? ' or more' : ''} parked`] : []),
    ...(paused > 0 ? [`${counted(paused, 'stream')} paused`] : []),
  ].join(', ')
}
