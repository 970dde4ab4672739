import { toastCall } from './toast-call.ts'

/** Something that was done, said in passing. Errors belong where the work is, never only here. */
export interface Toast {
  readonly text: string
  /** What can be done about it: Undo. */
  readonly action?: { readonly label: string; readonly onPress: () => void }
}

export interface QueuedToast extends Toast {
  readonly id: number
}

/** How long one stays: long enough to read it, longer when there is something to press (WCAG 2.2.1). */
export const TOAST_MS = 6000
export const TOAST_WITH_ACTION_MS = 12_000
/** More at once nobody reads: the oldest gives way. */
const MOST = 3

export interface ToastClock {
  readonly now: () => number
  readonly after: (ms: number, run: () => void) => () => void
}

const BROWSER_CLOCK: ToastClock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/**
 * The toasts of a page. Time stands still for all of them while somebody points at one or is in it with the focus:
 * `hold` and `release`.
 *
 * @param onAdd told before each
 */
export function createToastQueue(clock: ToastClock = BROWSER_CLOCK, onAdd: () => void = () => {}) {
  let toasts: readonly QueuedToast[] = []
  let nextId = 1
  let held = false
  /** What is left for each, and since when it runs. */
  const times = new Map<number, { left: number; since: number; stop: () => void }>()
  const listeners = new Set<() => void>()

  const become = (next: readonly QueuedToast[]) => {
    toasts = next
    for (const changed of listeners) changed()
  }
  const remove = (id: number) => {
    times.get(id)?.stop()
    times.delete(id)
    become(toasts.filter((each) => each.id !== id))
  }
  const run = (id: number, left: number) => {
    times.set(id, { left, since: clock.now(), stop: clock.after(left, () => remove(id)) })
  }

  return {
    add(toast: Toast): number {
      onAdd()
      const id = nextId++
      const [oldest] = toasts
      if (oldest && toasts.length >= MOST) remove(oldest.id)
      become([...toasts, { ...toast, id }])
      const left = toast.action ? TOAST_WITH_ACTION_MS : TOAST_MS
      if (held) times.set(id, { left, since: clock.now(), stop: () => {} })
      else run(id, left)
      return id
    },
    remove,
    hold() {
      if (held) return
      held = true
      for (const [id, { left, since, stop }] of times) {
        stop()
        times.set(id, { left: left - (clock.now() - since), since, stop: () => {} })
      }
    },
    release() {
      if (!held) return
      held = false
      // None goes the moment it is let go of.
      for (const [id, { left }] of times) run(id, Math.max(left, 1000))
    },
    current: () => toasts,
    subscribe(changed: () => void) {
      listeners.add(changed)
      return () => {
        listeners.delete(changed)
      }
    },
  }
}

/** The toasts of this tab: `toasts.add({ text: 'Stream paused', action: { label: 'Undo', onPress } })`. */
export const toasts = createToastQueue(BROWSER_CLOCK, toastCall.ring)
