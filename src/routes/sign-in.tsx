import { createFileRoute, redirect } from '@tanstack/react-router'
import { OutsidePage } from '../components/auth/outside-page.tsx'
import { HOME, redirectPath } from '../components/auth/redirect-path.ts'
import { SignInForm } from '../components/auth/sign-in-form.tsx'
import { Notice } from '../components/ui/notice.tsx'
import { isSignedIn, needsSetup } from '../itx/page-context.ts'

export const Route = createFileRoute('/sign-in')({
  // Whatever it asks for is followed through `redirectPath` alone; what that leaves out, the page says.
  validateSearch: ({ redirect: asked }: Record<string, unknown>): { redirect?: string | undefined } => ({
    redirect: asked === undefined ? undefined : String(asked),
  }),
  beforeLoad: async ({ search }) => {
    if (await isSignedIn()) throw redirect({ href: redirectPath(search.redirect) })
    if (await needsSetup()) throw redirect({ to: '/' })
  },
  head: () => ({ meta: [{ title: 'Sign in · Tributary' }] }),
  component: SignInPage,
})

function SignInPage() {
  const { redirect: asked } = Route.useSearch()
  const target = redirectPath(asked)
  return (
    <OutsidePage title="Sign in" intro="Durable event streams, on a machine of your own.">
      {asked !== undefined && asked !== HOME && target === HOME && (
        <Notice tone="warn">
          The link that led here asked to go on to a place that is not on this site. After signing in you see your
          projects instead.
        </Notice>
      )}
      <SignInForm target={target} />
    </OutsidePage>
  )
}
