import { createFileRoute, redirect } from '@tanstack/react-router'
import { OutsidePage } from '../components/auth/outside-page.tsx'
import { HOME, redirectPath } from '../components/auth/redirect-path.ts'
import { SignInForm } from '../components/auth/sign-in-form.tsx'
import { isSignedIn, needsSetup } from '../itx/page-context.ts'

export const Route = createFileRoute('/sign-in')({
  // Undefined, not absent: the router lays what is returned over what was asked, and the bad value would show through.
  validateSearch: (search: Record<string, unknown>): { redirect?: string | undefined } => {
    const target = redirectPath(search['redirect'])
    return { redirect: target === HOME ? undefined : target }
  },
  beforeLoad: async ({ search }) => {
    if (await isSignedIn()) throw redirect({ href: redirectPath(search.redirect) })
    if (await needsSetup()) throw redirect({ to: '/' })
  },
  head: () => ({ meta: [{ title: 'Sign in · Tributary' }] }),
  component: SignInPage,
})

function SignInPage() {
  const search = Route.useSearch()
  return (
    <OutsidePage title="Sign in" intro="Durable event streams, on a machine of your own.">
      <SignInForm target={redirectPath(search.redirect)} />
    </OutsidePage>
  )
}
