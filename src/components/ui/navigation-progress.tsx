import { useRouterState } from '@tanstack/react-router'

/** A line above everything while the next page is on its way: who has followed a link sees that it was heard. */
export function NavigationProgress() {
  const isLoading = useRouterState({ select: ({ isLoading: loading }) => loading })
  return isLoading ? <div role="progressbar" aria-label="Loading the page" className="navigation-progress" /> : null
}
