import { useId } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { projectOverviewQuery, streamStateQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { StreamLink } from '../stream/stream-link.tsx'
import { formatAgo } from '../ui/formats.ts'
import { ChevronIcon } from '../ui/icons.tsx'
import { useNow } from '../ui/use-now.ts'

/** Streams that are listed. */
const LISTED = 5

interface RecentlyActiveProps {
  readonly project: ProjectInfo
  readonly open: boolean
  readonly onOpen: (open: boolean) => void
  readonly onFollowed: () => void
}

/** The streams that events were appended to last. Its height is known from the first paint on: nothing below it jumps. */
export function RecentlyActive({ project, open, onOpen, onFollowed }: RecentlyActiveProps) {
  const id = useId()
  // On the server there is none: another text would come out of it than in the browser.
  const now = useNow(open)
  const root = useItxQuery(streamStateQuery(project.id, '/'), { enabled: false })
  // Kept as it is on the server by the tree's own watching.
  const { data, error } = useItxQuery(projectOverviewQuery(project.id), { enabled: open })
  const streams = data?.recent
    .map(({ row }) => row)
    .filter(({ path }) => path !== '/')
    .slice(0, LISTED)
  const expected = Math.min(LISTED, root.data?.descendantCount ?? 0)
  // A handle that reaches a part of the project alone is told nothing of all of it.
  if ((error && !data) || (expected === 0 && (streams?.length ?? 0) === 0)) return null
  const missing = Math.max(0, expected - (streams?.length ?? 0))
  return (
    <section aria-labelledby={id} className="recently border-b border-line px-2 py-1">
      <h3>
        <button
          id={id}
          type="button"
          aria-expanded={open}
          onClick={() => onOpen(!open)}
          className="flex h-row w-full items-center gap-1 rounded-sm text-start text-small font-medium text-soft hover:text-ink"
        >
          <span className="grid size-6 place-items-center">
            <ChevronIcon className={open ? 'rotate-90' : ''} />
          </span>
          Recently active
        </button>
      </h3>
      {open && (
        <ul>
          {streams?.map(({ path, lastEventAt }) => (
            <li key={path}>
              <StreamLink
                project={project.slug}
                path={path}
                onClick={onFollowed}
                title={visibleName(path)}
                className="flex h-row items-center gap-2 rounded-sm ps-7 pe-2 text-soft hover:bg-hover hover:text-ink focus-visible:outline-offset-[-2px]"
              >
                {/* Where there is no room, the beginning is left out: the end tells them apart. */}
                <span className="min-w-0 flex-1 truncate text-left font-mono text-small [direction:rtl]">
                  <bdi className="foreign">{visibleName(path)}</bdi>
                </span>
                <time dateTime={lastEventAt} title={lastEventAt} className="shrink-0 text-micro text-faint">
                  {now !== null && formatAgo(lastEventAt, now)}
                </time>
              </StreamLink>
            </li>
          ))}
          {Array.from({ length: missing }, (_, at) => (
            <li key={at} aria-hidden="true" className="h-row" />
          ))}
        </ul>
      )}
    </section>
  )
}
