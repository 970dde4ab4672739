import { useQueryClient } from '@tanstack/react-query'
import type { ProjectContents, ProjectInfo } from '../../itx/handle.ts'
import { projectContentsQuery } from '../../itx/queries.ts'
import { useItxMutation, useItxQuery } from '../../itx/react/hooks.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Failure } from '../ui/failure.tsx'
import { counted, formatBytes } from '../ui/formats.ts'
import { toasts } from '../ui/toast-queue.ts'
import { noteDeleted } from './project-cache.ts'

interface DeleteProjectDialogProps {
  readonly project: ProjectInfo
  readonly onClose: () => void
  /** It is gone: lead the reader away from what was there, before this tab forgets it. */
  readonly onDeleted: () => void | Promise<void>
}

/** Says what goes with a project, and deletes it once its slug was typed. */
export function DeleteProjectDialog({ project, onClose, onDeleted }: DeleteProjectDialogProps) {
  const queryClient = useQueryClient()
  const contents = useItxQuery(projectContentsQuery(project.id))
  const remove = useItxMutation(project.id, (handle) => handle.delete())
  const confirm = async () => {
    await remove.mutateAsync(undefined)
    await onDeleted()
    noteDeleted(queryClient, project)
    toasts.add({ text: `Deleted ${visibleName(project.name)}${contents.data ? `: ${inShort(contents.data)}` : ''}.` })
  }
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={`Delete ${visibleName(project.name)}?`}
      typed={{ text: project.slug, what: 'its slug' }}
      action="Delete the project"
      onConfirm={confirm}
    >
      <p>All of it goes for good, and nothing brings it back:</p>
      <Goes contents={contents.data} />
      {contents.error && !contents.data && (
        <Failure error={contents.error} onRetry={() => void contents.refetch()} busy={contents.isFetching} />
      )}
      <p role="status" className="text-soft">
        {remove.isPending
          ? `Deleting ${contents.data ? inShort(contents.data) : 'the project'}…`
          : !contents.data && !contents.error && 'Counting what is in it…'}
      </p>
    </ConfirmDialog>
  )
}

/** What goes; without the counts, while they are on their way or cannot be had. */
function Goes({ contents }: { readonly contents: ProjectContents | undefined }) {
  const lines = contents
    ? [
        `${counted(contents.streams, 'stream')} with ${counted(contents.events, 'event')}`,
        `${formatBytes(contents.bytes)} on the disk`,
        `the roles of ${counted(contents.members, 'member')}`,
        `${counted(contents.tokens, 'token')}; programs that use one are cut off`,
      ]
    : ['its streams and their events', 'the roles of its members', 'its tokens; programs that use one are cut off']
  return (
    <ul className="list-disc ps-5">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  )
}

function inShort({ streams, events }: ProjectContents): string {
  return `${counted(streams, 'stream')}, ${counted(events, 'event')}`
}
