import { type ReactNode, useId } from 'react'

interface PanelProps {
  readonly title: string
  /** One line on what it holds. */
  readonly about?: ReactNode
  /** Buttons at the end of its head. */
  readonly actions?: ReactNode
  /** What stands below the line at its foot. */
  readonly foot?: ReactNode
  /** The content comes up to the edge: for a table or a list. */
  readonly flush?: boolean
  /** The level of its heading. */
  readonly level?: 2 | 3
  readonly children: ReactNode
}

/** A part of a page that has a name of its own. */
export function Panel({ title, about, actions, foot, flush = false, level = 2, children }: PanelProps) {
  const id = useId()
  const Heading = `h${level}` as const
  return (
    <section aria-labelledby={id} className="min-w-0 rounded-md border border-line bg-surface">
      <header className="flex min-h-10 flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-line px-4 py-1.5">
        <div className="min-w-0">
          <Heading id={id} className="text-base font-semibold wrap-anywhere">
            {title}
          </Heading>
          {about !== undefined && <p className="text-small text-soft">{about}</p>}
        </div>
        {actions !== undefined && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      <div className={flush ? '' : 'px-4 py-4'}>{children}</div>
      {foot !== undefined && <footer className="border-t border-line px-4 py-2 text-small text-soft">{foot}</footer>}
    </section>
  )
}
