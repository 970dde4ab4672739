import type { ProjectOverview } from '../../itx/handle.ts'
import { useItxStatus } from '../../itx/react/hooks.ts'
import { formatCount } from '../ui/formats.ts'
import { Panel } from '../ui/panel.tsx'
import { sumOf } from '../ui/series.ts'
import { Sparkline } from '../ui/sparkline.tsx'
import { courseOf } from './course.ts'
import { useSecondsSince } from './use-seconds-since.ts'

/** Seconds over which "now" is taken. */
const NOW_SECONDS = 5

/** How much comes in, who listens, and what is refused, second by second. */
export function Rates({ overview }: { readonly overview: ProjectOverview }) {
  const { at, appended, subscribers, subscribed, refused, refusals } = overview
  const on = useSecondsSince(overview)
  const isLive = useItxStatus().state === 'connected'
  // Whatever happens is told: while the tab is connected, no news is that nothing happened.
  const course = (values: readonly number[], meanwhile: number) =>
    courseOf(values, { at, on, meanwhile: isLive ? meanwhile : null })
  const stored = course(appended, 0)
  const now = sumOf(stored.slice(-NOW_SECONDS).map(({ value }) => value ?? 0)) / NOW_SECONDS
  return (
    <div className="grid gap-4 sm:grid-cols-2 xl:grid-cols-3">
      <div className="min-w-0 sm:max-xl:col-span-2">
        <Panel title="Appended" about={`Now ${formatCount(Math.round(now))} events a second`}>
          <Sparkline label="Events stored per second, the last 5 minutes" points={stored} format={formatCount} />
        </Panel>
      </div>
      <Panel title="Live subscriptions" about={`Now ${formatCount(subscribers)}`}>
        <Sparkline
          label="Live subscriptions per second, the last 5 minutes"
          points={course(subscribed, subscribers)}
          format={formatCount}
        />
      </Panel>
      <Panel
        title="Refused appends"
        about={
          refusals.length === 0 ? 'None in the last 5 minutes' : `${formatCount(sumOf(refused))} in the last 5 minutes`
        }
      >
        <Sparkline
          label="Appends refused per second, the last 5 minutes"
          points={course(refused, 0)}
          format={formatCount}
        />
      </Panel>
    </div>
  )
}
