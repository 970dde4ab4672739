import type { ReactNode } from 'react'
import { type Snippet, Snippets } from './snippets.tsx'

interface EmptyStateProps {
  /** One sentence: what is not there. */
  readonly title: string
  /** What would be here, and who or what makes it. */
  readonly about?: ReactNode
  /** The one main action, where there is one. */
  readonly action?: ReactNode
  /** The same from a terminal or a program, with this server's real address in it. */
  readonly snippets?: readonly Snippet[]
  /** What the snippets do: "Append an event". */
  readonly snippetsLabel?: string
  /** The level of its heading. */
  readonly level?: 2 | 3
}

/** Nothing is here: said in one sentence, with one thing to do about it. */
export function EmptyState({ title, about, action, snippets, snippetsLabel, level = 2 }: EmptyStateProps) {
  const Heading = `h${level}` as const
  return (
    <div className="grid max-w-2xl justify-items-start gap-3 px-4 py-6 sm:px-8">
      <Heading className="text-body font-semibold wrap-anywhere">{title}</Heading>
      {about !== undefined && <p className="max-w-prose text-base text-soft wrap-anywhere">{about}</p>}
      {action}
      {snippets && snippets.length > 0 && (
        <div className="mt-1 w-full">
          <Snippets label={snippetsLabel ?? title} snippets={snippets} />
        </div>
      )}
    </div>
  )
}
