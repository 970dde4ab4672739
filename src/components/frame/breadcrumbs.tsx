import { useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { streamStateQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { type StreamPath, ROOT_PATH, ancestorPaths, parentPath, pathName } from '../../streams/path.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { StreamLink, streamHref } from '../stream/stream-link.tsx'
import { ChevronDownIcon } from '../ui/icons.tsx'
import { MenuButton, type MenuItem } from '../ui/menu.tsx'

/** Crumbs of a deep path: the first, and so many of the last; those between are in a menu. */
const LAST_SHOWN = 4

interface BreadcrumbsProps {
  readonly project: ProjectInfo
  readonly path: StreamPath
}

/** Where the open stream lies. Each crumb is a link to the stream, and has a menu of those beside it. */
export function Breadcrumbs({ project, path }: BreadcrumbsProps) {
  const crumbs = path === ROOT_PATH ? [ROOT_PATH] : [...ancestorPaths(path), path]
  const hidden = crumbs.length > LAST_SHOWN + 2 ? crumbs.slice(1, -LAST_SHOWN) : []
  const shown = crumbs.filter((crumb) => !hidden.includes(crumb))
  return (
    <nav aria-label="Breadcrumb" className="min-w-0">
      <ol className="flex flex-wrap items-center font-mono text-base">
        {shown.map((crumb, at) => (
          <li key={crumb} className="flex min-w-0 items-center">
            {at === 1 && hidden.length > 0 && <Hidden project={project.slug} crumbs={hidden} />}
            {at > 1 && <Slash />}
            <Crumb project={project} path={crumb} isCurrent={crumb === path} />
          </li>
        ))}
      </ol>
    </nav>
  )
}

function Slash() {
  return (
    <span aria-hidden="true" className="text-faint">
      /
    </span>
  )
}

function Crumb({
  project,
  path,
  isCurrent,
}: {
  readonly project: ProjectInfo
  readonly path: StreamPath
  readonly isCurrent: boolean
}) {
  const parent = parentPath(path)
  return (
    <>
      <StreamLink
        project={project.slug}
        path={path}
        aria-current={isCurrent ? 'page' : undefined}
        className={`foreign min-w-6 truncate rounded-sm px-0.5 py-0.5 text-center hover:text-accent ${isCurrent ? 'font-semibold' : 'text-soft'}`}
      >
        {visibleName(pathName(path))}
      </StreamLink>
      {parent !== null && <Siblings project={project} parent={parent} path={path} />}
    </>
  )
}

/** What lies beside a stream: the children of its parent, by the key that the tree has them under. */
function Siblings({
  project,
  parent,
  path,
}: {
  readonly project: ProjectInfo
  readonly parent: StreamPath
  readonly path: StreamPath
}) {
  const [isWanted, setWanted] = useState(false)
  const { data, error, refetch } = useItxQuery(streamStateQuery(project.id, parent), { enabled: isWanted })
  const items = (data?.children ?? []).map((child): MenuItem => ({
    id: child.path,
    label: visibleName(child.name),
    mono: true,
    href: streamHref(project.slug, child.path),
    current: child.path === path,
    detail: child.paused ? 'paused' : '',
  }))
  const more = data !== undefined && data.nextAfter !== null
  const all: MenuItem = {
    id: 'all',
    label: `All ${data?.childCount.toLocaleString('en')} below ${visibleName(parent)}`,
    href: streamHref(project.slug, parent),
  }
  return (
    <MenuButton
      label={`Beside ${visibleName(pathName(path))}`}
      className="size-6 min-h-6! shrink-0 px-0!"
      onNear={() => setWanted(true)}
      onOpenChange={(open) => open && setWanted(true)}
      sections={[
        { id: 'siblings', items },
        { id: 'more', items: more ? [all] : [] },
      ]}
      loading={isWanted && data === undefined && error === null}
      problem={
        data === undefined && error ? { message: `${error.message}.`, onRetry: () => void refetch() } : undefined
      }
    >
      <ChevronDownIcon className="scale-75 text-faint" />
    </MenuButton>
  )
}

/** The middle of a deep path. */
function Hidden({ project, crumbs }: { readonly project: string; readonly crumbs: readonly StreamPath[] }) {
  const items = crumbs.map((crumb): MenuItem => ({
    id: crumb,
    label: visibleName(crumb),
    mono: true,
    href: streamHref(project, crumb),
  }))
  return (
    <>
      <MenuButton
        label={`${crumbs.length} more above`}
        className="size-6 min-h-6! shrink-0 px-0!"
        sections={[{ id: 'hidden', items }]}
      >
        …
      </MenuButton>
      <Slash />
    </>
  )
}
