import { indent, nameStart } from './tree-indent.ts'

/** Where the line of a stream's children goes down, from the beginning of its row: below the middle of its chevron. */
const LINE = 12
/** The radius in which a child joins. */
const CURVE = 6
/** The height the drawing is made for; it is stretched to that of the row. */
const TALL = 28

interface TreeGuidesProps {
  readonly level: number
  readonly rails: string
  readonly onCourse: boolean
  /** It has children, which are shown: their line begins below its chevron. */
  readonly open: boolean
  /** The way to the open stream goes on below it. */
  readonly courseBelow: boolean
  /** It has no chevron: the branch leads up to its name. */
  readonly leaf: boolean
  /** How many rows it takes up. */
  readonly rows?: number
}

/** The branches beside a row: each child joins its parent as a tributary does, in a curve; the course in its own colour. */
export function TreeGuides({ level, rails, onCourse, open, courseBelow, leaf, rows = 1 }: TreeGuidesProps) {
  const width = indent(level)
  const tall = TALL * rows
  const wide = nameStart(level)
  let bed = ''
  let course = ''
  for (let column = 0; column < rails.length - 1; column++) {
    const x = indent(column + 1) + LINE
    if (rails[column] === '2') course += `M${x} 0V${tall}`
    else if (rails[column] === '1') bed += `M${x} 0V${tall}`
  }
  if (level > 1) {
    const x = indent(level - 1) + LINE
    const branch = `M${x} 0V${TALL / 2 - CURVE}q0 ${CURVE} ${CURVE} ${CURVE}H${width + (leaf ? 20 : 4)}`
    const rail = rails.at(-1)
    if (rail === '2') course += `M${x} 0V${tall}`
    else if (rail === '1') bed += `M${x} 0V${tall}`
    if (onCourse) course += branch
    else bed += branch
  }
  if (open) {
    const down = `M${width + LINE} ${TALL - 7}V${TALL}`
    if (courseBelow) course += down
    else bed += down
  }
  return (
    <svg
      aria-hidden="true"
      width={`${wide / 16}rem`}
      viewBox={`0 0 ${wide} ${tall}`}
      preserveAspectRatio="none"
      className="branches"
    >
      {bed !== '' && <path d={bed} />}
      {course !== '' && <path d={course} className="course" />}
    </svg>
  )
}
