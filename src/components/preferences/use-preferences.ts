import { createContext, useContext } from 'react'
import { DEFAULTS, type Preferences } from './preferences.ts'

export interface KeptPreferences {
  readonly preferences: Preferences
  /** Takes effect at once, and stays for a year in this browser. */
  readonly setPreferences: (change: Partial<Preferences>) => void
}

const Context = createContext<KeptPreferences>({ preferences: DEFAULTS, setPreferences: () => {} })

export const PreferencesProvider = Context.Provider

/** How the reader wants to see things. */
export function usePreferences(): KeptPreferences {
  return useContext(Context)
}
