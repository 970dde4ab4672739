import type { ProjectOverview } from '../../itx/handle.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { StreamLink } from '../stream/stream-link.tsx'
import { counted, formatCount } from '../ui/formats.ts'
import { PauseIcon, WarnIcon } from '../ui/icons.tsx'
import { Moment } from '../ui/moment.tsx'
import { Panel } from '../ui/panel.tsx'

/** Parked processors that the server counts. */
const MOST_COUNTED = 200

interface StandstillsProps {
  /** The project's slug. */
  readonly project: string
  readonly overview: ProjectOverview
}

/** What waits for somebody: streams that are paused, and processors that stand before an event they cannot pass. */
export function Standstills({ project, overview }: StandstillsProps) {
  const { paused, pausedCount, parked, parkedCount } = overview
  if (pausedCount + parkedCount === 0) {
    return <p className="text-small text-soft">Nothing stands still: no stream is paused, no processor is parked.</p>
  }
  return (
    <Panel title="Standing still" about={words(pausedCount, parkedCount)} flush>
      <ul className="divide-y divide-line">
        {parked.map(({ path, processor, offset, error, at }) => (
          <li key={`${path} ${processor}`} className="flex flex-wrap items-baseline gap-x-3 px-4 py-1.5">
            <WarnIcon className="self-center text-danger" />
            <StreamLink project={project} path={path} className="link foreign font-mono wrap-anywhere">
              {visibleName(path)}
            </StreamLink>
            <span className="min-w-0 flex-1 basis-64 wrap-anywhere">
              <span className="font-medium">{visibleName(processor)}</span> stands before offset {formatCount(offset)}:{' '}
              <span className="foreign text-soft">{visibleName(error)}</span>
            </span>
            <span className="text-small text-soft">
              <Moment iso={at} />
            </span>
          </li>
        ))}
        {paused.map((row) => (
          <li key={row.path} className="flex flex-wrap items-baseline gap-x-3 px-4 py-1.5">
            <PauseIcon className="self-center text-warn" />
            <StreamLink project={project} path={row.path} className="link foreign font-mono wrap-anywhere">
              {visibleName(row.path)}
            </StreamLink>
            <span className="flex-1">paused</span>
            <span className="text-small text-soft">
              <Moment iso={row.lastEventAt} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function words(paused: number, parked: number): string {
  return [
    ...(parked > 0 ? [`${counted(parked, 'processor')}${parked >= MOST_COUNTED ? ' or more' : ''} parked`] : []),
    ...(paused > 0 ? [`${counted(paused, 'stream')} paused`] : []),
  ].join(', ')
}
