import { createIsomorphicFn } from '@tanstack/react-start'
import type { ItxApi, ProjectApi } from './handle.ts'

/**
 * The handle for a route loader: in-process while the server renders, the tab's socket in the browser. Both must be
 * disposed: it ends the one and gives back a copy of the other.
 *
 * The server's half is imported when it runs, so that nothing of it reaches the browser's bundle.
 */
export const getLoaderItx: (project: string) => Promise<ProjectApi & Disposable> = createIsomorphicFn()
  .server(async (project: string) => (await import('./server-handle.ts')).getServerItx(project))
  .client(async (project: string) => (await import('./client/browser-client.ts')).browserClient().project(project))

/** As `getLoaderItx`, for what does not belong to one project. */
export const getLoaderRoot: () => Promise<ItxApi & Disposable> = createIsomorphicFn()
  .server(async () => (await import('./server-handle.ts')).getServerRoot())
  .client(async () => (await import('./client/browser-client.ts')).browserClient().root())
