import type { ComponentProps } from 'react'
import { Labelled, type LabelledProps } from './labelled.tsx'

type Control<Tag extends 'input' | 'textarea' | 'select'> = LabelledProps &
  Omit<ComponentProps<Tag>, keyof LabelledProps | 'id'>

/** A labelled input; hint and error are tied to it. */
export function Field({ label, labelHidden = false, hint, error, className = '', ...input }: Control<'input'>) {
  return (
    <Labelled label={label} labelHidden={labelHidden} hint={hint} error={error}>
      {(ties) => <input className={`field ${className}`} {...input} {...ties} />}
    </Labelled>
  )
}

/** A labelled text of several lines. It grows with what is typed, where the browser can. */
export function TextArea({ label, labelHidden = false, hint, error, className = '', ...area }: Control<'textarea'>) {
  return (
    <Labelled label={label} labelHidden={labelHidden} hint={hint} error={error}>
      {(ties) => <textarea rows={3} className={`field text-area ${className}`} {...area} {...ties} />}
    </Labelled>
  )
}

/** A labelled choice of one among many: the browser's own list, which every phone and keyboard knows. */
export function Select({ label, labelHidden = false, hint, error, className = '', ...select }: Control<'select'>) {
  return (
    <Labelled label={label} labelHidden={labelHidden} hint={hint} error={error}>
      {(ties) => (
        <span className="select-around">
          <select className={`field select ${className}`} {...select} {...ties} />
        </span>
      )}
    </Labelled>
  )
}
