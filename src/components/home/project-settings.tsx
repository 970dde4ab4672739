import { useNavigate, useRouter } from '@tanstack/react-router'
import { useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { DeleteProjectDialog } from '../projects/delete-project-dialog.tsx'
import { RenameProjectForm } from '../projects/rename-project-form.tsx'
import { Button } from '../ui/button.tsx'
import { preloadDialogs } from '../ui/dialog.tsx'
import { Panel } from '../ui/panel.tsx'

/** Another name, another slug, or the end. For admins. */
export function ProjectSettings({ project }: { readonly project: ProjectInfo }) {
  const navigate = useNavigate()
  const router = useRouter()
  const [isAsked, setAsked] = useState(false)
  const onRenamed = async ({ slug }: ProjectInfo) => {
    if (slug === project.slug) await router.invalidate()
    else await navigate({ to: '/projects/$slug', params: { slug }, replace: true })
  }
  return (
    <Panel title="Project settings" about="For admins of the project">
      <div className="grid gap-6 lg:grid-cols-2">
        <RenameProjectForm
          key={`${project.name} ${project.slug}`}
          project={project}
          onRenamed={(renamed) => void onRenamed(renamed)}
        />
        <div className="grid content-start gap-2">
          <h3 className="font-medium">Delete the project</h3>
          <p className="text-small text-soft">Its streams, members and tokens go for good.</p>
          <Button
            onPointerEnter={preloadDialogs}
            onFocus={preloadDialogs}
            onClick={() => setAsked(true)}
            className="justify-self-start text-danger"
          >
            Delete…
          </Button>
          {isAsked && (
            <DeleteProjectDialog
              project={project}
              onClose={() => setAsked(false)}
              onDeleted={() => navigate({ to: '/projects' })}
            />
          )}
        </div>
      </div>
    </Panel>
  )
}
