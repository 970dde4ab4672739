import type { ReactNode } from 'react'

const TONES = {
  plain: 'border-bed bg-surface text-ink',
  warn: 'border-warn bg-warn-wash text-ink',
  danger: 'border-danger bg-danger-wash text-ink',
} as const

interface NoticeProps {
  readonly tone?: keyof typeof TONES
  /** Said at once by a screen reader; for what has just gone wrong. */
  readonly alert?: boolean
  readonly children: ReactNode
}

/** Something to know, where the work is. */
export function Notice({ tone = 'plain', alert = false, children }: NoticeProps) {
  return (
    <div
      role={alert ? 'alert' : undefined}
      className={`rounded-sm border-s-3 px-3 py-2 text-base wrap-anywhere ${TONES[tone]}`}
    >
      {children}
    </div>
  )
}

interface ErrorNoticeProps {
  /** The code of our errors, where there is one. */
  readonly code?: string | undefined
  readonly message: string
  readonly children?: ReactNode
}

/** An error with its code, as programs know it too. */
export function ErrorNotice({ code, message, children }: ErrorNoticeProps) {
  return (
    <Notice tone="danger" alert>
      {code && <span className="me-1 font-mono text-small font-semibold text-danger">{code}</span>} {message}
      {children}
    </Notice>
  )
}
