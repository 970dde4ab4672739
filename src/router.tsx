import { QueryClient } from '@tanstack/react-query'
import { createRouter } from '@tanstack/react-router'
import { setupRouterSsrQueryIntegration } from '@tanstack/react-router-ssr-query'
import { ErrorPage } from './components/ui/error-page.tsx'
import { pageNonce } from './itx/page-context.ts'
import { routeTree } from './routeTree.gen.ts'

/** The router of one render on the server, or of one tab in the browser, with the query cache both share. */
export function getRouter() {
  const queryClient = new QueryClient({
    defaultOptions: {
      // What the browser calls offline may reach a server on the same machine or network: the socket finds out, and what
      // fails says so. Paused, it would load for good and say nothing.
      queries: {
        networkMode: 'always',
        refetchOnWindowFocus: false,
      },
      mutations: {
        networkMode: 'always',
      },
    },
  })
  const nonce = pageNonce()
  const router = createRouter({
    ...(nonce === undefined ? {} : { ssr: { nonce } }),
    routeTree,
    context: { queryClient },
    // In the place of the part that broke: the frame around it stays.
    defaultErrorComponent: ({ error }) => <ErrorPage error={error} />,
    defaultPreload: 'intent',
    scrollRestoration: true,
    // Loaders only prefetch: what is fresh is the query cache's business.
    defaultPreloadStaleTime: 0,
  })
  setupRouterSsrQueryIntegration({ router, queryClient, wrapQueryClient: true })
  return router
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof getRouter>
  }
}
