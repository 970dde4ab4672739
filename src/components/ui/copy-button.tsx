import { useEffect, useState } from 'react'
import { CheckIcon, CopyIcon } from './icons.tsx'

const SAID_MS = 1600

interface CopyButtonProps {
  /** The text, or how to make it: only when it is asked for. */
  readonly text: string | (() => string)
  /** What is copied, for the label: "Copy path". */
  readonly what: string
  /** Shows the words beside the icon. */
  readonly labelled?: boolean
}

/** Copies a text and says so, or says that the browser would not let it. */
export function CopyButton({ text, what, labelled = false }: CopyButtonProps) {
  const [said, setSaid] = useState<'copied' | 'refused' | null>(null)
  useEffect(() => {
    if (said === null) return
    const timer = setTimeout(() => setSaid(null), SAID_MS)
    return () => clearTimeout(timer)
  }, [said])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === 'function' ? text() : text)
      setSaid('copied')
    } catch {
      // No permission, or a page that is not served securely.
      setSaid('refused')
    }
  }
  const label = said === 'copied' ? 'Copied' : said === 'refused' ? 'Could not copy' : `Copy ${what}`
  return (
    <button
      type="button"
      onClick={() => void copy()}
      title={label}
      className="inline-flex min-h-6 min-w-6 items-center justify-center gap-1 rounded-md px-1 text-small text-soft hover:bg-hover hover:text-ink"
    >
      {said === 'copied' ? <CheckIcon className="text-accent" /> : <CopyIcon />}
      <span className={labelled ? '' : 'sr-only'} aria-live="polite">
        {label}
      </span>
    </button>
  )
}
