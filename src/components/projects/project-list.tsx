import { useEffect, useRef, useState } from 'react'
import type { ProjectsPage } from '../../itx/handle.ts'
import { projectsQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { Button } from '../ui/button.tsx'
import { Failure } from '../ui/failure.tsx'
import { type ProjectAct, ProjectRow } from './project-row.tsx'

interface ProjectRowsProps {
  readonly page: ProjectsPage
  readonly match: string
  readonly onAct: (act: ProjectAct) => void
  /** The reader has asked for this page: the focus goes to where it begins. */
  readonly isAsked?: boolean
}

/** A page of projects, and the pages after it, as far as they were asked for. */
export function ProjectRows({ page, match, onAct, isAsked = false }: ProjectRowsProps) {
  const first = useRef<HTMLAnchorElement>(null)
  useEffect(() => {
    // The button that was pressed is gone by now.
    if (isAsked) first.current?.focus()
  }, [isAsked])
  const { projects, nextAfter } = page
  return (
    <>
      {projects.map((project, at) => (
        <ProjectRow key={project.id} project={project} onAct={onAct} {...(at === 0 && { link: first })} />
      ))}
      {nextAfter !== null && <MoreRows key={nextAfter} match={match} after={nextAfter} onAct={onAct} />}
    </>
  )
}

interface MoreRowsProps {
  readonly match: string
  /** Where the page before ends. */
  readonly after: string
  readonly onAct: (act: ProjectAct) => void
}

/** A button, and in its place the next page once it was pressed. */
function MoreRows({ match, after, onAct }: MoreRowsProps) {
  const [isWanted, setWanted] = useState(false)
  const { data, error, isFetching, refetch } = useItxQuery(projectsQuery(match, after), { enabled: isWanted })
  if (isWanted && data) return <ProjectRows page={data} match={match} onAct={onAct} isAsked />
  return (
    <li className="grid gap-2 py-3">
      {error ? (
        <Failure error={error} onRetry={() => void refetch()} busy={isFetching} />
      ) : (
        // Not disabled while it is busy: that would take the focus away from whoever presses it.
        <Button aria-disabled={isWanted} onClick={() => setWanted(true)} className="justify-self-start">
          {isWanted ? 'Loading…' : 'Show more'}
        </Button>
      )}
    </li>
  )
}
