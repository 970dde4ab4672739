import type { QueryClient } from '@tanstack/react-query'
import {
  type ErrorComponentProps,
  HeadContent,
  Outlet,
  Scripts,
  createRootRouteWithContext,
} from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { ErrorPage } from '../components/ui/error-page.tsx'
import { NavigationProgress } from '../components/ui/navigation-progress.tsx'
import { NotFoundPage } from '../components/ui/not-found-page.tsx'
import { Recovery } from '../components/ui/use-retry-failed.ts'
import { DEFAULTS, preferencesOf } from '../components/preferences/preferences.ts'
import { useKeptPreferences } from '../components/preferences/use-kept-preferences.ts'
import { PreferencesProvider } from '../components/preferences/use-preferences.tsx'
import { tabConnection } from '../itx/client/browser-client.ts'
import { pageCookies } from '../itx/page-context.ts'
import { ItxProvider } from '../itx/react/provider.ts'
import '../styles.css'

/** The mark, drawn small: no request, and no answer of 404 for /favicon.ico. */
const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" fill="none" stroke="#1b9a96" stroke-width="3" stroke-linecap="round"><path d="M4 2C4 7 10 7.5 10 12.5V18"/><path d="M16 2c0 4.500-3.500 5.500-5 7.500"/></svg>',
)}`

export const Route = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  beforeLoad: async () => ({ preferences: preferencesOf(await pageCookies()) }),
  head: () => ({
    meta: [
      { charSet: 'utf-8' },
      { name: 'viewport', content: 'width=device-width, initial-scale=1' },
      { name: 'color-scheme', content: 'light dark' },
      { title: 'Tributary' },
    ],
    links: [{ rel: 'icon', href: ICON }],
  }),
  // The document stands outside of the error boundary: an error page needs one as well.
  shellComponent: Document,
  component: Outlet,
  errorComponent: ({ error }: ErrorComponentProps) => <ErrorPage error={error} />,
  notFoundComponent: () => <NotFoundPage />,
})

function Document({ children }: { readonly children: ReactNode }) {
  // An error may have come before there was a context.
  const kept = useKeptPreferences(Route.useRouteContext().preferences ?? DEFAULTS)
  const { theme, density } = kept.preferences
  return (
    <html lang="en" data-theme={theme === 'system' ? undefined : theme} data-density={density}>
      <head>
        <HeadContent />
      </head>
      <body>
        <PreferencesProvider value={kept}>
          <ItxProvider connection={tabConnection()}>
            <NavigationProgress />
            <Recovery />
            {children}
          </ItxProvider>
        </PreferencesProvider>
        <Scripts />
      </body>
    </html>
  )
}
