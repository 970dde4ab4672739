import { Link } from '@tanstack/react-router'
import type { ProjectInfo } from '../../itx/handle.ts'
import { projectsQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { itxErrorCode } from '../../streams/errors.ts'
import { RoleBadge } from '../frame/role-badge.tsx'
import { Button } from '../ui/button.tsx'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import { CreateProjectForm } from './create-project-form.tsx'

/** The projects of whoever is signed in, and a way to make one. */
export function ProjectsPage() {
  return (
    <main
      id="content"
      className="mx-auto grid w-full max-w-5xl content-start gap-x-12 gap-y-8 px-4 py-8 sm:px-6 lg:grid-cols-[1fr_20rem] lg:py-12"
    >
      <section aria-labelledby="projects" className="min-w-0">
        <h1 id="projects" className="mb-4 text-title font-semibold tracking-tight">
          Projects
        </h1>
        <ProjectList />
      </section>
      <section aria-labelledby="new-project" className="border-t border-line pt-6 lg:border-t-0 lg:pt-2">
        <h2 id="new-project" className="mb-4 text-body font-semibold">
          New project
        </h2>
        <CreateProjectForm />
      </section>
    </main>
  )
}

function ProjectList() {
  const { data, error, isFetching, refetch } = useItxQuery(projectsQuery())
  if (!data) {
    if (!error) return <p className="text-soft">Loading projects…</p>
    return (
      <ErrorNotice code={itxErrorCode(error)} message={error.message}>
        <Button className="ms-3" disabled={isFetching} onClick={() => void refetch()}>
          Try again
        </Button>
      </ErrorNotice>
    )
  }
  if (data.projects.length === 0) {
    return <Notice>You are in no project yet. Create one here, or ask somebody to add you to theirs.</Notice>
  }
  return (
    <>
      <ul className="border-t border-line">
        {data.projects.map((project) => (
          <ProjectRow key={project.id} project={project} />
        ))}
      </ul>
      {data.nextAfter !== null && (
        <p className="mt-3 text-small text-soft">
          The first {data.projects.length} are shown; the others open by their address, /projects/ and the slug.
        </p>
      )}
    </>
  )
}

function ProjectRow({ project }: { readonly project: ProjectInfo }) {
  return (
    <li className="relative flex items-center gap-3 border-b border-line py-2.5 hover:bg-hover">
      <div className="min-w-0 flex-1">
        <Link
          to="/projects/$slug/streams"
          params={{ slug: project.slug }}
          className="block truncate text-body font-medium after:absolute after:inset-0 hover:text-accent"
        >
          <bdi>{project.name}</bdi>
        </Link>
        <span className="block truncate font-mono text-small text-soft">{project.slug}</span>
      </div>
      <RoleBadge role={project.role} />
    </li>
  )
}
