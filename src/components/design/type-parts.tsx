import * as icons from '../ui/icons.tsx'
import { Part, State, States } from './specimen.tsx'

const INKS = ['text-ink', 'text-soft', 'text-faint', 'text-accent', 'text-accent-deep', 'text-warn', 'text-danger']
const GROUNDS = [
  'bg-paper',
  'bg-surface',
  'bg-raised',
  'bg-hover',
  'bg-press',
  'bg-wash',
  'bg-warn-wash',
  'bg-danger-wash',
]
/** Sorted: a module's names have another order in dev's server than in the browser. */
const ICONS = Object.entries(icons).toSorted(([a], [b]) => (a < b ? -1 : 1))
const LINES = ['border-line', 'border-bed', 'border-edge', 'border-accent', 'border-warn', 'border-danger']

/** What everything is made of: colours, type, icons. */
export function TypeParts() {
  return (
    <>
      <Part name="Colours" about="Paper, ink, and one accent for what flows or can be followed.">
        <div className="grid gap-2 sm:grid-cols-2">
          {GROUNDS.map((ground) => (
            <div key={ground} className={`rounded-sm border border-line px-3 py-2 ${ground}`}>
              <p className="font-mono text-small">{ground}</p>
              <p className="flex flex-wrap gap-x-3">
                {inksOn(ground).map((ink) => (
                  <span key={ink} className={ink}>
                    {ink.replace('text-', '')}
                  </span>
                ))}
              </p>
            </div>
          ))}
        </div>
        <States>
          {LINES.map((line) => (
            <State key={line} name={line}>
              <span className={`block h-6 w-20 border-b-2 ${line}`} />
            </State>
          ))}
        </States>
      </Part>
      <Part name="Type" about="Five sizes. They grow a little where rows are comfortable.">
        <div className="grid gap-2">
          <p className="text-title font-semibold tracking-tight">Title: Projects</p>
          <p className="text-path font-mono">Path: /agents/summariser</p>
          <p className="text-body">Body: nothing of the stream is lost while you read it.</p>
          <p className="text-base">Base: rows, fields and buttons are set in this.</p>
          <p className="text-small text-soft">Small: what is said beside something else.</p>
          <p className="text-micro text-faint">Micro: counts at the end of a row.</p>
        </div>
      </Part>
      <Part name="Icons" about="16 pixels, one weight, always beside words or inside a labelled control.">
        <ul className="grid grid-cols-[repeat(auto-fill,minmax(8rem,1fr))] gap-y-1">
          {ICONS.map(([name, Icon]) => (
            <li key={name} className="flex items-center gap-2 text-small text-soft">
              <Icon className="text-ink" />
              {name.replace('Icon', '')}
            </li>
          ))}
        </ul>
      </Part>
    </>
  )
}

/** What may be written on it: warnings and dangers have grounds of their own. */
function inksOn(ground: string): string[] {
  if (ground === 'bg-warn-wash') return ['text-ink', 'text-warn']
  if (ground === 'bg-danger-wash') return ['text-ink', 'text-danger']
  return INKS
}
