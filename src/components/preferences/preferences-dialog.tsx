import { Dialog } from '../ui/dialog.tsx'
import { lazily, useLazily } from '../ui/lazily.ts'

const choices = lazily(() => import('./choices.tsx'))

/** How one wants to see things: loaded when it first opens. */
export function PreferencesDialog({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const loaded = useLazily(choices, open)
  return (
    <Dialog open={open && loaded.status !== 'waiting'} onClose={onClose} title="Preferences">
      {loaded.status === 'loaded' ? <loaded.module.Choices /> : 'The preferences could not be loaded.'}
    </Dialog>
  )
}
