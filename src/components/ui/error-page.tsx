import { useRouter } from '@tanstack/react-router'
import { itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import { Button, buttonClass } from './button.tsx'
import { Message } from './message-page.tsx'

/** What to show where a page broke. */
export function ErrorPage({ error }: { readonly error: unknown }) {
  const router = useRouter()
  const code = itxErrorCode(error)
  const signedOut = itxErrorDetails(error)?.['reason'] === 'signed-out'
  return (
    <main>
      <Message mark={code ?? 'Error'} title={signedOut ? 'You are signed out' : 'This page could not be shown'}>
        <p role="alert">
          {signedOut ? 'Your session has ended.' : error instanceof Error ? error.message : String(error)}
        </p>
        <p className="flex flex-wrap gap-2">
          {signedOut ? (
            <a href="/sign-in" className={buttonClass('main')}>
              Sign in
            </a>
          ) : (
            <Button look="main" onClick={() => void router.invalidate()}>
              Try again
            </Button>
          )}
          <a href="/projects" className={buttonClass()}>
            Projects
          </a>
        </p>
      </Message>
    </main>
  )
}
