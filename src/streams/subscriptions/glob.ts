/**
 * Patterns over the names of streams: `*` is one segment, `**` any number of them, none included, and everything else is
 * itself; `%2A` is a star that means nothing more.
 *
 * A match takes at most (segments of the pattern) x (segments of the name) comparisons, whatever the pattern: only the
 * last `**` is ever gone back to, because an earlier one could take no better stretch than it has.
 */
export function globMatcher(pattern: string): (name: string) => boolean {
  const wanted = pattern.split('/').map((segment) => (isWild(segment) ? segment : segment.replaceAll(/%2a/gi, '*')))
  const wild = pattern.split('/').map(isWild)
  return (name) => matches(wanted, wild, name.split('/'))
}

function isWild(segment: string): boolean {
  return segment === '*' || segment === '**'
}

function matches(wanted: readonly string[], wild: readonly boolean[], given: readonly string[]): boolean {
  let at = 0
  let here = 0
  /** Where the last `**` stands, and the first segment that it has not taken yet. */
  let any = -1
  let taken = 0
  while (here < given.length) {
    if (wild[at] && wanted[at] === '**') {
      any = at++
      taken = here
    } else if (at < wanted.length && (wild[at] || wanted[at] === given[here])) {
      at++
      here++
    } else if (any !== -1) {
      at = any + 1
      here = ++taken
    } else return false
  }
  while (wild[at] && wanted[at] === '**') at++
  return at === wanted.length
}

/** What every name that matches begins with: the segments before the first star. */
export function literalStart(pattern: string): string[] {
  const segments = pattern.split('/')
  const first = segments.findIndex(isWild)
  const literal = first === -1 ? segments : segments.slice(0, first)
  return literal.map((segment) => segment.replaceAll(/%2a/gi, '*'))
}
