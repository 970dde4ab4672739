import { createIsomorphicFn, getGlobalStartContext } from '@tanstack/react-start'

/** In this tab: once somebody was found signed in, the tab is theirs until it is loaded anew. */
let knownReader = false

/**
 * Whether the reader of this page is signed in. On the server by the session cookie of the request; in the browser a
 * page that was rendered for somebody keeps its reader, and a session that ends shows in the socket's state.
 */
export const isSignedIn: () => Promise<boolean> = createIsomorphicFn()
  .server(async () => (await (await import('./server-handle.ts')).serverPrincipal()).kind === 'user')
  .client(async () => {
    // Signing in and out are full navigations, so this cannot outlive its reader. Asked once: every navigation, and
    // every link that is hovered, comes through here.
    knownReader ||= await askWhetherSignedIn()
    return knownReader
  })

const SESSION_MS = 3000

async function askWhetherSignedIn(): Promise<boolean> {
  try {
    // A server that does not answer must not hold up the navigation: the page says what is the matter.
    const response = await fetch('/api/auth/get-session', { signal: AbortSignal.timeout(SESSION_MS) })
    // Only a clear no is a no: an overloaded or unreachable server is no reason to ask for a password.
    return !response.ok || (await response.json()) !== null
  } catch {
    return true
  }
}

/** Gives the page being rendered the status 404; in the browser there is none to give. */
export const markNotFound: () => Promise<void> = createIsomorphicFn()
  .server(async () => (await import('./server-handle.ts')).setPageStatus(404))
  .client(async () => {})

/** What the reader's browser keeps for us and scripts may read. */
export const pageCookies: () => Promise<string | null> = createIsomorphicFn()
  .server(async () => (await import('./server-handle.ts')).requestCookies())
  .client(async () => document.cookie)

/** Whether a setup link is good. The browser finds out by using it. */
export const acceptsSetup: (token: string) => Promise<boolean> = createIsomorphicFn()
  .server(async (token: string) => (await import('./server-handle.ts')).acceptsSetup(token))
  .client(async () => true)

/** Whether the instance still waits for its first admin; the browser is never asked before the server was. */
export const needsSetup: () => Promise<boolean> = createIsomorphicFn()
  .server(async () => (await import('./server-handle.ts')).needsSetup())
  .client(async () => false)

/** The address people and programs reach this instance at, such as `http://localhost:3000`. */
export const pageOrigin: () => Promise<string> = createIsomorphicFn()
  .server(async () => (await import('./instance.ts')).currentInstance().config.origin)
  .client(async () => location.origin)

/** What the scripts of the page being rendered must carry; in the browser the router finds it in the page. */
export const pageNonce: () => string | undefined = createIsomorphicFn()
  .server(() => (getGlobalStartContext() as { readonly nonce?: string } | undefined)?.nonce)
  .client(() => undefined)
