import { type FocusEvent, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { Button } from './button.tsx'
import { CloseIcon } from './icons.tsx'
import { type QueuedToast, toasts } from './toast-queue.ts'

const NONE: readonly QueuedToast[] = []

/** How long the place for messages is there before its first text, so that a screen reader knows of it. */
const BEFORE_TEXT_MS = 100

/** Where the toasts of the page come up: once, at the end of the page. See `toasts.add`. */
export function Toasts() {
  const queued = useSyncExternalStore(toasts.subscribe, toasts.current, () => NONE)
  const [isKnown, setKnown] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setKnown(true), BEFORE_TEXT_MS)
    return () => {
      clearTimeout(timer)
      // The page goes with whoever held them: nobody else would let go.
      toasts.release()
    }
  }, [])
  const shown = isKnown ? queued : NONE
  /** What had the focus before it came here. */
  const cameFrom = useRef<HTMLElement | null>(null)
  const focus = (event: FocusEvent) => {
    if (event.currentTarget.contains(event.relatedTarget)) return
    cameFrom.current = event.relatedTarget instanceof HTMLElement ? event.relatedTarget : null
    toasts.hold()
  }
  const blur = (event: FocusEvent) => {
    if (!event.currentTarget.contains(event.relatedTarget)) toasts.release()
  }
  const close = (id: number) => {
    toasts.remove(id)
    // Its button goes, and the focus with it: back to the work.
    if (toasts.current().length === 0) cameFrom.current?.focus()
    toasts.release()
  }
  return (
    <section
      aria-label="Messages"
      onPointerEnter={toasts.hold}
      onPointerLeave={toasts.release}
      onFocus={focus}
      onBlur={blur}
      className="toasts"
    >
      {/* It is there before its text is, or a screen reader would not say it. */}
      <div role="status" className="grid justify-items-end gap-2">
        {shown.map((toast) => (
          <ToastCard key={toast.id} toast={toast} onClose={() => close(toast.id)} />
        ))}
      </div>
    </section>
  )
}

function ToastCard({ toast, onClose }: { readonly toast: QueuedToast; readonly onClose: () => void }) {
  const { text, action } = toast
  return (
    <div className="float pointer-events-auto flex max-w-full items-center gap-2 py-1 ps-3 pe-1">
      <p className="min-w-0 py-0.5 wrap-anywhere">{text}</p>
      {action && (
        <Button
          look="quiet"
          className="font-medium text-accent hover:text-accent"
          onClick={() => {
            action.onPress()
            onClose()
          }}
        >
          {action.label}
        </Button>
      )}
      <Button look="quiet" className="size-7 shrink-0 px-0" onClick={onClose}>
        <CloseIcon />
        <span className="sr-only">Close</span>
      </Button>
    </div>
  )
}
