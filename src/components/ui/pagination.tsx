import type { ReactNode } from 'react'
import { formatCount } from './formats.ts'

interface PaginationProps {
  /** What is paged: "Audit log". */
  readonly label: string
  /** The first and the last that are shown, counted from 1. */
  readonly from: number
  readonly to: number
  /** How many there are, where that is known. */
  readonly total?: number | undefined
  /** A link that looks like a button; null on the first page. */
  readonly previous: ReactNode
  /** A link that looks like a button; null on the last page. */
  readonly next: ReactNode
}

/** Which part of a long list is shown, and the links to its neighbours. */
export function Pagination({ label, from, to, total, previous, next }: PaginationProps) {
  return (
    <nav aria-label={`Pages of ${label}`} className="flex flex-wrap items-center gap-2 text-small text-soft">
      <span className="me-auto">
        {to === 0 ? 'None' : `${formatCount(from)}–${formatCount(to)}`}
        {total !== undefined && to > 0 && ` of ${formatCount(total)}`}
      </span>
      {previous ?? <Dead text="Previous" />}
      {next ?? <Dead text="Next" />}
    </nav>
  )
}

/** The place of a link that leads nowhere: kept, so that the other does not move under the pointer. */
function Dead({ text }: { readonly text: string }) {
  return (
    <span aria-hidden="true" className="inline-flex min-h-7 items-center px-2.5 text-base text-faint">
      {text}
    </span>
  )
}
