import { useEffect, useSyncExternalStore } from 'react'

/** How far the loading of a module is. A failure is forgotten when it is asked for again. */
export type LazyState<Module> =
  | { readonly status: 'waiting' }
  | { readonly status: 'loaded'; readonly module: Module }
  | { readonly status: 'failed' }

export interface Lazy<Module> {
  /** Begins to load it, when it is neither here nor on its way. */
  readonly preload: () => void
  readonly subscribe: (changed: () => void) => () => void
  readonly current: () => LazyState<Module>
}

const WAITING: LazyState<never> = { status: 'waiting' }

/**
 * A module that is loaded when it is first wanted: what floats above the page costs nothing before it is opened. Unlike
 * `React.lazy` it suspends nobody, so the button that asked for it stays as it is, with its focus, and a load that
 * failed can be tried again.
 */
export function lazily<Module>(load: () => Promise<Module>): Lazy<Module> {
  let state: LazyState<Module> = WAITING
  let loading = false
  const listeners = new Set<() => void>()
  const become = (next: LazyState<Module>) => {
    state = next
    for (const changed of listeners) changed()
  }
  return {
    preload() {
      if (loading || state.status === 'loaded') return
      loading = true
      if (state.status === 'failed') become(WAITING)
      load()
        .then(
          (module) => become({ status: 'loaded', module }),
          () => become({ status: 'failed' }),
        )
        .finally(() => {
          loading = false
        })
    },
    subscribe(changed) {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
    current: () => state,
  }
}

/** The module, as far as it is there. It is loaded as soon as `wanted`; the server never has it. */
export function useLazily<Module>(lazy: Lazy<Module>, wanted: boolean): LazyState<Module> {
  useEffect(() => {
    if (wanted) lazy.preload()
  }, [lazy, wanted])
  return useSyncExternalStore(lazy.subscribe, lazy.current, () => WAITING)
}
