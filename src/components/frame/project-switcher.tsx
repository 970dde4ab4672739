import { useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { projectsQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { SortIcon, PlusIcon } from '../ui/icons.tsx'
import { MenuButton, type MenuItem } from '../ui/menu.tsx'

/** The project that is open, and the way to the others. */
export function ProjectSwitcher({ project }: { readonly project: ProjectInfo }) {
  const [isWanted, setWanted] = useState(false)
  const { data, error, refetch } = useItxQuery(projectsQuery(), { enabled: isWanted })
  const items = (data?.projects ?? []).map(({ id, slug, name, role }): MenuItem => ({
    id,
    label: visibleName(name),
    detail: role,
    href: `/projects/${slug}`,
    current: id === project.id,
  }))
  return (
    <MenuButton
      label={`Project ${visibleName(project.name)}: switch`}
      className="max-w-36 min-w-0 px-1.5 font-medium text-ink sm:max-w-56"
      onNear={() => setWanted(true)}
      onOpenChange={(open) => open && setWanted(true)}
      sections={[
        {
          id: 'pages',
          title: visibleName(project.name),
          items: [
            { id: 'home', label: 'Home', keys: 'g h', href: `/projects/${project.slug}` },
            { id: 'streams', label: 'Streams', keys: 'g s', href: `/projects/${project.slug}/streams` },
            { id: 'api', label: 'API', keys: 'g a', href: `/projects/${project.slug}/api` },
          ],
        },
        { id: 'projects', title: 'Projects', items },
        {
          id: 'all',
          items: [{ id: 'all', label: 'All projects, or a new one', icon: <PlusIcon />, href: '/projects' }],
        },
      ]}
      loading={isWanted && data === undefined && error === null}
      problem={
        data === undefined && error ? { message: `${error.message}.`, onRetry: () => void refetch() } : undefined
      }
    >
      <bdi className="truncate">{project.name}</bdi>
      <SortIcon className="scale-90 text-faint" />
    </MenuButton>
  )
}
