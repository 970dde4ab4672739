import type { ReactNode } from 'react'

const TONES = {
  plain: 'border-bed text-soft',
  accent: 'border-accent text-accent',
  warn: 'border-warn bg-warn-wash text-warn',
  danger: 'border-danger bg-danger-wash text-danger',
} as const

interface BadgeProps {
  readonly tone?: keyof typeof TONES
  /** Words for a screen reader that the eye has from the place: "Your role:". */
  readonly before?: string
  /** What the word means, for whoever rests on it. */
  readonly title?: string
  readonly children: ReactNode
}

/** A word or a count about the thing beside it. It says in words what its colour says. */
export function Badge({ tone = 'plain', before, title, children }: BadgeProps) {
  return (
    <span
      title={title}
      className={`inline-flex max-w-full items-center gap-1 rounded-sm border px-1.5 text-micro leading-5 tracking-wide whitespace-nowrap ${TONES[tone]}`}
    >
      {before !== undefined && <span className="sr-only">{before} </span>}
      {children}
    </span>
  )
}
