import { useQueryClient } from '@tanstack/react-query'
import { useNavigate, useRouter } from '@tanstack/react-router'
import { type SubmitEvent, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { itxKey } from '../../itx/queries.ts'
import { useItxMutation } from '../../itx/react/hooks.ts'
import { itxErrorCode } from '../../streams/errors.ts'
import { Button } from '../ui/button.tsx'
import { ConfirmDialog, preloadDialogs } from '../ui/dialog.tsx'
import { Field } from '../ui/field.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/panel.tsx'

/** Another name, another slug, or the end. For admins. */
export function ProjectSettings({ project }: { readonly project: ProjectInfo }) {
  return (
    <Panel title="Project settings" about="For admins of the project">
      <div className="grid gap-6 lg:grid-cols-2">
        <Rename key={`${project.name} ${project.slug}`} project={project} />
        <Delete project={project} />
      </div>
    </Panel>
  )
}

function Rename({ project }: { readonly project: ProjectInfo }) {
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const router = useRouter()
  const [name, setName] = useState(project.name)
  const [slug, setSlug] = useState(project.slug)
  const rename = useItxMutation(project.id, (handle, change: { readonly name?: string; readonly slug?: string }) =>
    handle.rename(change),
  )
  const isSame = name.trim() === project.name && slug === project.slug
  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const change = {
      ...(name.trim() === project.name ? {} : { name: name.trim() }),
      ...(slug === project.slug ? {} : { slug }),
    }
    try {
      const renamed = await rename.mutateAsync(change)
      await queryClient.invalidateQueries({ queryKey: itxKey.root() })
      if (renamed.slug === project.slug) await router.invalidate()
      else await navigate({ to: '/projects/$slug', params: { slug: renamed.slug }, replace: true })
    } catch {
      // It stands in the form.
    }
  }
  return (
    <form onSubmit={(event) => void submit(event)} className="grid content-start gap-3">
      {rename.error && <ErrorNotice code={itxErrorCode(rename.error)} message={rename.error.message} />}
      <Field label="Name" required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      <Field
        label="Slug"
        className="font-mono"
        required
        maxLength={63}
        autoCapitalize="none"
        spellCheck={false}
        hint="Addresses with the old slug lead nowhere afterwards; those with the project's id stay."
        value={slug}
        onChange={(event) => setSlug(event.target.value)}
      />
      <Button type="submit" disabled={isSame || rename.isPending} className="justify-self-start">
        {rename.isPending ? 'Saving…' : 'Save'}
      </Button>
    </form>
  )
}

function Delete({ project }: { readonly project: ProjectInfo }) {
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const [isAsked, setAsked] = useState(false)
  const remove = useItxMutation(project.id, (handle) => handle.delete())
  const confirm = async () => {
    await remove.mutateAsync(undefined)
    await navigate({ to: '/projects' })
    queryClient.removeQueries({ queryKey: itxKey.project(project.id) })
    await queryClient.invalidateQueries({ queryKey: itxKey.root() })
  }
  return (
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
      <ConfirmDialog
        open={isAsked}
        onClose={() => setAsked(false)}
        title={`Delete ${project.name}?`}
        typed={{ text: project.slug, what: 'its slug' }}
        action="Delete the project"
        onConfirm={confirm}
      >
        <p>All its streams and their events, its members and its tokens go, and nothing brings them back.</p>
      </ConfirmDialog>
    </div>
  )
}
