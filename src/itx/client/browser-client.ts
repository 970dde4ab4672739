import { browserConnection } from './browser-connection.ts'
import type { Connection } from './connection.ts'
import { resumeWithSession } from './session-return.ts'

// One socket per tab, also when a module is evaluated anew in dev.
const KEY = Symbol.for('tributary.browser-client')
const holder = globalThis as { [KEY]?: Connection }

/** The tab's connection, to the server that the page came from. Browser only. */
export function browserClient(): Connection {
  return (holder[KEY] ??= create())
}

/** The tab's connection; null while a page is rendered on the server. */
export function tabConnection(): Connection | null {
  return typeof document === 'undefined' ? null : browserClient()
}

function create(): Connection {
  const connection = browserConnection(location.href)
  const resume = resumeWithSession({ connection, askWho: askWhoIsSignedIn, reload: () => location.reload() })
  // A window beside another one is visible all the time: it comes back with the focus.
  addEventListener('focus', () => void resume())
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void resume()
  })
  return connection
}

async function askWhoIsSignedIn(): Promise<string | null | undefined> {
  try {
    const response = await fetch('/api/auth/get-session')
    if (!response.ok) return undefined
    const session = (await response.json()) as { readonly user?: { readonly id?: string } } | null
    return session === null ? null : session.user?.id
  } catch {
    return undefined
  }
}
