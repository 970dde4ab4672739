import { Link, useRouter } from '@tanstack/react-router'
import { useState } from 'react'
import { Button, buttonClass } from '../ui/button.tsx'
import { Message } from '../ui/message-page.tsx'
import { useOnReturn } from '../ui/use-retry-failed.ts'

/** Missing and forbidden are one page: which it is, would already say that it exists. */
export function ProjectMissing({ slug }: { readonly slug: string }) {
  return (
    <main id="content">
      <Message mark="404" title="Project not found">
        <p>
          The project <code className="foreign font-mono text-ink">{slug}</code> does not exist, or your account is not
          a member of it. An admin of the project can add you.
        </p>
        <Link to="/projects" className={buttonClass('main')}>
          Your projects
        </Link>
      </Message>
    </main>
  )
}

/** Nobody could be asked whether the project exists. It is asked again by itself when the connection is back. */
export function ProjectFailed({ slug }: { readonly slug: string }) {
  const router = useRouter()
  const [busy, setBusy] = useState(false)
  const again = async () => {
    setBusy(true)
    await router.invalidate()
    setBusy(false)
  }
  useOnReturn(() => void again())
  return (
    <main id="content">
      <Message mark="UNAVAILABLE" title="The server did not answer">
        <p>
          Whether the project <code className="foreign font-mono text-ink">{slug}</code> is there could not be found
          out.
        </p>
        <Button look="main" aria-disabled={busy} onClick={() => !busy && void again()}>
          {busy ? 'Trying…' : 'Try again'}
        </Button>
      </Message>
    </main>
  )
}
