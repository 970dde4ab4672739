import { type ReactNode, createContext, useContext, useMemo } from 'react'
import { DEFAULTS, type Preferences } from './preferences.ts'

export interface KeptPreferences {
  readonly preferences: Preferences
  /** Takes effect at once, and stays for a year in this browser. */
  readonly setPreferences: (change: Partial<Preferences>) => void
}

type TimePreferences = Pick<Preferences, 'times' | 'zone'>

const Context = createContext<KeptPreferences>({ preferences: DEFAULTS, setPreferences: () => {} })
const TimeContext = createContext<TimePreferences>(DEFAULTS)

interface PreferencesProviderProps {
  readonly value: KeptPreferences
  readonly children: ReactNode
}

export function PreferencesProvider({ value, children }: PreferencesProviderProps) {
  const { times, zone } = value.preferences
  const ofTimes = useMemo(() => ({ times, zone }), [times, zone])
  return (
    <Context value={value}>
      <TimeContext value={ofTimes}>{children}</TimeContext>
    </Context>
  )
}

/** How the reader wants to see things. */
export function usePreferences(): KeptPreferences {
  return useContext(Context)
}

/** The same for times alone: each row of a log has one, and none of them has to do with a new theme. */
export function useTimePreferences(): TimePreferences {
  return useContext(TimeContext)
}
