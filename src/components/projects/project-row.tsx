import { Link } from '@tanstack/react-router'
import type { Ref } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { RoleBadge } from '../frame/role-badge.tsx'
import { visibleName } from '../stream/foreign-text.ts'
import { preloadDialogs } from '../ui/dialog.tsx'
import { DeleteIcon, EditIcon, MoreIcon, ProjectIcon } from '../ui/icons.tsx'
import { MenuButton, type MenuItem } from '../ui/menu.tsx'

/** What is done with a project of a list, in a dialog. */
export interface ProjectAct {
  readonly kind: 'rename' | 'delete'
  readonly project: ProjectInfo
}

interface ProjectRowProps {
  readonly project: ProjectInfo
  readonly onAct: (act: ProjectAct) => void
  readonly link?: Ref<HTMLAnchorElement>
}

/** A project of a list: the whole row leads to its home. */
export function ProjectRow({ project, onAct, link }: ProjectRowProps) {
  const { slug, role } = project
  const name = visibleName(project.name)
  const items: readonly MenuItem[] = [
    { id: 'open', label: 'Open', icon: <ProjectIcon />, href: `/projects/${slug}` },
    { id: 'rename', label: 'Rename…', icon: <EditIcon />, onAction: () => onAct({ kind: 'rename', project }) },
    {
      id: 'delete',
      label: 'Delete…',
      icon: <DeleteIcon />,
      tone: 'danger',
      onAction: () => onAct({ kind: 'delete', project }),
    },
  ]
  return (
    <li className="relative flex items-center gap-3 border-b border-line py-2.5 hover:bg-hover">
      <div className="min-w-0 flex-1">
        <Link
          ref={link}
          to="/projects/$slug"
          params={{ slug }}
          // What does not fit is left out at the end, which is at the left of some scripts.
          dir="auto"
          className="block truncate text-left text-body font-medium after:absolute after:inset-0 hover:text-accent"
        >
          {name}
        </Link>
        <span className="block truncate font-mono text-small text-soft">{slug}</span>
      </div>
      <RoleBadge role={role} />
      {role === 'admin' ? (
        // Above the link that covers the row.
        <span className="relative">
          <MenuButton
            label={`More for ${name}`}
            className="size-8 px-0"
            place="bottom end"
            onNear={preloadDialogs}
            sections={[{ id: 'acts', items }]}
          >
            <MoreIcon />
          </MenuButton>
        </span>
      ) : (
        <span aria-hidden="true" className="size-8" />
      )}
    </li>
  )
}
