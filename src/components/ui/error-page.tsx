import { Link, useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { itxErrorDetails } from '../../streams/errors.ts'
import { buttonClass } from './button.tsx'
import { Way } from './failure.tsx'
import { failureWords } from './failure-words.ts'
import { Message } from './message-page.tsx'
import { useOnReturn } from './use-retry-failed.ts'

/** What to show where a page broke; within the frame, where the frame is whole. */
export function ErrorPage({ error }: { readonly error: unknown }) {
  const { code, what, advice, remedy } = failureWords(error)
  const { retry, busy } = useRetry(error)
  useOnReturn(retry)
  return (
    <main id="content" className="min-w-0">
      <Message mark={code ?? 'Error'} title="This page could not be shown">
        <p role="alert">
          {what} {advice}
        </p>
        <p className="flex flex-wrap gap-2">
          <Way look="main" remedy={remedy === 'none' ? 'retry' : remedy} onRetry={retry} busy={busy} />
          {remedy !== 'projects' && (
            <Link to="/projects" className={buttonClass()}>
              Projects
            </Link>
          )}
        </p>
      </Message>
    </main>
  )
}

/** Shows the page again. A part of it that could not be loaded takes a new document, once there is one to be had. */
function useRetry(error: unknown): { readonly retry: () => void; readonly busy: boolean } {
  const router = useRouter()
  const [busy, setBusy] = useState(false)
  const isPart = itxErrorDetails(error)?.['reason'] === 'page-part'
  const again = async () => {
    setBusy(true)
    if (!isPart) await router.invalidate()
    else if (await isReachable()) location.reload()
    setBusy(false)
  }
  useEffect(() => {
    if (isPart) void reloadOnce()
  }, [isPart])
  return { retry: () => void again(), busy }
}

/** A new version of the server is worth a reload by itself, and one that does not mend it is not worth another. */
async function reloadOnce(): Promise<void> {
  if ((await isReachable()) && mayReload()) location.reload()
}

/** A document that is loaded while nobody answers is lost to the browser's own page, which does not come back. */
async function isReachable(): Promise<boolean> {
  try {
    return (await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(REACH_MS) })).ok
  } catch {
    return false
  }
}

const REACH_MS = 5000
const RELOADED = 'tributary-reloaded'
const RELOAD_EVERY_MS = 60_000

function mayReload(): boolean {
  try {
    if (Date.now() - Number(sessionStorage.getItem(RELOADED)) < RELOAD_EVERY_MS) return false
    sessionStorage.setItem(RELOADED, String(Date.now()))
    return true
  } catch {
    return false
  }
}
