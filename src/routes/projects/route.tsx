import { Outlet, createFileRoute } from '@tanstack/react-router'
import { pageOrigin } from '../../itx/page-context.ts'
import { prefetchItxQuery } from '../../itx/prefetch.ts'
import { whoamiQuery } from '../../itx/queries.ts'
import { requireSignIn } from '../-access.ts'

/** Everything behind sign-in. */
export const Route = createFileRoute('/projects')({
  beforeLoad: async ({ location }) => {
    await requireSignIn(location.href)
    return { origin: await pageOrigin() }
  },
  loader: ({ context: { queryClient } }) => prefetchItxQuery({ queryClient, query: whoamiQuery() }),
  component: Outlet,
})
