interface SkeletonProps {
  /** What is on its way, said to a screen reader: "Loading members". */
  readonly label: string
  /** As many rows as are likely to come, so that nothing moves when they do. */
  readonly rows?: number
}

/** The widths of rows, so that they look like text; fixed, since server and browser must draw the same. */
const WIDTHS = ['w-7/12', 'w-9/12', 'w-5/12', 'w-8/12', 'w-6/12']

/**
 * The place of what is still loading, in rows of the same height. It is not seen for the first tenth of a second, and
 * after five seconds it says in words that the server has not answered yet.
 */
export function Skeleton({ label, rows = 3 }: SkeletonProps) {
  return (
    <div role="status" className="skeleton relative">
      <span className="sr-only">{label}</span>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} aria-hidden="true" className="flex h-row items-center">
          <span className={`h-2 rounded-sm bg-line ${WIDTHS[row % WIDTHS.length]}`} />
        </span>
      ))}
      {/* In the place of the first row: nothing moves when it comes. */}
      <p className="skeleton-late absolute inset-x-0 top-0 text-base text-soft">
        The server has not answered yet. It is still being waited for.
      </p>
    </div>
  )
}
