const ARMS = 13

/** Many arms that become one stream: the picture beside the pages that stand outside of a project. */
export function Confluence({ className = '' }: { readonly className?: string }) {
  return (
    <svg viewBox="0 0 600 800" preserveAspectRatio="xMidYMid slice" aria-hidden="true" className={className}>
      <g fill="none" stroke="currentColor" strokeLinecap="round">
        {Array.from({ length: ARMS }, (_, arm) => (
          <path
            key={arm}
            d={course(arm)}
            strokeWidth={1 + (arm % 3 === 1 ? 0.6 : 0)}
            opacity={0.35 + (arm % 4) * 0.14}
          />
        ))}
      </g>
      {/* The bed widens as arm after arm comes in. */}
      <path d="M299.5 440L296.500 700V1200H303.500V700L300.500 440Z" fill="currentColor" />
      {Array.from({ length: ARMS }, (_, arm) => (
        <circle key={arm} cx={springX(arm)} cy={springY(arm)} r={arm % 3 === 1 ? 3.5 : 2.5} fill="currentColor" />
      ))}
    </svg>
  )
}

function springX(arm: number): number {
  return 30 + (arm * 540) / (ARMS - 1)
}

/** Springs lie at uneven heights; the sequence is fixed, as server and browser must draw the same. */
function springY(arm: number): number {
  return 120 + ((arm * 83) % 190)
}

/** From its spring down its own valley, then into the bed; arms further out join further down. */
function course(arm: number): string {
  const x = springX(arm)
  const y = springY(arm)
  const away = Math.abs(arm - (ARMS - 1) / 2)
  const joins = 440 + away * 26
  const bend = y + (joins - y) * 0.55
  return `M${x} ${y}C${x} ${bend} 300 ${bend - 40} 300 ${joins}V700`
}
