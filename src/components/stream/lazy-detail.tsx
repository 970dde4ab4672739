import type { EncodedEvent } from '../../streams/event.ts'
import { lazily, useLazily } from '../ui/lazily.ts'

const detail = lazily(() => import('./event-detail.tsx'))

/** Begins to load what shows an event: when a pointer or the focus comes near one. */
export const preloadDetail = detail.preload

/** Everything that is stored of an event: loaded when the first one is opened. */
export function Detail({ event }: { readonly event: EncodedEvent }) {
  const loaded = useLazily(detail, true)
  if (loaded.status === 'loaded') return <loaded.module.EventDetail event={event} />
  return (
    <p role="status" className="px-8 py-2 text-small text-faint">
      {loaded.status === 'failed' ? 'The event could not be shown. Close it and open it again.' : 'Loading…'}
    </p>
  )
}
