import { Button } from './button.tsx'
import { formatCount } from './formats.ts'

interface ProgressProps {
  /** What is going on: "Importing events". */
  readonly label: string
  /** How much is done, in what `unit` counts. */
  readonly done: number
  /** How much there is; absent while nobody knows. */
  readonly total?: number | undefined
  /** What is counted: "events". */
  readonly unit: string
  /** More to say: "37 found". */
  readonly note?: string | undefined
  /** Ends it; absent for what cannot be ended. */
  readonly onCancel?: (() => void) | undefined
  /** What its button says: "Stop" keeps what was done, "Cancel" does not. */
  readonly cancel?: string
}

/** Long work: how far it is, in numbers, and the way to end it. */
export function Progress({ label, done, total, unit, note, onCancel, cancel = 'Cancel' }: ProgressProps) {
  const counts =
    total === undefined ? `${formatCount(done)} ${unit}` : `${formatCount(done)} of ${formatCount(total)} ${unit}`
  return (
    <div className="grid min-w-0 gap-1">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="font-medium">{label}</span>
        <span className="me-auto text-small text-soft">
          {counts}
          {note !== undefined && `, ${note}`}
        </span>
        {onCancel && <Button onClick={onCancel}>{cancel}</Button>}
      </div>
      <progress
        className="progress"
        aria-label={label}
        aria-valuetext={counts}
        {...(total !== undefined && { value: done, max: Math.max(total, 1) })}
      />
    </div>
  )
}
