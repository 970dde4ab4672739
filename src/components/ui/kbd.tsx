import { useHydrated } from './use-hydrated.ts'

interface KbdProps {
  /** Keys pressed together are joined by `+`, one after the other by a space: `mod+K`, `g s`. `mod` is Ctrl, or ⌘ on a Mac. */
  readonly keys: string
}

/** A key, or several, as they stand on the keyboard of whoever reads. */
export function Kbd({ keys }: KbdProps) {
  // The server cannot know the keyboard: its HTML says Ctrl, and the browser mends it after hydration.
  const mac = useHydrated() && isMac()
  const strokes = keys.split(' ')
  return (
    <span className="inline-flex shrink-0 items-center gap-1 text-micro">
      {strokes.map((stroke, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- a stroke is what it is by its place
        <kbd key={`${at} ${stroke}`} className="kbd">
          {stroke
            .split('+')
            .map((key, _, { length }) => nameOfKey(length > 1 && key.length === 1 ? key.toUpperCase() : key, mac))
            .join(mac ? '' : '+')}
        </kbd>
      ))}
    </span>
  )
}

const MAC_NAMES: Readonly<Record<string, string>> = { mod: '⌘', shift: '⇧', alt: '⌥' }
const NAMES: Readonly<Record<string, string>> = { mod: 'Ctrl', shift: 'Shift', alt: 'Alt' }

/** What is printed on a key. */
export function nameOfKey(key: string, mac: boolean): string {
  return (mac ? MAC_NAMES : NAMES)[key] ?? key
}

function isMac(): boolean {
  return /^(?:Mac|iPhone|iPad)/.test(navigator.platform)
}
