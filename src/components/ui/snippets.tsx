import { useId, useSyncExternalStore } from 'react'
import { CopyButton } from './copy-button.tsx'

export interface Snippet {
  /** What it is written for: `curl`, `TypeScript`, `CLI`. */
  readonly kind: string
  readonly code: string
}

interface SnippetsProps {
  /** What they all do: "Append an event". */
  readonly label: string
  /** At most five. */
  readonly snippets: readonly Snippet[]
}

/**
 * The same deed in several languages, one at a time: a choice that works without a script, and stays for all other
 * snippets and the next visit.
 */
export function Snippets({ label, snippets }: SnippetsProps) {
  const name = useId()
  const remembered = useSyncExternalStore(subscribe, rememberedKind, () => null)
  const chosen = snippets.some(({ kind }) => kind === remembered) ? remembered : snippets[0]?.kind
  return (
    <fieldset className="snippets min-w-0 rounded-sm border border-line bg-surface">
      <legend className="sr-only">{label}</legend>
      <div className="tabs flex border-b border-line ps-1.5">
        {snippets.map(({ kind }) => (
          <label key={kind} className="tab cursor-pointer">
            <input
              type="radio"
              name={name}
              value={kind}
              checked={kind === chosen}
              onChange={() => remember(kind)}
              className="sr-only"
            />
            {kind}
          </label>
        ))}
      </div>
      {snippets.map(({ kind, code }) => (
        <div key={kind} className="snippet relative">
          <pre className="py-2 ps-3 pe-10 font-mono text-small wrap-anywhere whitespace-pre-wrap">{code}</pre>
          <span className="absolute end-1 top-1">
            <CopyButton text={code} what={`${kind}: ${label}`} />
          </span>
        </div>
      ))}
    </fieldset>
  )
}

const KEY = 'tributary-snippets'
const CHANGED = 'tributary-snippets-changed'
/** Where the browser keeps nothing for this site, the choice lasts as long as the page. */
let ofThisPage: string | null = null

function rememberedKind(): string | null {
  try {
    return localStorage.getItem(KEY) ?? ofThisPage
  } catch {
    return ofThisPage
  }
}

function remember(kind: string): void {
  ofThisPage = kind
  try {
    localStorage.setItem(KEY, kind)
  } catch {
    // Storage may be forbidden or full: the choice is remembered above.
  }
  window.dispatchEvent(new Event(CHANGED))
}

function subscribe(changed: () => void): () => void {
  window.addEventListener(CHANGED, changed)
  window.addEventListener('storage', changed)
  return () => {
    window.removeEventListener(CHANGED, changed)
    window.removeEventListener('storage', changed)
  }
}
