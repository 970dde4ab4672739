import { Link, useLocation } from '@tanstack/react-router'
import { itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import { buttonClass } from '../ui/button.tsx'
import { ErrorNotice } from '../ui/notice.tsx'

/** Why a stream's page is not live any more, in words, and what can be done about it. */
export function StreamFailure({ error }: { readonly error: unknown }) {
  const here = useLocation({ select: (location) => location.href })
  const details = itxErrorDetails(error)
  const code = itxErrorCode(error)
  if (code === 'FORBIDDEN' && details?.['reason'] === 'signed-out') {
    return details['because'] === 'access changed' ? (
      <Failure
        message="What you may do here has changed. This page shows how things were before."
        onReload="Show how they are"
      />
    ) : (
      <Failure message="You are signed out. This page is not live any more.">
        <a href={`/sign-in?redirect=${encodeURIComponent(here)}`} className={`${buttonClass()} ms-3`}>
          Sign in
        </a>
      </Failure>
    )
  }
  if (code === 'NOT_FOUND' && details?.['project'] !== undefined) {
    return (
      <Failure message="This project is not there any more: it was deleted, or you are no longer a member of it.">
        <Link to="/projects" className={`${buttonClass()} ms-3`}>
          Your projects
        </Link>
      </Failure>
    )
  }
  const message = error instanceof Error ? error.message : String(error)
  return <Failure code={code} message={message} onReload="Reload" />
}

interface FailureProps {
  readonly code?: string | undefined
  readonly message: string
  /** What the button says that loads the page anew; no such button when absent. */
  readonly onReload?: string
  readonly children?: React.ReactNode
}

function Failure({ code, message, onReload, children }: FailureProps) {
  return (
    <div className="px-4 py-3">
      <ErrorNotice code={code} message={message}>
        {children}
        {onReload !== undefined && (
          <a href="" className={`${buttonClass()} ms-3`}>
            {onReload}
          </a>
        )}
      </ErrorNotice>
    </div>
  )
}
