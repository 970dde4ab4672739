import { useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { CatalogueRow, ParkedProcessor, ProjectInfo } from '../../itx/handle.ts'
import { itxKey } from '../../itx/queries.ts'
import { useItxMutation } from '../../itx/react/hooks.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { StreamLink } from '../stream/stream-link.tsx'
import { Button } from '../ui/button.tsx'
import { Failure } from '../ui/failure.tsx'
import { formatCount } from '../ui/formats.ts'
import { PauseIcon, WarnIcon } from '../ui/icons.tsx'
import { Moment } from '../ui/moment.tsx'
import { toasts } from '../ui/toast-queue.ts'

interface LineProps {
  readonly project: ProjectInfo
  /** Whether the reader may set it going. */
  readonly mayAct: boolean
  /** It goes again, and its line is about to go. */
  readonly onDone: () => void
}

/** A paused stream, and the way to resume it. */
export function PausedLine({ row, project, mayAct, onDone }: LineProps & { readonly row: CatalogueRow }) {
  const { path } = row
  const name = visibleName(path)
  const done = useDone(project, `Resumed ${name}`, onDone)
  const resume = useItxMutation(project.id, async (handle) => {
    using stream = handle.streams.get(path)
    await stream.resume()
  })
  return (
    <Line
      icon={<PauseIcon className="self-center text-warn" />}
      project={project}
      path={path}
      at={row.lastEventAt}
      error={resume.error}
      says="paused: its appends are refused"
    >
      {mayAct && (
        <Button
          aria-label={`Resume ${name}`}
          aria-disabled={resume.isPending}
          onClick={() => !resume.isPending && resume.mutate(undefined, { onSuccess: done })}
        >
          {resume.isPending ? 'Resuming…' : 'Resume'}
        </Button>
      )}
    </Line>
  )
}

/** A parked processor: what it failed at, and the ways to set it going. */
export function ParkedLine({ parked, project, mayAct, onDone }: LineProps & { readonly parked: ParkedProcessor }) {
  const { path, processor, offset } = parked
  const name = visibleName(processor)
  const done = useDone(project, `Restarted ${name} of ${visibleName(path)}`, onDone)
  const restart = useItxMutation(project.id, async (handle, from: 'checkpoint' | 'skip') => {
    using stream = handle.streams.get(path)
    await stream.restart(processor, { from })
  })
  const set = (from: 'checkpoint' | 'skip') => !restart.isPending && restart.mutate(from, { onSuccess: done })
  return (
    <Line
      icon={<WarnIcon className="self-center text-danger" />}
      project={project}
      path={path}
      at={parked.at}
      error={restart.error}
      says={
        <>
          <span className="font-medium">{name}</span> stands before offset {formatCount(offset)}:{' '}
          <span className="foreign">{visibleName(parked.error)}</span>
        </>
      }
    >
      {mayAct && (
        <>
          <Button
            aria-label={`Restart ${name} of ${visibleName(path)}`}
            title="Tries the same event again"
            aria-disabled={restart.isPending}
            onClick={() => set('checkpoint')}
          >
            {restart.isPending ? 'Restarting…' : 'Restart'}
          </Button>
          <Button
            aria-label={`Restart ${name} of ${visibleName(path)} after offset ${offset}`}
            title={`Goes on after offset ${formatCount(offset)}: what it would have done for that event is left out`}
            aria-disabled={restart.isPending}
            onClick={() => set('skip')}
          >
            Skip the event
          </Button>
        </>
      )}
    </Line>
  )
}

interface LineParts {
  readonly icon: ReactNode
  readonly project: ProjectInfo
  readonly path: string
  readonly says: ReactNode
  /** Since when it stands still, or nothing came. */
  readonly at: string
  readonly error: Error | null
  readonly children: ReactNode
}

function Line({ icon, project, path, says, at, error, children }: LineParts) {
  return (
    <li className="grid gap-2 px-4 py-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        {icon}
        <StreamLink project={project.slug} path={path} className="link foreign min-w-0 font-mono wrap-anywhere">
          {visibleName(path)}
        </StreamLink>
        <span className="min-w-0 flex-1 basis-48 wrap-anywhere text-soft">{says}</span>
        <span className="text-small text-soft">
          <Moment iso={at} />
        </span>
        <span className="flex flex-wrap gap-2">{children}</span>
      </div>
      {error && <Failure error={error} isAct />}
    </li>
  )
}

/** What follows when something goes again: it is said, and what stands still is asked for anew. */
function useDone(project: ProjectInfo, text: string, onDone: () => void): () => void {
  const queryClient = useQueryClient()
  return () => {
    toasts.add({ text })
    onDone()
    void queryClient.invalidateQueries({ queryKey: itxKey.project(project.id, 'overview') })
  }
}
