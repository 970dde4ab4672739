import { type ReactNode, useId } from 'react'
import type { Preferences } from './preferences.ts'
import { usePreferences } from './use-preferences.ts'

/** How one wants to see things: takes effect at once. */
export function Choices() {
  return (
    <div className="grid gap-4">
      <Choice
        name="theme"
        title="Theme"
        choices={[
          ['system', 'As the system'],
          ['light', 'Light'],
          ['dark', 'Dark'],
        ]}
      />
      <Choice
        name="density"
        title="Rows"
        choices={[
          ['compact', 'Compact'],
          ['comfortable', 'Comfortable'],
        ]}
      />
      <Choice
        name="times"
        title="Times"
        choices={[
          ['absolute', '2026-09-01 10:00:00.000'],
          ['relative', '3 minutes ago'],
        ]}
      />
      <Zone />
      <Choice
        name="keys"
        title="Shortcuts of a single key"
        choices={[
          ['on', 'On'],
          ['off', 'Off'],
        ]}
      />
      <p className="text-small text-soft">Kept in this browser.</p>
    </div>
  )
}

interface ChoiceProps<Name extends keyof Preferences> {
  readonly name: Name
  readonly title: string
  readonly choices: readonly (readonly [value: Preferences[Name], label: string])[]
}

function Choice<Name extends keyof Preferences>({ name, title, choices }: ChoiceProps<Name>): ReactNode {
  const { preferences, setPreferences } = usePreferences()
  return (
    <fieldset>
      <legend className="mb-1 text-base font-medium">{title}</legend>
      <div className="flex flex-wrap gap-x-4 gap-y-1">
        {choices.map(([value, label]) => (
          <label key={value} className="flex min-h-6 items-center gap-1.5">
            <input
              type="radio"
              name={name}
              checked={preferences[name] === value}
              onChange={() => setPreferences({ [name]: value })}
            />
            {label}
          </label>
        ))}
      </div>
    </fieldset>
  )
}

function Zone() {
  const id = useId()
  const { preferences, setPreferences } = usePreferences()
  const { zone } = preferences
  const here = new Intl.DateTimeFormat().resolvedOptions().timeZone
  const zones = Intl.supportedValuesOf('timeZone')
  return (
    <div className="grid gap-1">
      <label htmlFor={id} className="font-medium">
        Time zone
      </label>
      <select id={id} value={zone} onChange={(event) => setPreferences({ zone: event.target.value })} className="field">
        <option value="utc">UTC</option>
        <option value="local">As this computer ({here})</option>
        {zone !== 'utc' && zone !== 'local' && !zones.includes(zone) && <option value={zone}>{zone}</option>}
        {zones.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </div>
  )
}
