import { Link, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useEffect, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import type { StreamPath } from '../../streams/path.ts'
import { Wordmark } from '../brand/mark.tsx'
import { HelpDialog } from '../help/help-dialog.tsx'
import { Palette, preloadPalette } from '../palette/palette.tsx'
import { rememberStream } from '../palette/recent-streams.ts'
import { ShortcutsProvider, useShortcut, useShortcutKeys } from '../shortcuts/use-shortcuts.ts'
import { Button } from '../ui/button.tsx'
import { SearchIcon } from '../ui/icons.tsx'
import { Kbd } from '../ui/kbd.tsx'
import { ToastArea } from '../ui/toast-area.tsx'
import { Breadcrumbs } from './breadcrumbs.tsx'
import { ConnectionState } from './connection-state.tsx'
import { ProjectPages } from './project-pages.tsx'
import { ProjectSwitcher } from './project-switcher.tsx'
import { ReaderMenu } from './reader-menu.tsx'
import { RoleBadge } from './role-badge.tsx'
import { ViewPausedProvider } from './view-paused.ts'

interface AppFrameProps {
  /** The project whose pages these are; absent on pages about all of them. */
  readonly project?: ProjectInfo | undefined
  /** The stream that is open; null on pages that are about none. */
  readonly path?: StreamPath | null
  readonly children: ReactNode
}

/** The frame of every page behind sign-in: where one is, who one is, and whether the page is live. */
export function AppFrame({ project, path = null, children }: AppFrameProps) {
  const shortcuts = useShortcutKeys()
  const [isPaused, setPaused] = useState(false)
  return (
    <ShortcutsProvider value={shortcuts}>
      <div className="flex min-h-dvh flex-col lg:h-dvh">
        <a
          href="#content"
          className="sr-only bg-raised px-3 py-2 focus:not-sr-only focus:absolute focus:start-2 focus:top-2 focus:z-10"
        >
          Skip to content
        </a>
        <TopBar project={project} path={path} isPaused={isPaused} />
        <ViewPausedProvider value={setPaused}>{children}</ViewPausedProvider>
      </div>
      <ToastArea />
    </ShortcutsProvider>
  )
}

interface TopBarProps {
  readonly project: ProjectInfo | undefined
  readonly path: StreamPath | null
  readonly isPaused: boolean
}

function TopBar({ project, path, isPaused }: TopBarProps) {
  const [floating, setFloating] = useState<'palette' | 'help' | null>(null)
  useFrameShortcuts(project, setFloating)
  useEffect(() => {
    if (project && path !== null) rememberStream(project.id, path)
  }, [project, path])
  return (
    <header className="flex min-h-11 flex-wrap items-center gap-x-1.5 gap-y-0.5 border-b border-line bg-surface px-3 py-1 sm:gap-x-2 sm:px-4">
      <Link to="/projects" className="min-w-6 rounded-sm py-1" aria-label="Tributary: all projects">
        <Wordmark short={project !== undefined} />
      </Link>
      {project && (
        <>
          <span aria-hidden="true" className="ms-1 h-4 w-px bg-bed" />
          {/* On a narrow screen it takes what the others leave: a long name is no reason for another line. */}
          <div className="flex min-w-0 max-sm:grow max-sm:basis-14">
            <ProjectSwitcher project={project} />
          </div>
          <span className="max-sm:sr-only">
            <RoleBadge role={project.role} />
          </span>
          <ProjectPages slug={project.slug} />
        </>
      )}
      <div className="order-last min-w-0 basis-full sm:order-none sm:flex-1 sm:basis-0">
        {project && path !== null && <Breadcrumbs project={project} path={path} />}
      </div>
      <div className="ms-auto flex items-center gap-x-1 sm:gap-x-2">
        <Button
          look="quiet"
          onPointerEnter={preloadPalette}
          onFocus={preloadPalette}
          onClick={() => setFloating('palette')}
          className="min-w-7 px-1.5"
        >
          <SearchIcon />
          <span className="sr-only">Find a stream or an action</span>
          <span className="hidden lg:inline">
            <Kbd keys="mod+k" />
          </span>
        </Button>
        <ConnectionState isPaused={isPaused} />
        <ReaderMenu onHelp={() => setFloating('help')} />
      </div>
      <Palette project={project} path={path} open={floating === 'palette'} onClose={() => setFloating(null)} />
      <HelpDialog project={project} path={path} open={floating === 'help'} onClose={() => setFloating(null)} />
    </header>
  )
}

function useFrameShortcuts(
  project: ProjectInfo | undefined,
  setFloating: (floating: 'palette' | 'help') => void,
): void {
  const navigate = useNavigate()
  const slug = project?.slug
  useShortcut('mod+k', 'Find a stream or an action', () => setFloating('palette'))
  useShortcut('?', 'Show the help', () => setFloating('help'))
  useShortcut('g p', 'Go to all projects', () => void navigate({ to: '/projects' }))
  useShortcut(slug ? 'g h' : '', 'Go to the home of the project', () => {
    if (slug) void navigate({ to: '/projects/$slug', params: { slug } })
  })
  useShortcut(slug ? 'g s' : '', 'Go to its streams', () => {
    if (slug) void navigate({ to: '/projects/$slug/streams', params: { slug } })
  })
  useShortcut(slug ? 'g a' : '', 'Go to its API', () => {
    if (slug) void navigate({ to: '/projects/$slug/api', params: { slug } })
  })
}
