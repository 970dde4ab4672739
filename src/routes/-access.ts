import type { QueryClient } from '@tanstack/react-query'
import { redirect } from '@tanstack/react-router'
import type { ProjectInfo } from '../itx/handle.ts'
import { isSignedIn } from '../itx/page-context.ts'
import { runItxQuery } from '../itx/prefetch.ts'
import { projectBySlugQuery } from '../itx/queries.ts'

/** Sends whoever is not signed in to sign in and back: the same for every address, whether it leads anywhere or not. */
export async function requireSignIn(href: string): Promise<void> {
  if (!(await isSignedIn())) throw redirect({ to: '/sign-in', search: { redirect: href } })
}

/** A project by its slug; null when there is none for the reader; `failed` when nobody could be asked. */
export async function projectOf(queryClient: QueryClient, slug: string): Promise<ProjectInfo | null | 'failed'> {
  const query = projectBySlugQuery(slug)
  const { queryKey, staleTime } = query
  const options = { queryKey, staleTime, retry: false, queryFn: () => runItxQuery(query) }
  const known = queryClient.getQueryData<ProjectInfo | null>(queryKey)
  if (known) {
    // Known: go on with it, and look in the background whether it still holds.
    void queryClient.prefetchQuery(options)
    return known
  }
  try {
    return await queryClient.fetchQuery(options)
  } catch {
    // The page says so and offers to try again; a thrown error would take the frame with it.
    return 'failed'
  }
}
