import { useTimePreferences } from '../preferences/use-preferences.tsx'
import { useHydrated } from './use-hydrated.ts'

/**
 * The zone times are shown in now: `utc`, `local`, or one of the IANA database. Where the reader's own is wanted, it is
 * UTC until the browser has taken over: the server cannot know it.
 */
export function useZone(): string {
  const { zone } = useTimePreferences()
  const hydrated = useHydrated()
  return zone === 'local' && !hydrated ? 'utc' : zone
}
