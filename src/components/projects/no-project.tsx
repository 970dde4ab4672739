import { projectsQuery, whoamiQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { buttonClass } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { createCommand } from './create-command.ts'

/** Nobody tells a page that its reader was given a project: it asks this often. */
const ASK_MS = 5000

/** In place of the list of somebody who is in no project. Offers only what would not be refused. */
export function NoProject({ mayCreate }: { readonly mayCreate: boolean }) {
  useItxQuery(projectsQuery(), { refetchInterval: ASK_MS })
  const { data: who } = useItxQuery(whoamiQuery())
  if (!mayCreate) {
    return (
      <EmptyState
        title="You are in no project yet"
        about="A project holds streams and decides who may read and append. An admin of one has to add you; this page then shows it by itself."
      />
    )
  }
  return (
    <EmptyState
      title="You are in no project yet"
      about="A project holds streams and decides who may read and append. Create one here, or with a command on the server’s machine, or ask somebody to add you to theirs."
      action={
        <a href="#new-project" className={buttonClass('main')}>
          Create a project
        </a>
      }
      snippetsLabel="Create a project, beside the server"
      snippets={who?.kind === 'user' ? [{ kind: 'CLI', code: createCommand(who.email) }] : []}
    />
  )
}
