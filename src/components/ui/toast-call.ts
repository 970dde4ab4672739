let called = false
const listeners = new Set<() => void>()

/** Whether the tab has had a toast: what shows them, and what keeps them, is loaded by whoever has something to say. */
export const toastCall = {
  ring() {
    if (called) return
    called = true
    for (const changed of listeners) changed()
  },
  current: () => called,
  subscribe(changed: () => void) {
    listeners.add(changed)
    return () => {
      listeners.delete(changed)
    }
  },
}
