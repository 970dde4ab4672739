import { type ReactNode, useId, useRef, useState } from 'react'
import { type ButtonLook, buttonClass } from './button.tsx'
import { lazily, useLazily } from './lazily.ts'
import type { MenuPlace } from './menu-items.ts'

const popup = lazily(() => import('./popover-popup.tsx'))

interface PopoverButtonProps {
  /** What the button shows. An icon alone needs `label` as well. */
  readonly button: ReactNode
  /** The button's name, where what it shows is no name; what opens has the same. */
  readonly label?: string
  readonly look?: ButtonLook
  readonly className?: string
  readonly place?: MenuPlace
  readonly disabled?: boolean
  /** What opens: a few fields, something to read. It is given the way to close itself. */
  readonly children: (close: () => void) => ReactNode
}

/** A button that opens something small beside it, which is no menu. What it is made of is loaded when it is near. */
export function PopoverButton(props: PopoverButtonProps) {
  const { button, label, look = 'plain', className = '', place = 'bottom start', disabled = false, children } = props
  const id = useId()
  const trigger = useRef<HTMLButtonElement>(null)
  const [open, setOpen] = useState(false)
  const loaded = useLazily(popup, open)
  const close = () => setOpen(false)
  const press = () => {
    // A press on what could not be loaded tries again.
    popup.preload()
    setOpen(!open || loaded.status === 'failed')
  }
  return (
    <>
      <button
        ref={trigger}
        id={id}
        type="button"
        disabled={disabled}
        aria-label={label}
        title={label}
        aria-haspopup="dialog"
        aria-expanded={open && loaded.status === 'loaded'}
        aria-busy={(open && loaded.status === 'waiting') || undefined}
        onPointerEnter={popup.preload}
        onFocus={popup.preload}
        onClick={press}
        className={`${buttonClass(look)} ${className}`}
      >
        {button}
      </button>
      {open && loaded.status === 'failed' && (
        <span role="alert" className="text-small text-danger">
          This could not be loaded. Press again to retry.
        </span>
      )}
      {open && loaded.status === 'loaded' && (
        <loaded.module.PopoverPopup labelledBy={id} trigger={trigger} place={place} onClose={close}>
          {children(close)}
        </loaded.module.PopoverPopup>
      )}
    </>
  )
}
