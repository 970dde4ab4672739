import { ClockIcon } from '../ui/icons.tsx'
import { lazily, useLazily } from '../ui/lazily.ts'
import { PopoverButton } from '../ui/popover.tsx'
import type { GoToProps } from './go-to-form.tsx'

const form = lazily(() => import('./go-to-form.tsx'))

/** Opens an event by its time or its offset. */
export function GoTo(props: Omit<GoToProps, 'onDone'>) {
  return (
    <PopoverButton button={<ClockIcon />} label="Go to an event" look="quiet" place="bottom end" className="px-1.5">
      {(close) => <Loaded {...props} onDone={close} />}
    </PopoverButton>
  )
}

function Loaded(props: GoToProps) {
  const loaded = useLazily(form, true)
  if (loaded.status === 'loaded') return <loaded.module.GoToForm {...props} />
  return (
    <p role="status" className="text-small text-soft">
      {loaded.status === 'failed' ? 'This could not be loaded. Close it and open it again.' : 'Loading…'}
    </p>
  )
}
