import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { whoamiQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { Wordmark } from '../brand/mark.tsx'
import { ConnectionState } from './connection-state.tsx'
import { RoleBadge } from './role-badge.tsx'
import { SignOutButton } from './sign-out-button.tsx'

interface AppFrameProps {
  /** The project whose pages these are; absent on pages about all of them. */
  readonly project?: ProjectInfo | undefined
  readonly children: ReactNode
}

/** The frame of every page behind sign-in: where one is, who one is, and whether the page is live. */
export function AppFrame({ project, children }: AppFrameProps) {
  return (
    <div className="flex min-h-dvh flex-col lg:h-dvh">
      <a
        href="#content"
        className="sr-only bg-raised px-3 py-2 focus:not-sr-only focus:absolute focus:start-2 focus:top-2 focus:z-10"
      >
        Skip to content
      </a>
      <header className="flex min-h-11 flex-wrap items-center gap-x-2 border-b sm:gap-x-3 border-line bg-surface px-3 sm:px-4">
        <Link to="/projects" className="rounded-sm py-1" aria-label="Tributary: all projects">
          <Wordmark short={project !== undefined} />
        </Link>
        {project && (
          <>
            <span aria-hidden="true" className="h-4 w-px bg-bed" />
            <Link
              to="/projects/$slug/streams"
              params={{ slug: project.slug }}
              className="max-w-20 truncate sm:max-w-48 rounded-sm py-1 font-medium hover:text-accent"
              title={project.name}
            >
              {project.name}
            </Link>
            <RoleBadge role={project.role} />
            <Link
              to="/projects/$slug/api"
              params={{ slug: project.slug }}
              className="rounded-sm px-1 py-1 text-small text-soft hover:text-accent aria-[current=page]:text-accent"
            >
              API
            </Link>
          </>
        )}
        <div className="ms-auto flex items-center gap-x-2 sm:gap-x-4">
          <ConnectionState />
          <Reader />
          <SignOutButton />
        </div>
      </header>
      {children}
    </div>
  )
}

function Reader() {
  const { data } = useItxQuery(whoamiQuery())
  if (data?.kind !== 'user') return null
  return (
    <span className="foreign hidden max-w-56 truncate text-small text-soft md:inline" title={data.email}>
      {data.email}
    </span>
  )
}
