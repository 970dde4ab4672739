import { createFileRoute } from '@tanstack/react-router'
import { OutsidePage } from '../components/auth/outside-page.tsx'
import { SetupForm } from '../components/auth/setup-form.tsx'
import { buttonClass } from '../components/ui/button.tsx'
import { acceptsSetup, markNotFound } from '../itx/page-context.ts'

export const Route = createFileRoute('/setup/$token')({
  loader: async ({ params }) => {
    const accepted = await acceptsSetup(params.token)
    if (!accepted) await markNotFound()
    return { accepted }
  },
  head: () => ({ meta: [{ title: 'Set up · Tributary' }] }),
  component: SetupPage,
})

function SetupPage() {
  const { token } = Route.useParams()
  const { accepted } = Route.useLoaderData()
  if (!accepted) return <SpentLink />
  return (
    <OutsidePage
      title="Create the first admin"
      intro="This link works once. The account it creates administers this instance and owns the project demo."
    >
      <SetupForm token={token} />
    </OutsidePage>
  )
}

/** The same for a link that was used and one that never was: which it is, is nobody's business. */
function SpentLink() {
  return (
    <OutsidePage
      title="This setup link does not work"
      intro="It was used already, or it is from an earlier start of the server."
    >
      <div className="grid justify-items-start gap-4 text-base">
        <p>
          If you have an account, sign in. If nobody has one yet, restart the server and open the link it prints then.
        </p>
        <a href="/sign-in" className={`${buttonClass('main')} min-h-9`}>
          Go to sign-in
        </a>
      </div>
    </OutsidePage>
  )
}
