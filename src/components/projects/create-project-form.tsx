import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type SubmitEvent, useState } from 'react'
import { browserClient } from '../../itx/client/browser-client.ts'
import { inTime } from '../../itx/client/in-time.ts'
import { Button } from '../ui/button.tsx'
import { Failure } from '../ui/failure.tsx'
import { Field } from '../ui/field.tsx'
import { noteCreated } from './project-cache.ts'

const MAX_SLUG = 63

/** Creates a project and opens it. The slug follows the name until somebody writes their own. */
export function CreateProjectForm() {
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [ownSlug, setOwnSlug] = useState<string | null>(null)
  const slug = ownSlug ?? slugOf(name)
  const create = useMutation({
    mutationFn: async (input: { readonly slug: string; readonly name: string }) => {
      using root = await browserClient().root()
      return await inTime(root.projects.create(input))
    },
    onSuccess: async (project) => {
      await noteCreated(queryClient, project)
      await navigate({ to: '/projects/$slug', params: { slug: project.slug } })
    },
  })
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    create.mutate({ slug, name: name.trim() })
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      {create.error && <Failure error={create.error} isAct />}
      <Field
        label="Name"
        required
        maxLength={100}
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Field
        label="Slug"
        className="font-mono"
        required
        maxLength={MAX_SLUG}
        pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?"
        title="Lower-case letters, digits and inner hyphens"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        hint="Its name in addresses and on the command line: lower-case letters, digits, inner hyphens."
        value={slug}
        onChange={(event) => setOwnSlug(event.target.value === '' ? null : event.target.value)}
      />
      <Button look="main" type="submit" disabled={create.isPending} className="justify-self-start">
        {create.isPending ? 'Creating…' : 'Create project'}
      </Button>
    </form>
  )
}

/** What a name becomes in an address: accents dropped, everything else that is not allowed a hyphen. */
function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_SLUG)
    .replaceAll(/^-+|-+$/g, '')
}
