import { useHydrated } from '@tanstack/react-router'
import { type SubmitEvent, useState } from 'react'
import { Button } from '../ui/button.tsx'
import { Field } from '../ui/field.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { NeedsScript } from './outside-page.tsx'
import { postJson } from './post-json.ts'
import { signIn } from './sign-in.ts'

/** Where the first admin begins. */
const FIRST_PAGE = '/projects/demo/streams'

interface Problem {
  readonly code: string | undefined
  readonly message: string
}

/** Makes the first admin from a one-time link, and signs them in. */
export function SetupForm({ token }: { readonly token: string }) {
  const hydrated = useHydrated()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const name = String(form.get('name')).trim()
    const email = String(form.get('email')).trim()
    const password = String(form.get('password'))
    setBusy(true)
    setProblem(null)
    const made = await postJson('/api/setup', { token, name, email, password })
    if (!made.ok) {
      setBusy(false)
      return setProblem(made)
    }
    const entered = await signIn({ email, password })
    // The account is made: should signing in fail, the sign-in page is where to go on.
    window.location.assign(entered.ok ? FIRST_PAGE : `/sign-in?redirect=${encodeURIComponent(FIRST_PAGE)}`)
  }
  return (
    <form method="post" onSubmit={(event) => void submit(event)} className="grid gap-4">
      <NeedsScript />
      {problem && <ErrorNotice code={problem.code} message={problem.message} />}
      <Field label="Your name" name="name" autoComplete="name" required maxLength={100} autoFocus />
      <Field label="Email" name="email" type="email" autoComplete="username" required maxLength={254} />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete="new-password"
        required
        minLength={8}
        maxLength={128}
        hint="8 to 128 characters"
      />
      <Button look="main" type="submit" disabled={busy || !hydrated} className="min-h-9">
        {busy ? 'Creating the account…' : 'Create admin and open demo'}
      </Button>
    </form>
  )
}
