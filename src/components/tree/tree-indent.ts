/** How far the children of a stream are set in, in pixels; from the tenth level on less: their names need the room. */
const STEP = 18
const DEEP_STEP = 14
const WIDE_LEVELS = 8
/** The room of the chevron. */
const CHEVRON = 24
/** What of a name should be seen at least, with the count after it. */
const NAME = 150

/** Where a row of a level begins, from 1. */
export function indent(level: number): number {
  const deep = Math.max(0, level - 1 - WIDE_LEVELS)
  return Math.min(level - 1, WIDE_LEVELS) * STEP + deep * DEEP_STEP
}

/** Where its name begins. */
export function nameStart(level: number): number {
  return indent(level) + CHEVRON
}

/** Where to scroll to sideways, for the name of a row to be in sight; as it is when it is already. */
export function scrollLeftToShow(level: number, { scrollLeft, width }: { scrollLeft: number; width: number }): number {
  const start = indent(level)
  const end = start + CHEVRON + NAME
  if (end <= width) return 0
  if (start >= scrollLeft && end <= scrollLeft + width) return scrollLeft
  return end - width
}
