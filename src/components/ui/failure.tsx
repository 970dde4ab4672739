import { Link, useLocation } from '@tanstack/react-router'
import { Button, buttonClass } from './button.tsx'
import { type Remedy, failureWords } from './failure-words.ts'
import { Notice } from './notice.tsx'

interface FailureProps {
  readonly error: unknown
  /** Something was to be done, not read. */
  readonly isAct?: boolean
  /** What is shown is there, but from before. */
  readonly isStale?: boolean
  /** Asks again; without it the page is loaded anew. A deed has its own button. */
  readonly onRetry?: () => void
  /** It is being asked again. */
  readonly busy?: boolean
}

/** Why something is not here or was not done, where it would be, with the one thing to do about it. */
export function Failure({ error, isAct = false, isStale = false, onRetry, busy = false }: FailureProps) {
  const { code, what, advice, remedy } = failureWords(error, isAct)
  return (
    <Notice tone={isStale ? 'warn' : 'danger'} alert>
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <p className="min-w-0 flex-1 basis-48">
          {code && (
            <>
              <span className={`me-1 font-mono text-small font-semibold ${isStale ? 'text-warn' : 'text-danger'}`}>
                {code}
              </span>{' '}
            </>
          )}
          {what}
          {advice !== undefined && ` ${advice}`}
          {isStale && remedy === 'retry' && ' What is shown may be old.'}
        </p>
        <Way remedy={isAct ? afterAct(remedy) : remedy} onRetry={onRetry} busy={busy} />
      </div>
    </Notice>
  )
}

/** A deed has its own button, and a page that is loaded anew would lose what was written. */
function afterAct(remedy: Remedy): Remedy {
  return remedy === 'retry' || remedy === 'reload' ? 'none' : remedy
}

interface WayProps {
  readonly remedy: Remedy
  readonly onRetry?: (() => void) | undefined
  readonly busy?: boolean
  readonly look?: 'main' | 'plain'
}

/** What to do about a failure, as a button or a link. */
export function Way({ remedy, onRetry, busy = false, look = 'plain' }: WayProps) {
  const here = useLocation({ select: (location) => location.href })
  switch (remedy) {
    case 'none':
      return null
    case 'sign-in':
      return (
        <a href={`/sign-in?redirect=${encodeURIComponent(here)}`} className={buttonClass(look)}>
          Sign in
        </a>
      )
    case 'projects':
      return (
        <Link to="/projects" className={buttonClass(look)}>
          Your projects
        </Link>
      )
    case 'retry':
      if (!onRetry) break
      return (
        // Not disabled while it is busy: that would take the focus away from whoever presses it.
        <Button look={look} aria-disabled={busy} onClick={() => !busy && onRetry()}>
          {busy ? 'Trying…' : 'Try again'}
        </Button>
      )
    case 'reload':
      break
  }
  return (
    <a href={here} onClick={reload} className={buttonClass(look)}>
      Reload
    </a>
  )
}

/** A link to the page itself, with a fragment in its address, would only jump. */
function reload(event: { preventDefault(): void }): void {
  event.preventDefault()
  location.reload()
}
