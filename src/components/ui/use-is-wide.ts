import { useSyncExternalStore } from 'react'

/** As `lg:` of the styles: from here on there is room for a pane beside the page. */
const WIDE = '(width >= 64rem)'

/** Whether panes stand beside the page or lie above it. The server, which cannot know, takes it to be wide. */
export function useIsWide(): boolean {
  return useSyncExternalStore(
    subscribe,
    () => window.matchMedia(WIDE).matches,
    () => true,
  )
}

function subscribe(changed: () => void): () => void {
  const query = window.matchMedia(WIDE)
  query.addEventListener('change', changed)
  return () => query.removeEventListener('change', changed)
}
