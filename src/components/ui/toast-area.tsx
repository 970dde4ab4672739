import { useSyncExternalStore } from 'react'
import { lazily, useLazily } from './lazily.ts'
import { toastCall } from './toast-call.ts'

const area = lazily(() => import('./toasts.tsx'))

/** The toasts of a page, once in its frame. Nothing is loaded before there is one. */
export function ToastArea() {
  const called = useSyncExternalStore(toastCall.subscribe, toastCall.current, () => false)
  const loaded = useLazily(area, called)
  return loaded.status === 'loaded' ? <loaded.module.Toasts /> : null
}
