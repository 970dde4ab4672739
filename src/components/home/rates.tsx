import type { ReactNode } from 'react'
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
        <Rate title="Appended" now={`${formatCount(Math.round(now))} a second`}>
          <Sparkline
            label="Events stored per second, the last 5 minutes"
            labelHidden
            points={stored}
            format={formatCount}
          />
        </Rate>
      </div>
      <Rate title="Live subscriptions" now={`${formatCount(subscribers)} now`}>
        <Sparkline
          label="Live subscriptions per second, the last 5 minutes"
          labelHidden
          points={course(subscribed, subscribers)}
          format={formatCount}
        />
      </Rate>
      <Rate
        title="Refused appends"
        now={refusals.length === 0 ? 'none' : `${formatCount(sumOf(refused))} in 5 minutes`}
      >
        <Sparkline
          label="Appends refused per second, the last 5 minutes"
          labelHidden
          points={course(refused, 0)}
          format={formatCount}
        />
      </Rate>
    </div>
  )
}

interface RateProps {
  readonly title: string
  /** Where it stands at the moment. */
  readonly now: string
  readonly children: ReactNode
}

function Rate({ title, now, children }: RateProps) {
  return (
    <Panel title={title} actions={<p className="text-body">{now}</p>}>
      {children}
    </Panel>
  )
}
