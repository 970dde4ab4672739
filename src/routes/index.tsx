import { createFileRoute, redirect } from '@tanstack/react-router'
import { OutsidePage } from '../components/auth/outside-page.tsx'
import { isSignedIn, needsSetup } from '../itx/page-context.ts'

/** The way in: to the projects, to signing in, or, on a new instance, to the setup link. */
export const Route = createFileRoute('/')({
  beforeLoad: async () => {
    if (await isSignedIn()) throw redirect({ to: '/projects' })
    if (!(await needsSetup())) throw redirect({ to: '/sign-in' })
  },
  head: () => ({ meta: [{ title: 'Set up · Tributary' }] }),
  component: WaitsForSetup,
})

function WaitsForSetup() {
  return (
    <OutsidePage
      title="Almost there"
      intro={
        <>
          <p>This Tributary is running and has no admin yet.</p>
          <p className="mt-3">
            When it started it printed a one-time setup link in its terminal. Open that link here to create the first
            account.
          </p>
        </>
      }
    >
      <p className="border-s-3 border-bed ps-3 text-base text-soft">
        Link gone? Restart the server: every start prints a new one, and the old one stops working.
      </p>
    </OutsidePage>
  )
}
