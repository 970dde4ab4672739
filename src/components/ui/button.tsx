import type { ComponentProps } from 'react'

const LOOKS = {
  main: 'bg-accent text-on-accent hover:bg-accent-deep border-transparent font-medium',
  plain: 'bg-raised text-ink border-edge hover:bg-hover',
  quiet: 'bg-transparent text-soft border-transparent hover:bg-hover hover:text-ink',
} as const

interface ButtonProps extends ComponentProps<'button'> {
  readonly look?: keyof typeof LOOKS
}

/** A button. `main` is the one action that a page or a form is about. */
export function Button({ look = 'plain', className = '', type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={`${buttonClass(look)} ${className}`} {...rest} />
}

/** The same look for a link that acts as a button. */
export function buttonClass(look: keyof typeof LOOKS = 'plain'): string {
  return `inline-flex min-h-7 items-center justify-center gap-1.5 rounded-md border px-2.5 py-0.5 text-base whitespace-nowrap transition-colors disabled:opacity-55 ${LOOKS[look]}`
}
