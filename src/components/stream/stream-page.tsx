import { useQueryClient } from '@tanstack/react-query'
import { Suspense, lazy } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { itxKey, navigationOf, streamStateQuery } from '../../itx/queries.ts'
import { useItxQuery, useStreamTail } from '../../itx/react/hooks.ts'
import type { StreamPath } from '../../streams/path.ts'
import { Composer } from './composer.tsx'
import { EventLog } from './event-log.tsx'
import { loadDrawer } from './load-drawer.ts'
import { StreamFailure } from './stream-failure.tsx'
import { type HeaderState, StreamHeader } from './stream-header.tsx'
import { LeftOut } from './left-out.tsx'
import { useOpenEvent } from './use-open-event.ts'

// What not every visit shows is loaded when it is shown; the server, which sends it as HTML, has it at once.
const AbsentStream = import.meta.env.SSR
  ? (await import('./absent-stream.tsx')).AbsentStream
  : lazy(async () => ({ default: (await import('./absent-stream.tsx')).AbsentStream }))
const EventDrawer = import.meta.env.SSR
  ? (await import('./event-drawer.tsx')).EventDrawer
  : lazy(async () => ({ default: (await loadDrawer()).EventDrawer }))

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
  const event = useOpenEvent(at)
  const error = tail.error ?? (state ? null : known.error)
  return (
    <main id="content" className="flex min-w-0 flex-1 lg:min-h-0">
      <div className="flex min-w-0 flex-1 flex-col lg:min-h-0">
        <StreamHeader project={project} path={path} state={state} failed={Boolean(error)} />
        {error !== null && error !== undefined && <StreamFailure error={error} />}
        <LeftOut />
        {absent ? (
          <Suspense fallback={<div className="flex-1" />}>
            <AbsentStream project={project} path={path} origin={origin} />
          </Suspense>
        ) : (
          <EventLog projectId={project.id} path={path} tail={tail} event={event} />
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
      </div>
      {at !== undefined && (
        <Suspense>
          <EventDrawer
            projectId={project.id}
            path={path}
            at={at}
            first={tail.state?.firstOffset ?? 1}
            last={Math.max(tail.maxOffset, state?.eventCount ?? 0)}
            event={event}
          />
        </Suspense>
      )}
    </main>
  )
}
