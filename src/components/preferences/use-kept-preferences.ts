import { useMemo, useState } from 'react'
import { type Preferences, cookieOf } from './preferences.ts'
import type { KeptPreferences } from './use-preferences.tsx'

/** Preferences as the server read them, and as they are changed from then on. For the root of the page. */
export function useKeptPreferences(initial: Preferences): KeptPreferences {
  const [preferences, setKept] = useState(initial)
  return useMemo(
    () => ({
      preferences,
      setPreferences: (change) => {
        const next = { ...preferences, ...change }
        document.cookie = cookieOf(next)
        setKept(next)
      },
    }),
    [preferences],
  )
}
