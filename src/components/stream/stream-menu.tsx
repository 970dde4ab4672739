import type { ProjectInfo } from '../../itx/handle.ts'
import { useItxMutation } from '../../itx/react/hooks.ts'
import { type StreamPath, ROOT_PATH } from '../../streams/path.ts'
import { DeleteIcon, DownloadIcon, MoreIcon, PauseIcon, PlayIcon } from '../ui/icons.tsx'
import { lazily, useLazily } from '../ui/lazily.ts'
import { MenuButton, type MenuItem } from '../ui/menu.tsx'
import type { StreamAct, StreamActProps } from './stream-acts.tsx'
import type { HeaderState } from './stream-header.tsx'

const acts = lazily(() => import('./stream-acts.tsx'))

interface StreamMenuProps {
  readonly project: ProjectInfo
  readonly path: StreamPath
  readonly state: HeaderState | undefined
  readonly onAct: (act: StreamAct) => void
}

/** What the reader may do with the whole stream. */
export function StreamMenu({ project, path, state, onAct }: StreamMenuProps) {
  const resume = useItxMutation(project.id, async (handle, to: string) => {
    using stream = handle.streams.get(to)
    await stream.resume()
  })
  if (!state?.exists) return null
  const isAdmin = project.role === 'admin'
  const isOperator = isAdmin || project.role === 'operator'
  const items: MenuItem[] = [
    { id: 'download', label: 'Download its events', icon: <DownloadIcon />, onAction: () => onAct('download') },
  ]
  if (isOperator && !state.closed) {
    items.push(
      state.paused
        ? { id: 'resume', label: 'Resume it', icon: <PlayIcon />, onAction: () => resume.mutate(path) }
        : { id: 'pause', label: 'Pause it…', icon: <PauseIcon />, onAction: () => onAct('pause') },
    )
  }
  if (isAdmin && path !== ROOT_PATH) {
    items.push({
      id: 'delete',
      label: 'Delete it…',
      icon: <DeleteIcon />,
      tone: 'danger',
      onAction: () => onAct('delete'),
    })
  }
  return (
    <>
      {resume.error && (
        <span role="alert" className="me-2 text-small text-danger">
          Not resumed: {resume.error.message}
        </span>
      )}
      <MenuButton
        label="Actions on this stream"
        place="bottom end"
        className="px-1.5"
        sections={[{ id: 'acts', items }]}
        onNear={acts.preload}
      >
        <MoreIcon />
      </MenuButton>
    </>
  )
}

/** An act under way. What it is made of is loaded with the menu. */
export function Act(props: StreamActProps) {
  const loaded = useLazily(acts, true)
  if (loaded.status === 'loaded') return <loaded.module.StreamActPart {...props} />
  if (loaded.status === 'waiting') return null
  return (
    <p role="alert" className="border-b border-line px-4 py-2 text-danger">
      This could not be loaded. Choose it again to retry.
    </p>
  )
}
