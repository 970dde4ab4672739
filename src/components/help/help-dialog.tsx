import type { ProjectInfo } from '../../itx/handle.ts'
import type { StreamPath } from '../../streams/path.ts'
import { Dialog } from '../ui/dialog.tsx'
import { lazily, useLazily } from '../ui/lazily.ts'

const help = lazily(() => import('./help.tsx'))

export interface HelpDialogProps {
  readonly project: ProjectInfo | undefined
  /** The stream that is open, for what is to be pasted. */
  readonly path: StreamPath | null
  readonly open: boolean
  readonly onClose: () => void
}

/** The help: loaded when it first opens. */
export function HelpDialog({ open, ...rest }: HelpDialogProps) {
  const loaded = useLazily(help, open)
  return (
    <Dialog open={open && loaded.status !== 'waiting'} onClose={rest.onClose} title="Help" wide>
      {loaded.status === 'loaded' ? <loaded.module.Help {...rest} /> : 'The help could not be loaded.'}
    </Dialog>
  )
}
