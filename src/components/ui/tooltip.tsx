import { type FocusEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { lazily, useLazily } from './lazily.ts'

const popup = lazily(() => import('./tooltip-popup.tsx'))

/** A pointer that rests this long asks. */
const REST_MS = 500
/** Who has just read one gets the next at once. */
const WARM_MS = 400
/** Long enough to move from the control onto its tooltip. */
const LEAVE_MS = 120

let lastClosed = -Infinity

interface TooltipProps {
  /** A line more about the control inside. Never its only name: that is its own label. */
  readonly text: string
  readonly place?: 'top' | 'bottom' | 'start' | 'end'
  /** One control that can be focused. */
  readonly children: ReactNode
}

/**
 * More about a control, for whoever rests on it with a pointer or comes to it by keyboard. Escape closes it, and a
 * pointer may move onto it (WCAG 1.4.13).
 */
export function Tooltip({ text, place = 'top', children }: TooltipProps) {
  const id = useId()
  const around = useRef<HTMLSpanElement>(null)
  /** The control itself: what is around it has no box to lie beside. */
  const control = useRef<Element | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const [open, setOpen] = useState(false)
  const loaded = useLazily(popup, open)
  const later = (ms: number, next: boolean) => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => change(next), ms)
  }
  const change = (next: boolean) => {
    clearTimeout(timer.current)
    control.current = around.current?.firstElementChild ?? null
    if (!next && open) lastClosed = performance.now()
    setOpen(next)
  }
  const focus = (event: FocusEvent) => {
    popup.preload()
    // Only where the focus is shown: a press with a pointer is no question.
    if (event.target.matches(':focus-visible')) change(true)
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    // What happens on the open tooltip arrives here too: moving onto it keeps it.
    <span
      ref={around}
      className="contents"
      onPointerEnter={() => popup.preload()}
      onPointerOver={() => later(performance.now() - lastClosed < WARM_MS ? 0 : REST_MS, true)}
      onPointerOut={() => later(LEAVE_MS, false)}
      onPointerDown={() => change(false)}
      onFocus={focus}
      onBlur={() => change(false)}
      onKeyDown={(event) => event.key === 'Escape' && change(false)}
    >
      {children}
      {open && loaded.status === 'loaded' && (
        <loaded.module.TooltipPopup id={id} text={text} place={place} control={control} onClose={() => change(false)} />
      )}
    </span>
  )
}
