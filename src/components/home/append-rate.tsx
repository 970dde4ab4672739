import type { ProjectOverview } from '../../itx/handle.ts'
import { formatCount } from '../ui/formats.ts'
import { Panel } from '../ui/panel.tsx'
import { sumOf } from '../ui/series.ts'
import { Sparkline } from '../ui/sparkline.tsx'

/** Seconds over which "now" is taken. */
const NOW_SECONDS = 5

/** How much comes in, second by second. */
export function AppendRate({ overview }: { readonly overview: ProjectOverview }) {
  const { appended, at } = overview
  const now = sumOf(appended.slice(-NOW_SECONDS)) / NOW_SECONDS
  // The second that is under way is not among them.
  const last = Math.floor(Date.parse(at) / 1000) - 1
  const points = appended.map((value, i) => ({ at: (last - appended.length + 1 + i) * 1000, value }))
  return (
    <Panel title="Appended" about={`Now ${formatCount(Math.round(now))} events a second`}>
      <Sparkline label="Events stored per second, the last 5 minutes" points={points} format={formatCount} />
    </Panel>
  )
}
