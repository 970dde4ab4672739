import type { ReactNode } from 'react'

interface PartProps {
  /** The name of the part, as in its file. */
  readonly name: string
  /** When to take it, in a sentence. */
  readonly about: string
  readonly children: ReactNode
}

/** One part of the design system with its states. */
export function Part({ name, about, children }: PartProps) {
  const id = `part-${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`
  return (
    <section aria-labelledby={id} className="grid min-w-0 grid-cols-[minmax(0,1fr)] gap-4 border-t border-line py-6">
      <header>
        <h2 id={id} className="text-path font-semibold">
          {name}
        </h2>
        <p className="max-w-prose text-base text-soft">{about}</p>
      </header>
      {children}
    </section>
  )
}

interface StateProps {
  /** Which state it is. */
  readonly name: string
  /** It takes the whole width. */
  readonly wide?: boolean
  readonly children: ReactNode
}

/** A part in one state, with the state's name below it. */
export function State({ name, wide = false, children }: StateProps) {
  return (
    <div className={`grid min-w-0 content-end justify-items-start gap-1.5 ${wide ? 'w-full [&>*]:w-full' : ''}`}>
      {children}
      <p className="text-micro text-faint">{name}</p>
    </div>
  )
}

/** States side by side, as many as there is room for. */
export function States({ children }: { readonly children: ReactNode }) {
  return <div className="flex min-w-0 flex-wrap items-end gap-x-6 gap-y-4">{children}</div>
}

/** Texts as strangers send them: markup, a turn of direction, one word without an end, writing from right to left. */
export const TEXTS = {
  plain: 'agents/summariser',
  long: 'a-stream-with-a-name-that-nobody-would-write-by-hand-but-a-program-does-0b5c1e7a-9f42-4f0e-8a55-2b1d7f3c9e61',
  hostile: '<img src=x onerror=alert(1)> \u202Egnp.txt\u202C ${7*7}',
  rightToLeft: 'زائر الأنهار',
} as const
