import { Link } from '@tanstack/react-router'
import { ROOT_PATH } from '../../streams/path.ts'
import { usePreferences } from '../preferences/use-preferences.tsx'
import { useAllShortcuts } from '../shortcuts/use-shortcuts.ts'
import { appendSnippets } from '../stream/append-snippets.ts'
import { Checkbox } from '../ui/checkbox.tsx'
import { Kbd } from '../ui/kbd.tsx'
import { Snippets } from '../ui/snippets.tsx'
import type { HelpDialogProps } from './help-dialog.tsx'

const TERMS: readonly (readonly [term: string, meaning: string])[] = [
  [
    'Stream',
    'A log of events at a path, such as /agents/a1/runs/7. It is made by its first append, with all above it.',
  ],
  ['Event', 'What was appended: a type, a JSON payload, a time. It never changes and never moves.'],
  ['Offset', 'The place of an event in its stream: 1, 2, 3, without a gap.'],
  ['Idempotency key', 'What is appended again under the same key is stored once.'],
  ['Paused', 'The stream refuses events until somebody resumes it, by hand or because too much came at once.'],
  [
    'Processor',
    'A function over a stream: it keeps a state and may append. One that fails is parked before the event.',
  ],
]

/** Keys that parts of the page have for themselves. */
const OWN: readonly { readonly keys: string; readonly label: string }[] = [
  { keys: '↑ ↓', label: 'Tree: the row above, the row below' },
  { keys: '→ ←', label: 'Tree: open and go in, close and go out' },
  { keys: 'Enter', label: 'Tree: open the stream' },
  { keys: 'Esc', label: 'Close a menu, a dialog or the event' },
]

/** What is what, how to append from elsewhere, and every key of the page that is open. */
export function Help({ project, path, onClose }: Omit<HelpDialogProps, 'open'>) {
  return (
    <div className="grid gap-x-8 gap-y-5 sm:grid-cols-2">
      <section aria-labelledby="help-terms">
        <h3 id="help-terms" className="mb-2 font-semibold">
          What is what
        </h3>
        <dl className="grid gap-2">
          {TERMS.map(([term, meaning]) => (
            <div key={term}>
              <dt className="font-medium">{term}</dt>
              <dd className="text-small text-soft">{meaning}</dd>
            </div>
          ))}
        </dl>
      </section>
      <Keys />
      {project && (
        <section aria-labelledby="help-append" className="min-w-0 sm:col-span-2">
          <h3 id="help-append" className="mb-2 font-semibold">
            Append from elsewhere
          </h3>
          <Snippets
            label="Append an event"
            snippets={appendSnippets({
              origin: window.location.origin,
              project: project.slug,
              path: path === null || path === ROOT_PATH ? '/notes/first' : path,
            })}
          />
          <p className="mt-2 text-small text-soft">
            All that programs can do is on the page{' '}
            <Link to="/projects/$slug/api" params={{ slug: project.slug }} onClick={onClose} className="link">
              API
            </Link>
            .
          </p>
        </section>
      )}
    </div>
  )
}

function Keys() {
  const shortcuts = useAllShortcuts()
  const { preferences, setPreferences } = usePreferences()
  return (
    <section aria-labelledby="help-keys">
      <h3 id="help-keys" className="mb-2 font-semibold">
        Keys
      </h3>
      <dl className="grid grid-cols-[1fr_auto] gap-x-4 gap-y-1">
        {[...shortcuts(), ...OWN].map(({ keys, label }) => (
          <div key={`${keys} ${label}`} className="contents">
            <dt>{label}</dt>
            <dd className="justify-self-end">
              <Kbd keys={keys} />
            </dd>
          </div>
        ))}
      </dl>
      <div className="mt-2">
        <Checkbox
          label="Single-key shortcuts"
          checked={preferences.keys === 'on'}
          onChange={(event) => setPreferences({ keys: event.target.checked ? 'on' : 'off' })}
        />
      </div>
    </section>
  )
}
