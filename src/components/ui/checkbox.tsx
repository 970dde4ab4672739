import { type ComponentProps, type ReactNode, useId } from 'react'

interface CheckProps extends Omit<ComponentProps<'input'>, 'type'> {
  readonly label: ReactNode
  /** What follows from it, in a line. */
  readonly hint?: string
}

/** Yes or no, taken over when the form is sent. */
export function Checkbox({ label, hint, className = '', ...input }: CheckProps) {
  return (
    <Check label={label} hint={hint}>
      {(described) => (
        <input type="checkbox" aria-describedby={described} className={`checkbox ${className}`} {...input} />
      )}
    </Check>
  )
}

/** On or off, at once. */
export function Switch({ label, hint, className = '', ...input }: CheckProps) {
  return (
    <Check label={label} hint={hint}>
      {(described) => (
        <input
          type="checkbox"
          role="switch"
          aria-describedby={described}
          className={`switch ${className}`}
          {...input}
        />
      )}
    </Check>
  )
}

interface FrameProps {
  readonly label: ReactNode
  readonly hint: string | undefined
  readonly children: (described: string | undefined) => ReactNode
}

/** The words belong to what is pressed: nobody has to hit the box. */
function Check({ label, hint, children }: FrameProps) {
  const id = useId()
  return (
    <div className="grid min-w-0">
      <label className="flex min-h-7 items-center gap-2 text-base has-disabled:text-faint">
        {children(hint === undefined ? undefined : id)}
        <span className="min-w-0 wrap-anywhere">{label}</span>
      </label>
      {hint !== undefined && (
        <p id={id} className="text-small text-soft wrap-anywhere">
          {hint}
        </p>
      )}
    </div>
  )
}
