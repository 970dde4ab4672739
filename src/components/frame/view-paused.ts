import { createContext, useContext, useEffect } from 'react'

/** Tells the frame that what the page shows stands still. */
const Context = createContext<(paused: boolean) => void>(() => {})

export const ViewPausedProvider = Context.Provider

/** Says in the frame whether the reader has paused what this page shows: a page that stands still must not look live. */
export function useTellPaused(paused: boolean): void {
  const tell = useContext(Context)
  useEffect(() => {
    tell(paused)
    return () => tell(false)
  }, [tell, paused])
}
