import { createIsomorphicFn } from '@tanstack/react-start'

/**
 * Whether the reader of this page is signed in. On the server by the session cookie of the request; in the browser a
 * page that was rendered for somebody keeps its reader, and a session that ends shows in the socket's state.
 */
export const isSignedIn: () => Promise<boolean> = createIsomorphicFn()
  .server(async () => (await (await import('./server-handle.ts')).serverPrincipal()).kind === 'user')
  .client(async () => (await fetch('/api/auth/get-session').then((response) => response.json())) !== null)

/** Gives the page being rendered the status 404; in the browser there is none to give. */
export const markNotFound: () => Promise<void> = createIsomorphicFn()
  .server(async () => (await import('./server-handle.ts')).setPageStatus(404))
  .client(async () => {})

/** Whether a setup link is good. The browser finds out by using it. */
export const acceptsSetup: (token: string) => Promise<boolean> = createIsomorphicFn()
  .server(async (token: string) => (await import('./server-handle.ts')).acceptsSetup(token))
  .client(async () => true)

/** Whether the instance still waits for its first admin; the browser is never asked before the server was. */
export const needsSetup: () => Promise<boolean> = createIsomorphicFn()
  .server(async () => (await import('./server-handle.ts')).needsSetup())
  .client(async () => false)
