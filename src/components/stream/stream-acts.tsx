import { useNavigate } from '@tanstack/react-router'
import { type SubmitEvent, useEffect, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { streamStateQuery } from '../../itx/queries.ts'
import { useItxMutation, useItxQuery } from '../../itx/react/hooks.ts'
import { useItxConnection } from '../../itx/react/provider.ts'
import { type StreamPath, parentPath } from '../../streams/path.ts'
import { Button } from '../ui/button.tsx'
import { ConfirmDialog, Dialog } from '../ui/dialog.tsx'
import { Field } from '../ui/field.tsx'
import { Failure } from '../ui/failure.tsx'
import { counted, formatCount } from '../ui/formats.ts'
import { Notice } from '../ui/notice.tsx'
import { Progress } from '../ui/progress.tsx'
import { toasts } from '../ui/toast-queue.ts'
import { eventLines } from './event-lines.ts'
import { visibleName } from './foreign-text.ts'
import { streamHref } from './stream-link.tsx'

/** What can be done with a whole stream. */
export type StreamAct = 'download' | 'pause' | 'delete'

export interface StreamActProps {
  readonly project: ProjectInfo
  readonly path: StreamPath
  readonly act: StreamAct
  readonly onDone: () => void
}

/** What one act asks, how far it is, and what went wrong with it: where the stream is, below its name. */
export function StreamActPart(props: StreamActProps) {
  switch (props.act) {
    case 'download':
      return <Download {...props} />
    case 'pause':
      return <Pause {...props} />
    case 'delete':
      return <Delete {...props} />
  }
}

type Downloading =
  | { readonly kind: 'running'; readonly done: number; readonly total: number | undefined }
  | { readonly kind: 'saved'; readonly events: number }
  | { readonly kind: 'failed'; readonly error: unknown }

/** Saves the events as a file of lines. Nothing is saved unless all of them came. */
function Download({ project, path, onDone }: StreamActProps) {
  const connection = useItxConnection()
  const [state, setState] = useState<Downloading>({ kind: 'running', done: 0, total: undefined })
  const [attempt, setAttempt] = useState(1)
  useEffect(() => {
    if (connection === null) return
    const stopping = new AbortController()
    const { signal } = stopping
    const run = async () => {
      using handle = await connection.project(project.id)
      using stream = handle.streams.get(path)
      const parts: Blob[] = []
      let events = 0
      const onProgress = (done: number, total: number) => {
        events = done
        setState({ kind: 'running', done, total })
      }
      for await (const lines of eventLines(stream, { onProgress, signal })) parts.push(new Blob([lines]))
      signal.throwIfAborted()
      save(new Blob(parts, { type: 'application/x-ndjson' }), fileName(path))
      setState({ kind: 'saved', events })
    }
    run().catch((error: unknown) => {
      if (!signal.aborted) setState({ kind: 'failed', error })
    })
    return () => stopping.abort()
  }, [connection, project.id, path, attempt])
  const again = () => {
    setState({ kind: 'running', done: 0, total: undefined })
    setAttempt(attempt + 1)
  }
  return (
    <Strip>
      {state.kind === 'running' && (
        <Progress label="Downloading events" done={state.done} total={state.total} unit="events" onCancel={onDone} />
      )}
      {state.kind === 'saved' && (
        <Notice>
          Downloaded {counted(state.events, 'event')}, one a line.
          <Button look="quiet" className="ms-3" onClick={onDone}>
            Close
          </Button>
        </Notice>
      )}
      {state.kind === 'failed' && (
        <div className="flex flex-wrap items-center gap-2">
          <div className="min-w-0 flex-1">
            <Failure error={state.error} onRetry={again} />
          </div>
          <Button look="quiet" onClick={onDone}>
            Close
          </Button>
        </div>
      )}
    </Strip>
  )
}

function Pause({ project, path, onDone }: StreamActProps) {
  const pause = useItxMutation(project.id, async (handle, reason: string) => {
    using stream = handle.streams.get(path)
    await stream.pause(reason === '' ? undefined : reason)
  })
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    pause.mutate(String(new FormData(event.currentTarget).get('reason')).trim(), { onSuccess: onDone })
  }
  return (
    <Dialog open onClose={onDone} title={`Pause ${visibleName(path)}`} busy={pause.isPending}>
      <form onSubmit={submit} className="grid gap-4">
        <p>Its events can be read as before. Appends are refused until somebody resumes it.</p>
        <Field label="Reason" name="reason" maxLength={500} autoFocus hint="Told to those whose appends are refused." />
        {pause.error && <Failure error={pause.error} isAct />}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onDone} disabled={pause.isPending}>
            Cancel
          </Button>
          <Button look="main" type="submit" disabled={pause.isPending}>
            {pause.isPending ? 'Pausing…' : 'Pause the stream'}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Of those below, this many are named. */
const MOST_NAMED = 5

function Delete({ project, path, onDone }: StreamActProps) {
  const navigate = useNavigate()
  const { data: state } = useItxQuery(streamStateQuery(project.id, path))
  const remove = useItxMutation(project.id, async (handle, from: string) => {
    using stream = handle.streams.get(from)
    return await stream.delete({ recursive: true })
  })
  const confirm = async () => {
    const { deleted } = await remove.mutateAsync(path)
    const below = deleted > 1 ? ` and ${counted(deleted - 1, 'stream')} below it` : ''
    toasts.add({ text: `Deleted ${visibleName(path)}${below}` })
    await navigate({ href: streamHref(project.slug, parentPath(path) ?? '/') })
  }
  const below = state?.descendantCount ?? 0
  const named = state?.children.slice(0, MOST_NAMED) ?? []
  return (
    <ConfirmDialog
      open
      onClose={onDone}
      title={`Delete ${visibleName(path)}?`}
      typed={{ text: path, what: 'its path' }}
      action={below > 0 ? `Delete ${counted(below + 1, 'stream')}` : 'Delete the stream'}
      onConfirm={confirm}
    >
      <p>What goes, for good:</p>
      <ul className="list-disc ps-5">
        <li>
          {state ? counted(state.eventCount, 'event') : 'all events'} of{' '}
          <span className="foreign font-mono">{visibleName(path)}</span>
        </li>
        {below > 0 && (
          <li>
            {counted(below, 'stream')} below it, with all their events
            <ul className="list-disc ps-5 text-soft">
              {named.map((child) => (
                <li key={child.path} className="foreign font-mono text-small">
                  {visibleName(child.path)}
                </li>
              ))}
              {below > named.length && <li className="text-small">and {formatCount(below - named.length)} more</li>}
            </ul>
          </li>
        )}
      </ul>
    </ConfirmDialog>
  )
}

function Strip({ children }: { readonly children: React.ReactNode }) {
  return <div className="border-b border-line px-4 py-2">{children}</div>
}

/** A name that every file system takes. */
function fileName(path: string): string {
  const plain = path.replaceAll(/[^\w.-]+/g, '-').replaceAll(/^[-.]+|-+$/g, '')
  return `${plain.slice(0, 100) || 'stream'}.ndjson`
}

function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // Not at once: the browser has yet to begin.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
