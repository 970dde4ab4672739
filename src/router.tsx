import { QueryClient } from '@tanstack/react-query'
import { createRouter } from '@tanstack/react-router'
import { setupRouterSsrQueryIntegration } from '@tanstack/react-router-ssr-query'
import { pageNonce } from './itx/page-context.ts'
import { routeTree } from './routeTree.gen.ts'

/** The router of one render on the server, or of one tab in the browser, with the query cache both share. */
export function getRouter() {
  const queryClient = new QueryClient({
    defaultOptions: {
      queries: {
        refetchOnWindowFocus: false,
      },
    },
  })
  const nonce = pageNonce()
  const router = createRouter({
    ...(nonce === undefined ? {} : { ssr: { nonce } }),
    routeTree,
    context: { queryClient },
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
