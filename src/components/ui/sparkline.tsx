import { type ReactNode, useId, useState } from 'react'
import { Moment } from './moment.tsx'
import { lazily, useLazily } from './lazily.ts'
import { type Point, summaryOf } from './series.ts'

export type { Point } from './series.ts'

const chart = lazily(() => import('./sparkline-chart.tsx'))

interface SparklineProps {
  /** What it shows: "Appends per second, last 5 minutes". */
  readonly label: string
  /** What stands around it says so already, and tells its last value: both are for screen readers alone then. */
  readonly labelHidden?: boolean
  /** In order of time. */
  readonly points: readonly Point[]
  /** A value in words: `formatCount`, `formatBytes`. */
  readonly format: (value: number) => string
}

/** The course of a number: drawn small, said in words, and there as a table for whoever wants the numbers. */
export function Sparkline({ label, labelHidden = false, points, format }: SparklineProps) {
  const id = useId()
  const summary = summaryOf(points)
  const loaded = useLazily(chart, summary !== null)
  return (
    <figure aria-labelledby={id} className="grid min-w-0 content-start gap-1">
      <figcaption
        id={id}
        className={
          labelHidden ? 'sr-only' : 'flex flex-wrap items-baseline justify-between gap-x-3 text-small text-soft'
        }
      >
        <span>{label}</span>
        {summary && <span className="font-medium text-ink">{format(summary.last)}</span>}
      </figcaption>
      <div className="sparkline">
        {summary === null && <p className="grid h-full place-items-center text-small text-faint">No data yet</p>}
        {summary !== null && loaded.status === 'failed' && (
          <p className="grid h-full place-items-center text-small text-faint">The chart could not be loaded.</p>
        )}
        {summary !== null && loaded.status === 'loaded' && <loaded.module.SparklineChart points={points} />}
      </div>
      {summary && (
        <>
          <p className="text-micro text-faint">
            {summary.least === summary.most
              ? `always ${format(summary.most)}`
              : `from ${format(summary.least)} to ${format(summary.most)}`}
          </p>
          <Numbers label={label} points={points} format={format} />
        </>
      )}
    </figure>
  )
}

/** The same as a table; its rows are made when it is opened. */
function Numbers({ label, points, format }: Omit<SparklineProps, 'labelHidden'>) {
  const [open, setOpen] = useState(false)
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)} className="text-small">
      <summary className="w-fit min-h-6 rounded-sm text-accent">
        As a table<span className="sr-only">: {label}</span>
      </summary>
      {open && (
        <div role="group" aria-label={label} tabIndex={0} className="table-area max-h-48 border-y border-line">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col" className="numeric">
                  Value
                </th>
              </tr>
            </thead>
            <tbody>
              {points.map(({ at, value }) => (
                <Row key={at} at={at}>
                  {value === null ? <span className="text-faint">none</span> : format(value)}
                </Row>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  )
}

function Row({ at, children }: { readonly at: number; readonly children: ReactNode }) {
  return (
    <tr>
      <td>
        <Moment iso={new Date(at).toISOString()} />
      </td>
      <td className="numeric">{children}</td>
    </tr>
  )
}
