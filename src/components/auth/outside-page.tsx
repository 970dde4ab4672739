import type { ReactNode } from 'react'
import { Confluence } from '../brand/confluence.tsx'
import { Wordmark } from '../brand/mark.tsx'

interface OutsidePageProps {
  readonly title: string
  readonly intro?: ReactNode
  readonly children?: ReactNode
}

/** The frame of pages before a session: setting up and signing in. */
export function OutsidePage({ title, intro, children }: OutsidePageProps) {
  return (
    <div className="grid min-h-dvh lg:grid-cols-[minmax(26rem,34rem)_1fr]">
      <main className="grid content-start gap-10 bg-surface px-6 py-8 sm:px-12 lg:py-14">
        <Wordmark />
        <div className="grid w-full max-w-sm gap-6 lg:mt-[8vh]">
          <header className="grid gap-2">
            <h1 className="text-title font-semibold tracking-tight text-balance">{title}</h1>
            {intro && <div className="text-body text-soft text-pretty">{intro}</div>}
          </header>
          {children}
        </div>
      </main>
      <div className="hidden overflow-hidden border-s border-line lg:block">
        <Confluence className="h-full max-h-dvh w-full text-accent" />
      </div>
    </div>
  )
}

/** Forms here speak JSON, which takes a script. */
export function NeedsScript() {
  return (
    <noscript>
      <p className="text-base text-danger">This form needs JavaScript. Turn it on for this site, then reload.</p>
    </noscript>
  )
}
