import type { ComponentProps } from 'react'

const LOOKS = {
  main: 'bg-accent text-on-accent hover:bg-accent-deep border-transparent font-medium',
  plain: 'bg-raised text-ink border-edge hover:bg-hover active:bg-press',
  quiet: 'bg-transparent text-soft border-transparent hover:bg-hover hover:text-ink active:bg-press',
  danger:
    'bg-raised text-danger border-danger hover:bg-danger hover:text-on-danger active:bg-danger-deep active:text-on-danger font-medium',
} as const

export type ButtonLook = keyof typeof LOOKS

interface ButtonProps extends ComponentProps<'button'> {
  readonly look?: ButtonLook
}

/** A button. `main` is the one action that a page or a form is about; `danger` destroys something. */
export function Button({ look = 'plain', className = '', type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={`${buttonClass(look)} ${className}`} {...rest} />
}

/** The same look for a link that acts as a button. */
export function buttonClass(look: ButtonLook = 'plain'): string {
  return `button inline-flex min-h-7 items-center justify-center gap-1.5 rounded-md border px-2.5 py-0.5 text-base whitespace-nowrap transition-colors disabled:opacity-55 aria-pressed:bg-wash aria-pressed:text-ink aria-disabled:opacity-55 ${LOOKS[look]}`
}
