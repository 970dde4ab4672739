import { useNavigate } from '@tanstack/react-router'
import { useCallback, useId, useRef, useState } from 'react'
import { projectsQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { Button } from '../ui/button.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { Failure } from '../ui/failure.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { CreateProjectForm } from './create-project-form.tsx'
import { DeleteProjectDialog } from './delete-project-dialog.tsx'
import { NoProject } from './no-project.tsx'
import { ProjectRows } from './project-list.tsx'
import type { ProjectAct } from './project-row.tsx'
import { ProjectSearch } from './project-search.tsx'
import { type ProjectsSearch, matchOf } from './projects-search.ts'
import { RenameProjectForm } from './rename-project-form.tsx'

/** The projects of whoever is signed in, however many, and a way to make one. */
export function ProjectsPage({ search }: { readonly search: ProjectsSearch }) {
  const id = useId()
  const navigate = useNavigate()
  const field = useRef<HTMLInputElement>(null)
  const [act, setAct] = useState<ProjectAct | null>(null)
  /** The project of the dialog was deleted. */
  const isGone = useRef(false)
  const mayCreate = useMayCreate(matchOf(search))
  const look = useCallback(
    (match: string) =>
      navigate({ to: '/projects', search: match.trim() === '' ? {} : { match }, replace: true, resetScroll: false }),
    [navigate],
  )
  return (
    <main id="content" className="min-w-0 lg:min-h-0 lg:flex-1 lg:overflow-auto">
      <div className="mx-auto grid w-full max-w-5xl content-start gap-x-12 gap-y-8 px-4 py-8 sm:px-6 lg:grid-cols-[minmax(0,1fr)_20rem] lg:py-12">
        <section aria-labelledby={id} className="min-w-0">
          <div className="mb-4 flex items-baseline justify-between gap-4">
            <h1 id={id} className="text-title font-semibold tracking-tight">
              Projects
            </h1>
            {/* The form is below the list there, however long that is. */}
            {mayCreate && (
              <a href="#new-project" className="link py-1 lg:hidden">
                New project
              </a>
            )}
          </div>
          <div className="mb-3">
            <ProjectSearch match={search.match ?? ''} onMatch={look} field={field} />
          </div>
          <ProjectList
            match={matchOf(search)}
            onAct={setAct}
            onClear={() => {
              field.current?.focus()
              void look('')
            }}
          />
        </section>
        {mayCreate !== undefined && (
          <section aria-labelledby="new-project" className="border-t border-line pt-6 lg:border-t-0 lg:pt-2">
            <h2 id="new-project" className="mb-4 text-body font-semibold">
              New project
            </h2>
            {mayCreate ? (
              <CreateProjectForm />
            ) : (
              <p className="text-base text-soft">Creating one takes the owner of an organisation; you own none.</p>
            )}
          </section>
        )}
      </div>
      {act?.kind === 'rename' && (
        <Dialog open onClose={() => setAct(null)} title={`Rename ${visibleName(act.project.name)}`}>
          <RenameProjectForm project={act.project} onRenamed={() => setAct(null)} />
        </Dialog>
      )}
      {act?.kind === 'delete' && (
        <DeleteProjectDialog
          project={act.project}
          onClose={() => {
            setAct(null)
            if (!isGone.current) return
            isGone.current = false
            // Its row went, and with it the button that the dialog gives the focus back to, one frame from now.
            requestAnimationFrame(() => requestAnimationFrame(() => field.current?.focus()))
          }}
          onDeleted={() => {
            isGone.current = true
          }}
        />
      )}
    </main>
  )
}

/**
 * Whether the reader may create a project, as far as it is known. While the answer to another search is on its way it
 * stays what it was: the form must not go, and what was typed into it with it.
 */
function useMayCreate(match: string): boolean | undefined {
  const { data } = useItxQuery(projectsQuery(match))
  const [known, setKnown] = useState(data?.mayCreate)
  if (data && data.mayCreate !== known) setKnown(data.mayCreate)
  return data ? data.mayCreate : known
}

interface ProjectListProps {
  readonly match: string
  readonly onAct: (act: ProjectAct) => void
  readonly onClear: () => void
}

function ProjectList({ match, onAct, onClear }: ProjectListProps) {
  const { data, error, isFetching, refetch } = useItxQuery(projectsQuery(match))
  if (!data) {
    if (!error) return <Skeleton label="Loading projects" rows={6} />
    return <Failure error={error} onRetry={() => void refetch()} busy={isFetching} />
  }
  const none = data.projects.length === 0 && data.nextAfter === null
  return (
    <>
      {error && <Failure error={error} isStale onRetry={() => void refetch()} busy={isFetching} />}
      <p role="status" className="sr-only">
        {match !== '' && foundWords(data.projects.length, data.nextAfter !== null)}
      </p>
      {none && match !== '' && (
        <div className="grid justify-items-start gap-3 border-t border-line py-6">
          <p className="wrap-anywhere">
            No project of yours has{' '}
            <q className="font-medium">
              <bdi>{visibleName(match)}</bdi>
            </q>{' '}
            in its name or slug.
          </p>
          <Button onClick={onClear}>Clear the search</Button>
        </div>
      )}
      {none && match === '' && (
        <div className="border-t border-line">
          <NoProject mayCreate={data.mayCreate} />
        </div>
      )}
      {!none && (
        <ul aria-label="Your projects" className="border-t border-line">
          {/* Another search is another list: what was opened of the one before says nothing of it. */}
          <ProjectRows key={match} page={data} match={match} onAct={onAct} />
        </ul>
      )}
    </>
  )
}

function foundWords(count: number, more: boolean): string {
  if (count === 0) return ''
  return `${count}${more ? ' or more' : ''} ${count === 1 ? 'project' : 'projects'} found`
}
