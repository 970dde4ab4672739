import { useQueryClient } from '@tanstack/react-query'
import { type SubmitEvent, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { useItxMutation } from '../../itx/react/hooks.ts'
import { Button } from '../ui/button.tsx'
import { Failure } from '../ui/failure.tsx'
import { Field } from '../ui/field.tsx'
import { noteRenamed } from './project-cache.ts'

interface RenameProjectFormProps {
  readonly project: ProjectInfo
  readonly onRenamed: (project: ProjectInfo) => void
}

/** Gives a project another name, another slug, or both. Give it the names as its key: it begins with those. */
export function RenameProjectForm({ project, onRenamed }: RenameProjectFormProps) {
  const queryClient = useQueryClient()
  const [name, setName] = useState(project.name)
  const [slug, setSlug] = useState(project.slug)
  const rename = useItxMutation(project.id, (handle, change: { readonly name?: string; readonly slug?: string }) =>
    handle.rename(change),
  )
  const isSame = name.trim() === project.name && slug === project.slug
  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (isSame || rename.isPending) return
    try {
      const renamed = await rename.mutateAsync({
        ...(name.trim() === project.name ? {} : { name: name.trim() }),
        ...(slug === project.slug ? {} : { slug }),
      })
      noteRenamed(queryClient, project, renamed)
      onRenamed(renamed)
    } catch {
      // It stands in the form.
    }
  }
  return (
    <form onSubmit={(event) => void submit(event)} className="grid content-start gap-3">
      {rename.error && <Failure error={rename.error} isAct />}
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
      <Button type="submit" disabled={isSame} aria-disabled={rename.isPending} className="justify-self-start">
        {rename.isPending ? 'Saving…' : 'Save'}
      </Button>
    </form>
  )
}
