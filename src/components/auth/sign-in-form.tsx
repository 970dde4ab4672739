import { useHydrated } from '@tanstack/react-router'
import { type SubmitEvent, useRef, useState } from 'react'
import { Button } from '../ui/button.tsx'
import { Field } from '../ui/field.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { NeedsScript } from './outside-page.tsx'
import { signIn, signInProblem } from './sign-in.ts'

/** Email and password; leads to `target` by a full navigation. */
export function SignInForm({ target }: { readonly target: string }) {
  const hydrated = useHydrated()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const password = useRef<HTMLInputElement>(null)
  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    setBusy(true)
    setProblem(null)
    const posted = await signIn({ email: String(form.get('email')).trim(), password: String(form.get('password')) })
    if (posted.ok) return window.location.assign(target)
    setBusy(false)
    setProblem(signInProblem(posted))
    password.current?.select()
  }
  return (
    // POST, although a script sends it: should it ever go off by itself, no password ends up in an address.
    <form method="post" onSubmit={(event) => void submit(event)} className="grid gap-4">
      <NeedsScript />
      {problem && <ErrorNotice message={problem} />}
      <Field label="Email" name="email" type="email" autoComplete="username" required autoFocus />
      <Field label="Password" name="password" type="password" autoComplete="current-password" required ref={password} />
      <Button look="main" type="submit" disabled={busy || !hydrated} className="min-h-9">
        {busy ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  )
}
