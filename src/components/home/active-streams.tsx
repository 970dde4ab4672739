import type { ProjectOverview } from '../../itx/handle.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { StreamLink } from '../stream/stream-link.tsx'
import { Badge } from '../ui/badge.tsx'
import { formatCount } from '../ui/formats.ts'
import { Moment } from '../ui/moment.tsx'
import { Panel } from '../ui/panel.tsx'
import { sumOf } from '../ui/series.ts'
import { type Column, Table } from '../ui/table.tsx'
import { Trace } from './trace.tsx'

type ActiveStream = ProjectOverview['recent'][number]

interface ActiveStreamsProps {
  readonly title: string
  readonly about: string
  /** The project's slug. */
  readonly project: string
  readonly streams: readonly ActiveStream[]
  readonly empty?: string
}

/** Streams with what has come into each lately. */
export function ActiveStreams({ title, about, project, streams, empty }: ActiveStreamsProps) {
  return (
    <Panel title={title} about={about} flush>
      <Table label={title} columns={columnsOf(project)} rows={streams} rowId={({ row }) => row.path} empty={empty} />
    </Panel>
  )
}

/** @param project its slug */
function columnsOf(project: string): readonly Column<ActiveStream>[] {
  return [
    {
      id: 'path',
      head: 'Stream',
      wide: true,
      cell: ({ row }) => (
        <span className="flex min-w-0 items-center gap-2">
          <StreamLink project={project} path={row.path} className="row-link foreign truncate font-mono">
            {visibleName(row.path)}
          </StreamLink>
          {row.paused && <Badge tone="warn">paused</Badge>}
        </span>
      ),
    },
    {
      id: 'rate',
      head: '5 minutes',
      minor: true,
      cell: ({ appended }) => <Trace values={appended} />,
    },
    { id: 'sum', head: 'Events', numeric: true, cell: ({ appended }) => formatCount(sumOf(appended)) },
    { id: 'last', head: 'Last event', minor: true, cell: ({ row }) => <Moment iso={row.lastEventAt} /> },
  ]
}
