/** Characters of a search that the server takes. */
export const MOST_MATCHED = 100

/** What the address of the list of projects may ask for. */
export interface ProjectsSearch {
  /** Part of the name or the slug. */
  readonly match?: string | undefined
}

/**
 * Reads search parameters, as the router has them. What cannot be used is undefined and not left out: the router would put
 * what the address says in its place. It reads `?match=42` as a number: a text was typed.
 */
export function projectsSearch({ match }: Readonly<Record<string, unknown>>): ProjectsSearch {
  if (typeof match !== 'string' && typeof match !== 'number' && typeof match !== 'boolean') return NONE
  const text = String(match).slice(0, MOST_MATCHED)
  return text.trim() === '' ? NONE : { match: text }
}

const NONE: ProjectsSearch = { match: undefined }

/** The text that is looked for: what stands around it was typed on the way. */
export function matchOf({ match = '' }: ProjectsSearch): string {
  return match.trim()
}
