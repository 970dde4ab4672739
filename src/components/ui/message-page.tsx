import type { ReactNode } from 'react'

interface MessageProps {
  /** The state in a word or two: `404`, `Error`. */
  readonly mark: string
  readonly title: string
  readonly children: ReactNode
}

/** A page that has only something to say: what is the case, and what to do. */
export function Message({ mark, title, children }: MessageProps) {
  return (
    <div className="mx-auto grid w-full max-w-xl content-start gap-3 px-5 py-16 sm:py-24">
      <p className="font-mono text-small text-accent">{mark}</p>
      <h1 className="text-title font-semibold tracking-tight text-balance">{title}</h1>
      <div className="grid justify-items-start gap-3 text-body text-soft wrap-anywhere [&>*]:max-w-full">
        {children}
      </div>
    </div>
  )
}
