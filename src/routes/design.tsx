import { createFileRoute, lazyRouteComponent, notFound } from '@tanstack/react-router'

/**
 * Every part of the dashboard in every state, for those who make them: in development only. A production build knows no
 * such page: what it shows is cut out where `import.meta.env.DEV` is false, and `scripts/browser-bundle.ts` holds it to
 * that.
 */
export const Route = createFileRoute('/design')({
  beforeLoad: () => {
    if (!import.meta.env.DEV) throw notFound()
  },
  head: () => ({ meta: [{ title: 'Design · Tributary' }] }),
  ...(import.meta.env.DEV && {
    component: lazyRouteComponent(() => import('../components/design/design-page.tsx'), 'DesignPage'),
  }),
})
