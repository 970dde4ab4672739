import type { ProjectInfo } from '../../itx/handle.ts'
import { type StreamPath, ROOT_PATH } from '../../streams/path.ts'
import { HowToAppend } from './how-to-append.tsx'

interface AbsentStreamProps {
  readonly project: ProjectInfo
  readonly path: StreamPath
  /** The address of this instance, for commands to paste. */
  readonly origin: string
}

/** In place of the log of a stream that is not there: how it comes to be. */
export function AbsentStream({ project, path, origin }: AbsentStreamProps) {
  const root = path === ROOT_PATH
  const mayAppend = project.role !== 'viewer'
  return (
    <section aria-labelledby="absent" className="min-h-0 flex-1 overflow-auto px-4 py-6">
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
