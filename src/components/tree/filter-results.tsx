import { type KeyboardEvent, type RefObject, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { SEARCH_RESULTS, streamSearchQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { StreamLink } from '../stream/stream-link.tsx'
import { Button } from '../ui/button.tsx'
import { Failure } from '../ui/failure.tsx'
import { counted, formatCount } from '../ui/formats.ts'
import { PauseIcon } from '../ui/icons.tsx'
import { parted } from './marked-text.ts'

interface FilterResultsProps {
  readonly project: ProjectInfo
  readonly current: string | null
  /** Empty while it is still being typed. */
  readonly text: string
  /** The field the text is typed in: going up from the first result, or Escape, leads back to it. */
  readonly field: RefObject<HTMLInputElement | null>
  readonly list: RefObject<HTMLUListElement | null>
  readonly onFollowed: () => void
  /** Empties the field. */
  readonly onClear: () => void
}

/** The streams whose path has the text in it, found on the server; until they are, those of the text before. */
export function FilterResults({ project, current, text, field, list, onFollowed, onClear }: FilterResultsProps) {
  const { data, error, isFetching, refetch } = useItxQuery(streamSearchQuery(project.id, text), {
    enabled: text !== '',
  })
  const [last, setLast] = useState({ text, data })
  if (data && (last.data !== data || last.text !== text)) setLast({ text, data })
  const shown = data ? { text, data } : last
  const streams = shown.data?.streams
  const onKeyDown = (event: KeyboardEvent<HTMLUListElement>) => {
    const links = [...event.currentTarget.querySelectorAll('a')]
    const at = links.findIndex((link) => link === document.activeElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1, Escape: -1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    if (to < 0) field.current?.focus()
    else links[to]?.focus()
  }
  if (error && !data) {
    return (
      <div className="min-h-0 flex-1 overflow-auto p-2">
        <Failure error={error} onRetry={() => void refetch()} busy={isFetching} />
      </div>
    )
  }
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-auto px-2 py-1">
      <p role="status" className="px-2 py-1 text-small text-faint">
        {streams === undefined || !data ? 'Searching…' : foundWords(streams.length, text)}
      </p>
      {data?.streams.length === 0 && (
        <Button onClick={onClear} className="mx-2 mt-1 self-start">
          Clear the filter
        </Button>
      )}
      <ul ref={list} aria-label="Streams that match" onKeyDown={onKeyDown} aria-busy={!data}>
        {streams?.map(({ path, eventCount, paused }) => (
          <li key={path}>
            <StreamLink
              project={project.slug}
              path={path}
              aria-current={path === current ? 'page' : undefined}
              onClick={onFollowed}
              title={visibleName(path)}
              className={`flex min-h-row items-center gap-1 rounded-sm px-2 hover:bg-hover focus-visible:outline-offset-[-2px] ${
                path === current ? 'bg-wash font-medium text-ink' : 'text-soft hover:text-ink'
              }`}
            >
              <span className="foreign min-w-0 flex-1 py-0.5 font-mono text-small wrap-anywhere">
                <Marked path={path} text={shown.text} />
              </span>
              {paused && <PauseIcon className="scale-75 text-warn" />}
              <span className="text-micro text-faint" title={counted(eventCount, 'event')}>
                {formatCount(eventCount)}
              </span>
            </StreamLink>
          </li>
        ))}
      </ul>
    </div>
  )
}

function foundWords(found: number, text: string): string {
  if (found === 0) return `No stream has “${text}” in its path.`
  if (found >= SEARCH_RESULTS) return `The first ${SEARCH_RESULTS} that match`
  return `${counted(found, 'stream')} match${found === 1 ? 'es' : ''}`
}

function Marked({ path, text }: { readonly path: string; readonly text: string }) {
  const [before, match, after] = parted(path, text)
  return (
    <>
      {visibleName(before)}
      {match !== '' && <mark className="bg-wash font-semibold text-accent">{visibleName(match)}</mark>}
      {visibleName(after)}
    </>
  )
}
