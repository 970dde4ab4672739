/** The mark: two arms meet and go on as one. */
export function Mark({ className = '' }: { readonly className?: string }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="20"
      height="20"
      fill="none"
      aria-hidden="true"
      className={`size-5 shrink-0 ${className}`}
    >
      <path d="M4 1.5C4 7 10 7.5 10 12.5v6" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round" />
      <path d="M16 1.5c0 4.5-3.5 5.5-5 8" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round" />
    </svg>
  )
}

/** Mark and name; the mark alone where there is little room and more to say. */
export function Wordmark({ short = false }: { readonly short?: boolean }) {
  return (
    <span className="inline-flex items-center gap-1.5 text-ink">
      <Mark className="text-accent" />
      <span className={`text-body font-semibold tracking-tight ${short ? 'max-sm:sr-only' : ''}`}>Tributary</span>
    </span>
  )
}
