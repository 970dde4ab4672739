import { CopyButton } from './copy-button.tsx'

/** A command or text to take away. Wraps rather than scrolls, so that nothing of it hides. */
export function CodeBlock({ label, code }: { readonly label: string; readonly code: string }) {
  return (
    <figure className="rounded-sm border border-line bg-surface">
      <figcaption className="flex items-center justify-between border-b border-line py-0.5 ps-3 pe-1 text-small text-soft">
        {label}
        <CopyButton text={code} what={label} />
      </figcaption>
      <pre className="px-3 py-2 font-mono text-small wrap-anywhere whitespace-pre-wrap">{code}</pre>
    </figure>
  )
}
