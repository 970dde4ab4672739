import { useState } from 'react'
import { Checkbox, Switch } from '../ui/checkbox.tsx'
import { Field, Select, TextArea } from '../ui/field.tsx'
import { DarkIcon, LightIcon, SystemIcon } from '../ui/icons.tsx'
import { Segmented } from '../ui/segmented.tsx'
import { Part, State, States, TEXTS } from './specimen.tsx'

/** What is filled in or chosen. */
export function FormParts() {
  const [theme, setTheme] = useState<'system' | 'light' | 'dark'>('light')
  return (
    <>
      <Part name="Field" about="What is allowed is said before anything is wrong; what is wrong, right below.">
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Name" placeholder="Anything" />
          <Field
            label="Slug"
            className="font-mono"
            defaultValue="demo"
            hint="Lower-case letters, digits, inner hyphens."
          />
          <Field
            label="Path"
            defaultValue="/agents//a"
            error="path has an empty segment at 8; names have 1 to 255 bytes"
          />
          <Field label="Organisation" defaultValue="Rivers" disabled hint="Only an admin may change it." />
          <Field label="Long" defaultValue={TEXTS.long} />
          <Field label="From right to left" defaultValue={TEXTS.rightToLeft} dir="rtl" />
          <Field label="Filter" labelHidden placeholder="Filter streams" type="search" />
        </div>
      </Part>
      <Part name="Text area" about="Several lines; grows with them.">
        <div className="grid gap-4 sm:grid-cols-2">
          <TextArea label="Events" className="font-mono text-small" defaultValue={'{"type":"note"}\n{"type":"note"}'} />
          <TextArea label="Reason" error="reason has 300 characters; at most 256" defaultValue={TEXTS.hostile} />
        </div>
      </Part>
      <Part name="Select" about="One of many: the browser's own list.">
        <div className="grid gap-4 sm:grid-cols-3">
          <Select label="Role" defaultValue="editor">
            <option>viewer</option>
            <option>editor</option>
            <option>operator</option>
          </Select>
          <Select label="Zone" error="zone is not known here">
            <option>Europe/Berlin</option>
          </Select>
          <Select label="Region" disabled>
            <option>None</option>
          </Select>
        </div>
      </Part>
      <Part name="Checkbox and switch" about="A checkbox waits for the form; a switch acts at once.">
        <States>
          <State name="off">
            <Checkbox label="Keep the events" />
          </State>
          <State name="on, with what follows">
            <Checkbox label="Delete the streams below" hint="4 streams with 1,204 events go as well." defaultChecked />
          </State>
          <State name="disabled">
            <Checkbox label="Not for you" disabled />
          </State>
          <State name="switch, off">
            <Switch label="Single-key shortcuts" />
          </State>
          <State name="switch, on">
            <Switch label="Follow new events" defaultChecked />
          </State>
          <State name="switch, disabled">
            <Switch label="Export" disabled />
          </State>
          <State name="switch, on and disabled">
            <Switch label="Audit" defaultChecked disabled />
          </State>
        </States>
      </Part>
      <Part name="Segmented" about="One of two to five, all in sight.">
        <States>
          <State name="with icons">
            <Segmented
              label="Theme of nothing"
              labelled
              value={theme}
              onChange={setTheme}
              options={[
                { value: 'system', label: 'System', icon: <SystemIcon /> },
                { value: 'light', label: 'Light', icon: <LightIcon /> },
                { value: 'dark', label: 'Dark', icon: <DarkIcon /> },
              ]}
            />
          </State>
          <State name="disabled">
            <Segmented
              label="Order"
              disabled
              value="name"
              onChange={() => {}}
              options={[
                { value: 'name', label: 'Name' },
                { value: 'created', label: 'Created' },
              ]}
            />
          </State>
        </States>
      </Part>
    </>
  )
}
