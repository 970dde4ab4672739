export const loadDrawer = () => import('./event-drawer.tsx')

/** Begins to load what shows an event: when a pointer or the focus comes near one. */
export function preloadDrawer(): void {
  // Asked for again when it is needed: a failure shows there.
  loadDrawer().catch(() => {})
}
