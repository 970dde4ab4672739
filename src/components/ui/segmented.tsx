import { type ReactNode, useId } from 'react'

interface SegmentedProps<Value extends string> {
  /** What is chosen; shown only when `labelled`. */
  readonly label: string
  readonly labelled?: boolean
  readonly value: Value
  readonly options: readonly { readonly value: Value; readonly label: string; readonly icon?: ReactNode }[]
  readonly onChange: (value: Value) => void
  readonly disabled?: boolean
}

/** One of two to five, all in sight: radio buttons in a row. More of them are a `Select`. */
export function Segmented<Value extends string>(props: SegmentedProps<Value>) {
  const { label, labelled = false, value, options, onChange, disabled = false } = props
  const name = useId()
  return (
    <fieldset className="grid min-w-0 gap-1" disabled={disabled}>
      <legend className={labelled ? 'mb-1 text-base font-medium' : 'sr-only'}>{label}</legend>
      <div className="segments">
        {options.map((option) => (
          <label key={option.value} className="segment">
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
              className="sr-only"
            />
            {option.icon}
            {option.label}
          </label>
        ))}
      </div>
    </fieldset>
  )
}
