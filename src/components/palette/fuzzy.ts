/** Where a text holds what was typed, and how well: higher is better. */
export interface Match {
  readonly score: number
  /** Positions of the text that were matched, ascending. */
  readonly at: readonly number[]
}

/**
 * Whether the letters of a query stand in a text in their order, in any case. Letters side by side, at the beginning of a
 * word or of a segment, and late in a path count for more; gaps for less. Null where they do not.
 */
export function fuzzyMatch(query: string, text: string): Match | null {
  const wanted = query.toLowerCase().replaceAll(/\s+/g, '')
  if (wanted === '') return { score: 0, at: [] }
  const lower = text.toLowerCase()
  const whole = lower.lastIndexOf(wanted)
  if (whole !== -1) {
    const at = Array.from(wanted, (_, i) => whole + i)
    return { score: 100 + scoreOf(at, lower) - text.length / 100, at }
  }
  // From the end: the last segment of a path tells streams apart, what is above it hardly does.
  const at: number[] = []
  let from = lower.length - 1
  for (let i = wanted.length - 1; i >= 0; i--) {
    const found = lower.lastIndexOf(wanted.charAt(i), from)
    if (found === -1 || (found === 0 && i > 0)) return null
    at.unshift(found)
    from = found - 1
  }
  return { score: scoreOf(at, lower) - text.length / 100, at }
}

/**
 * Whether each word of a query begins a word of a text, in any case: for sentences, where scattered letters are found
 * nearly everywhere. Null where one does not.
 */
export function wordsMatch(query: string, text: string): Match | null {
  const lower = text.toLowerCase()
  const at = new Set<number>()
  for (const word of query.toLowerCase().split(/\s+/)) {
    if (word === '') continue
    const start = lower.startsWith(word) ? 0 : lower.indexOf(` ${word}`) + 1
    if (start === 0 && !lower.startsWith(word)) return null
    for (let i = 0; i < word.length; i++) at.add(start + i)
  }
  const positions = [...at].toSorted((a, b) => a - b)
  return { score: scoreOf(positions, lower) - text.length / 100, at: positions }
}

function scoreOf(at: readonly number[], text: string): number {
  let score = 0
  for (const [i, position] of at.entries()) {
    if (i > 0 && at[i - 1] === position - 1) score += 3
    if (position === 0 || /[/\s_.:-]/.test(text.charAt(position - 1))) score += 2
    score += position / text.length
  }
  return score
}
