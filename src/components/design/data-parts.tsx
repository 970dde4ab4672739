import { useState } from 'react'
import { Badge } from '../ui/badge.tsx'
import { Button } from '../ui/button.tsx'
import { formatBytes, formatCount } from '../ui/formats.ts'
import { Clock, Moment } from '../ui/moment.tsx'
import { Panel } from '../ui/panel.tsx'
import { ResizeHandle } from '../ui/resize-handle.tsx'
import type { Point } from '../ui/series.ts'
import { Sparkline } from '../ui/sparkline.tsx'
import { type Column, type Sorting, Table } from '../ui/table.tsx'
import { Part, State, States, TEXTS } from './specimen.tsx'

interface StreamRow {
  readonly path: string
  readonly events: number
  readonly bytes: number
  readonly last: string
  readonly paused: boolean
}

const ROWS: readonly StreamRow[] = [
  { path: '/agents/summariser', events: 1204, bytes: 3_204_113, last: '2026-11-21T10:02:11.044Z', paused: false },
  { path: '/orders', events: 88_000_120, bytes: 45_204_113_000, last: '2026-11-21T10:02:12.001Z', paused: true },
  { path: `/${TEXTS.long}`, events: 1, bytes: 12, last: '2025-01-01T00:00:00.000Z', paused: false },
  { path: `/${TEXTS.rightToLeft}`, events: 0, bytes: 0, last: '2026-02-28T23:59:59.999Z', paused: false },
]

const COLUMNS: readonly Column<StreamRow>[] = [
  {
    id: 'path',
    head: 'Stream',
    wide: true,
    sortable: true,
    cell: ({ path }) => (
      <a href="#part-table" title={path} className="row-link foreign font-mono text-small">
        {path}
      </a>
    ),
  },
  {
    id: 'state',
    head: 'State',
    cell: ({ paused }) => (paused ? <Badge tone="warn">paused</Badge> : <Badge>open</Badge>),
  },
  { id: 'events', head: 'Events', numeric: true, sortable: true, cell: ({ events }) => formatCount(events) },
  { id: 'size', head: 'Size', numeric: true, minor: true, sortable: true, cell: ({ bytes }) => formatBytes(bytes) },
  { id: 'last', head: 'Last event', minor: true, cell: ({ last }) => <Moment iso={last} /> },
  { id: 'do', head: 'Actions', headHidden: true, cell: () => <Button look="quiet">Pause</Button> },
]

const MANY: readonly StreamRow[] = Array.from({ length: 12 }, (_, at) => ({
  path: `/orders/${2026 - at}`,
  events: at * 7919,
  bytes: at * 1_000_003,
  last: '2026-11-21T10:02:12.001Z',
  paused: at % 5 === 4,
}))

const START = Date.UTC(2026, 10, 21, 10)
const WAVES: readonly Point[] = Array.from({ length: 300 }, (_, second) => ({
  at: START + second * 1000,
  value: Math.round(44 + 30 * Math.sin(second / 18) + 12 * Math.sin(second / 3)),
}))
const GAPS: readonly Point[] = WAVES.map(({ at, value }, second) => ({
  at,
  value: second % 70 > 40 && second !== 60 ? null : value,
}))

/** Rows, numbers and times. */
export function DataParts() {
  const [sorting, setSorting] = useState<Sorting>({ by: 'events', descending: true })
  const rows = ROWS.toSorted((a, b) => (sorting.descending ? b.events - a.events : a.events - b.events))
  return (
    <>
      <Part
        name="Table"
        about="The whole row leads where its first link leads. Narrow: minor columns go, the rest scrolls."
      >
        <Panel level={3} title="Busiest streams" flush>
          <Table
            label="Busiest streams"
            columns={COLUMNS}
            rows={rows}
            rowId={({ path }) => path}
            sorting={sorting}
            onSort={setSorting}
            current="/orders"
          />
        </Panel>
        <Panel level={3} title="Tokens" flush>
          <Table
            label="Tokens"
            columns={COLUMNS.slice(0, 3)}
            rows={[]}
            rowId={({ path }) => path}
            empty="No token yet. Programs need one to append."
          />
        </Panel>
        <div className="h-40 rounded-sm border border-line">
          <Table label="A table in little room" columns={COLUMNS.slice(0, 4)} rows={MANY} rowId={({ path }) => path} />
        </div>
      </Part>
      <Part name="Sparkline" about="The course of a number, with the numbers behind it.">
        <div className="grid gap-6 sm:grid-cols-2">
          <Sparkline label="Appends per second" points={WAVES} format={formatCount} />
          <Sparkline label="With gaps" points={GAPS} format={formatCount} />
          <Sparkline label="One point" points={WAVES.slice(0, 1)} format={formatCount} />
          <Sparkline label="No data" points={[]} format={formatCount} />
        </div>
      </Part>
      <Part name="Resize handle" about="By dragging, by arrow keys, or by its buttons.">
        <Resizable />
      </Part>
      <Part name="Moment" about="Absolute first, in the zone the reader chose; the other way in the tooltip.">
        <States>
          <State name="moment">
            <Moment iso="2026-11-21T03:53:29.123Z" />
          </State>
          <State name="time of day">
            <Clock iso="2026-11-21T03:53:29.123Z" className="font-mono text-small" />
          </State>
        </States>
      </Part>
    </>
  )
}

function Resizable() {
  const [size, setSize] = useState(180)
  return (
    <div className="flex h-28 max-w-full overflow-hidden rounded-sm border border-line">
      <svg id="resized" role="img" aria-label={`A pane of ${size} pixels`} width={size} className="shrink-0 bg-wash" />
      <ResizeHandle label="Pane" controls="resized" edge="end" size={size} min={80} max={240} onResize={setSize} />
      <p className="min-w-0 p-3 text-small text-soft">{size} pixels</p>
    </div>
  )
}
