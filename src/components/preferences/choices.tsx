import { Select } from '../ui/field.tsx'
import { Segmented } from '../ui/segmented.tsx'
import type { Preferences } from './preferences.ts'
import { usePreferences } from './use-preferences.tsx'

type Choice = Exclude<keyof Preferences, 'zone'>

interface Choosable<Name extends Choice> {
  readonly label: string
  readonly options: readonly { readonly value: Preferences[Name]; readonly label: string }[]
}

const CHOICES: { readonly [Name in Choice]: Choosable<Name> } = {
  theme: {
    label: 'Theme',
    options: [
      { value: 'system', label: 'System' },
      { value: 'light', label: 'Light' },
      { value: 'dark', label: 'Dark' },
    ],
  },
  density: {
    label: 'Rows',
    options: [
      { value: 'compact', label: 'Compact' },
      { value: 'comfortable', label: 'Comfortable' },
    ],
  },
  times: {
    label: 'Times',
    options: [
      { value: 'absolute', label: '2026-09-01 10:00:00.000' },
      { value: 'relative', label: '3 minutes ago' },
    ],
  },
  keys: {
    label: 'Single-key shortcuts',
    options: [
      { value: 'on', label: 'On' },
      { value: 'off', label: 'Off' },
    ],
  },
}

/** How one wants to see things: takes effect at once. */
export function Choices() {
  return (
    <div className="grid gap-4">
      <OneOf name="theme" />
      <OneOf name="density" />
      <OneOf name="times" />
      <Zone />
      <OneOf name="keys" />
      <p className="text-small text-soft">Kept in this browser.</p>
    </div>
  )
}

function OneOf<Name extends Choice>({ name }: { readonly name: Name }) {
  const { preferences, setPreferences } = usePreferences()
  const { label, options } = CHOICES[name]
  return (
    <Segmented
      label={label}
      labelled
      value={preferences[name]}
      options={options}
      onChange={(value) => setPreferences({ [name]: value })}
    />
  )
}

function Zone() {
  const { preferences, setPreferences } = usePreferences()
  const { zone } = preferences
  const here = new Intl.DateTimeFormat().resolvedOptions().timeZone
  const zones = Intl.supportedValuesOf('timeZone')
  return (
    <Select label="Time zone" value={zone} onChange={(event) => setPreferences({ zone: event.target.value })}>
      <option value="utc">UTC</option>
      <option value="local">As this computer ({here})</option>
      {zone !== 'utc' && zone !== 'local' && !zones.includes(zone) && <option value={zone}>{zone}</option>}
      {zones.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </Select>
  )
}
