import { useQueryClient } from '@tanstack/react-query'
import type { ProjectInfo } from '../../itx/handle.ts'
import { itxKey, navigationOf, streamStateQuery } from '../../itx/queries.ts'
import { useItxQuery, useStreamTail } from '../../itx/react/hooks.ts'
import { type StreamPath, ROOT_PATH } from '../../streams/path.ts'
import { AskedEvent } from './asked-event.tsx'
import { Composer } from './composer.tsx'
import { EventLog } from './event-log.tsx'
import { HowToAppend } from './how-to-append.tsx'
import { StreamFailure } from './stream-failure.tsx'
import { type HeaderState, StreamHeader } from './stream-header.tsx'

interface StreamPageProps {
  readonly project: ProjectInfo
  readonly path: StreamPath
  /** The address of this instance, for commands to paste. */
  readonly origin: string
  /** The offset of the event that the address asks for. */
  readonly at?: number | undefined
}

/** One stream: what it is, its events as they come, and a place to append. Give it the path as its key. */
export function StreamPage({ project, path, origin, at }: StreamPageProps) {
  const queryClient = useQueryClient()
  const query = streamStateQuery(project.id, path)
  const known = useItxQuery(query)
  const tail = useStreamTail(project.id, path)
  const state: HeaderState | undefined = tail.state
    ? { ...navigationOf(tail.state, path), pauseReason: tail.state.pauseReason }
    : known.data
  const absent = state?.exists === false && tail.events.length === 0
  const onAppended = () => {
    // A new stream shows in the tree at once, at its own place and in the counts above it.
    if (absent) void queryClient.invalidateQueries({ queryKey: itxKey.project(project.id, 'streams', 'state') })
  }
  const error = tail.status === 'failed' ? tail.error : state ? null : known.error
  return (
    <main id="content" className="flex min-w-0 flex-1 flex-col lg:min-h-0">
      <StreamHeader path={path} state={state} />
      {error !== null && error !== undefined && <StreamFailure error={error} />}
      <AskedEvent projectId={project.id} path={path} at={at} />
      {absent ? (
        <Absent project={project} path={path} origin={origin} />
      ) : (
        <EventLog projectId={project.id} path={path} tail={tail} />
      )}
      <noscript>
        <p className="border-t border-line px-4 py-2 text-small text-soft">
          This page was rendered once. With JavaScript it is live, and events open.
        </p>
      </noscript>
      <Composer
        project={project}
        path={path}
        exists={!absent}
        refuses={state?.closed ? 'closed' : state?.paused ? 'paused' : null}
        onAppended={onAppended}
      />
    </main>
  )
}

function Absent({ project, path, origin }: StreamPageProps) {
  const root = path === ROOT_PATH
  const mayAppend = project.role !== 'viewer'
  return (
    <section aria-labelledby="absent" className="min-h-0 flex-1 overflow-auto px-4 py-6 sm:px-8">
      <div className="grid max-w-2xl gap-4">
        <h2 id="absent" className="text-body font-semibold">
          {root ? 'This project has no streams yet' : 'This stream does not exist yet'}
        </h2>
        <p className="text-body text-soft">{absentWords(root, mayAppend)}</p>
        {mayAppend && <HowToAppend origin={origin} project={project.slug} path={root ? '/notes/first' : path} />}
      </div>
    </section>
  )
}

function absentWords(root: boolean, mayAppend: boolean): string {
  if (!mayAppend) return 'This page shows its events as soon as somebody has appended the first.'
  return root
    ? 'The first append creates a stream, and all that lie above it. Append to the root below, or from a terminal to any path:'
    : 'The first append creates it, and all that lie above it. Append below, or from a terminal:'
}
