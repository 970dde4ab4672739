const WIDTH = 120
const HEIGHT = 20

/** The course of a few numbers, drawn into a row of a table: its numbers stand beside it. */
export function Trace({ values }: { readonly values: readonly number[] }) {
  const most = Math.max(1, ...values)
  const step = WIDTH / Math.max(1, values.length - 1)
  const line = values.map((value, i) => `${round(i * step)},${round(HEIGHT - 1 - (value / most) * (HEIGHT - 2))}`)
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      aria-hidden="true"
      preserveAspectRatio="none"
      className="block text-accent"
    >
      <polyline points={line.join(' ')} fill="none" stroke="currentColor" strokeWidth="1.25" strokeLinejoin="round" />
    </svg>
  )
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
