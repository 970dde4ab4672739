import { type ReactNode, useId } from 'react'

export interface LabelledProps {
  readonly label: string
  /** The label is for screen readers alone, where the place says it to the eye. */
  readonly labelHidden?: boolean
  /** What is allowed, said before anything is wrong. */
  readonly hint?: string | undefined
  /** What is wrong with it now. */
  readonly error?: string | undefined
}

interface Ties {
  readonly id: string
  readonly 'aria-invalid': true | undefined
  readonly 'aria-describedby': string | undefined
}

interface FrameProps extends LabelledProps {
  /** The control, with what ties it to its label, hint and error. */
  readonly children: (ties: Ties) => ReactNode
}

/** A control with its label above, and hint and error below, tied to it. */
export function Labelled({ label, labelHidden = false, hint, error, children }: FrameProps) {
  const id = useId()
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div className="grid min-w-0 content-start gap-1">
      <label htmlFor={id} className={labelHidden ? 'sr-only' : 'text-base font-medium'}>
        {label}
      </label>
      {children({ id, 'aria-invalid': error ? true : undefined, 'aria-describedby': described || undefined })}
      {hint && (
        <p id={`${id}-hint`} className="text-small text-soft wrap-anywhere">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className="text-small text-danger wrap-anywhere">
          {error}
        </p>
      )}
    </div>
  )
}
