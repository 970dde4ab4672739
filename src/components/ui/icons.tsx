import type { ReactNode } from 'react'

/** Our own icons: 16 px, one line weight, always beside words or inside a labelled control. */
function Icon({ children, className = '' }: { readonly children: ReactNode; readonly className?: string }) {
  return (
    <svg
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className={`shrink-0 ${className}`}
    >
      {children}
    </svg>
  )
}

interface IconProps {
  readonly className?: string
}

export const ChevronIcon = ({ className = '' }: IconProps) => (
  <Icon className={className}>
    <path d="m6 4 4 4-4 4" />
  </Icon>
)

export const CopyIcon = ({ className = '' }: IconProps) => (
  <Icon className={className}>
    <path d="M5.5 5.5h7v8h-7zM10.5 5.5v-3h-7v8h2" />
  </Icon>
)

export const CheckIcon = ({ className = '' }: IconProps) => (
  <Icon className={className}>
    <path d="m3.5 8.5 3 3 6-7" />
  </Icon>
)

export const PauseIcon = ({ className = '' }: IconProps) => (
  <Icon className={className}>
    <path d="M5.5 3.5v9M10.5 3.5v9" />
  </Icon>
)

export const PlayIcon = ({ className = '' }: IconProps) => (
  <Icon className={className}>
    <path d="M5 3.5v9l7-4.5z" />
  </Icon>
)

export const DownIcon = ({ className = '' }: IconProps) => (
  <Icon className={className}>
    <path d="M8 3v10M4 9l4 4 4-4" />
  </Icon>
)

export const DownloadIcon = ({ className = '' }: IconProps) => (
  <Icon className={className}>
    <path d="M8 2.5v7.5M5 7l3 3 3-3M3 13.5h10" />
  </Icon>
)

export const BranchesIcon = ({ className = '' }: IconProps) => (
  <Icon className={className}>
    <path d="M4 2.5v8a3 3 0 0 0 3 3h6M4 4.5a3 3 0 0 0 3 3h6" />
  </Icon>
)

export const CloseIcon = ({ className = '' }: IconProps) => (
  <Icon className={className}>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
)
