import { useEffect, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { projectsQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { ProjectIcon, SortIcon } from '../ui/icons.tsx'
import { MenuButton, type MenuItem, type MenuSection } from '../ui/menu.tsx'

/** Projects that need no search: all of them are in sight. */
const FEW = 8
/** Projects in the menu; whoever has more finds the others by their name. */
const LISTED = 50
/** While somebody types, this long after the last letter is what was typed looked for. */
const TYPED_MS = 150
/** Characters that the server takes. */
const MOST_TYPED = 100

/** The project that is open, and the way to the others. */
export function ProjectSwitcher({ project }: { readonly project: ProjectInfo }) {
  const [isWanted, setWanted] = useState(false)
  const [typed, setTyped] = useState('')
  const { sought, isSettled } = useSettled(typed.trim())
  const all = useItxQuery(projectsQuery(), { enabled: isWanted })
  const found = useItxQuery(projectsQuery(sought), { enabled: isWanted && sought !== '' })
  const { data, error, refetch } = sought === '' ? all : found
  const many = (all.data?.projects.length ?? 0) > FEW
  return (
    <MenuButton
      label={`Project ${visibleName(project.name)}: switch`}
      className="max-w-36 min-w-0 px-1.5 font-medium text-ink sm:max-w-56"
      onNear={() => setWanted(true)}
      onOpenChange={(open) => {
        setTyped('')
        if (open) setWanted(true)
      }}
      {...(many && {
        search: { label: 'Find a project', text: typed, onText: setTyped, maxLength: MOST_TYPED },
      })}
      sections={[
        // Who looks for a project looks for nothing else: Enter opens the first that was found.
        ...(typed === '' ? [pagesOf(project)] : []),
        ...(isSettled ? projectsIn(data, project.id, sought) : []),
        ...(typed === '' ? [ALL] : []),
      ]}
      loading={isWanted && (!isSettled || (data === undefined && error === null))}
      problem={
        data === undefined && error ? { message: `${error.message}.`, onRetry: () => void refetch() } : undefined
      }
    >
      <bdi className="truncate">{visibleName(project.name)}</bdi>
      <SortIcon className="scale-90 text-faint" />
    </MenuButton>
  )
}

const ALL: MenuSection = {
  id: 'all',
  items: [{ id: 'all', label: 'All projects', icon: <ProjectIcon />, href: '/projects' }],
}

function pagesOf({ slug, name }: ProjectInfo): MenuSection {
  return {
    id: 'pages',
    title: visibleName(name),
    items: [
      { id: 'home', label: 'Home', keys: 'g h', href: `/projects/${slug}` },
      { id: 'streams', label: 'Streams', keys: 'g s', href: `/projects/${slug}/streams` },
      { id: 'api', label: 'API', keys: 'g a', href: `/projects/${slug}/api` },
    ],
  }
}

interface Found {
  readonly projects: readonly ProjectInfo[]
  readonly nextAfter: string | null
}

/** The projects as lines; where there are more, or none, a line that says so. */
function projectsIn(found: Found | undefined, open: string, sought: string): readonly MenuSection[] {
  if (!found) return []
  const items = found.projects.slice(0, LISTED).map(({ id, slug, name, role }): MenuItem => ({
    id,
    label: visibleName(name),
    detail: role,
    href: `/projects/${slug}`,
    current: id === open,
  }))
  const more = found.nextAfter !== null || found.projects.length > LISTED
  const rest = more ? 'More: type a name to find them' : items.length === 0 ? 'No project has that name' : null
  const line: readonly MenuItem[] = rest === null ? [] : [{ id: 'rest', label: rest, disabled: true }]
  return [{ id: 'projects', title: sought === '' ? 'Projects' : 'Found', items: [...items, ...line] }]
}

/** The text once it has not changed for a moment. */
function useSettled(text: string): { readonly sought: string; readonly isSettled: boolean } {
  const [sought, setSought] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSought(text), text === '' ? 0 : TYPED_MS)
    return () => clearTimeout(timer)
  }, [text])
  return { sought, isSettled: sought === text }
}
