import { type KeyboardEvent, type PointerEvent, useRef } from 'react'
import { ChevronIcon } from './icons.tsx'

interface ResizeHandleProps {
  /** What it makes wider and narrower: "Event drawer". */
  readonly label: string
  /** The id of what it resizes. */
  readonly controls: string
  /** At which of its edges the handle lies. */
  readonly edge: 'start' | 'end'
  /** In pixels, as are the bounds. */
  readonly size: number
  readonly min: number
  readonly max: number
  readonly onResize: (size: number) => void
  /** The width is final: after a key, a button or the end of a drag. Keep it now. */
  readonly onDone?: (size: number) => void
}

const STEP = 16
const LEAP = 64

/**
 * The edge of a pane, to be moved by dragging, by the arrow keys (Home and End for the bounds), or by its two buttons,
 * for those who cannot drag (WCAG 2.5.7).
 */
export function ResizeHandle(props: ResizeHandleProps) {
  const { label, controls, edge, size, min, max, onResize, onDone } = props
  /** Where the pointer took hold, and how wide the pane was then. */
  const grip = useRef<{ readonly x: number; readonly size: number; last: number } | null>(null)
  const clamped = (next: number) => Math.round(Math.min(Math.max(next, min), max))
  const set = (next: number) => {
    onResize(clamped(next))
    onDone?.(clamped(next))
  }
  /** What a way to the right adds to the size, on a page that reads from the left. */
  const direction = (element: Element) =>
    (edge === 'end' ? 1 : -1) * (getComputedStyle(element).direction === 'rtl' ? -1 : 1)

  const down = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return
    event.currentTarget.setPointerCapture(event.pointerId)
    grip.current = { x: event.clientX, size, last: size }
  }
  const move = (event: PointerEvent<HTMLDivElement>) => {
    const held = grip.current
    if (held === null) return
    held.last = clamped(held.size + direction(event.currentTarget) * (event.clientX - held.x))
    onResize(held.last)
  }
  const up = () => {
    if (grip.current) onDone?.(grip.current.last)
    grip.current = null
  }
  const key = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = event.shiftKey ? LEAP : STEP
    const right = direction(event.currentTarget) * step
    const next = { ArrowRight: size + right, ArrowLeft: size - right, Home: min, End: max }[event.key]
    if (next === undefined) return
    event.preventDefault()
    set(next)
  }
  return (
    <div className="resize-handle" data-edge={edge}>
      <div
        role="separator"
        tabIndex={0}
        aria-label={label}
        aria-controls={controls}
        aria-orientation="vertical"
        aria-valuenow={size}
        aria-valuemin={min}
        aria-valuemax={max}
        aria-valuetext={`${size} pixels`}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={up}
        onKeyDown={key}
        className="resize-bar"
      />
      <div className="resize-steps">
        <button type="button" onClick={() => set(size + LEAP)} disabled={size >= max}>
          <ChevronIcon className={edge === 'end' ? '' : 'rotate-180'} />
          <span className="sr-only">Widen {label}</span>
        </button>
        <button type="button" onClick={() => set(size - LEAP)} disabled={size <= min}>
          <ChevronIcon className={edge === 'end' ? 'rotate-180' : ''} />
          <span className="sr-only">Narrow {label}</span>
        </button>
      </div>
    </div>
  )
}
