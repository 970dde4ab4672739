import type Database from 'better-sqlite3'
import { type SQL, type SQLWrapper, or, sql } from 'drizzle-orm'
import { ItxError, shown } from '../streams/errors.ts'

/** Characters of a text that is looked for, at most: those of the longest name. */
export const MAX_MATCH_LENGTH = 100

/** As texts are compared: in any case, and however an accent was typed. */
function folded(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

/** Whether one of these texts has another in it, in any case. The rule of `hasText`, outside of the database. */
export function textMatches(texts: readonly string[], match: string): boolean {
  const wanted = folded(match)
  return texts.some((text) => folded(text).includes(wanted))
}

/**
 * Gives a connection the function behind `hasText`: SQLite's own `LIKE` and `lower` know no case beyond ASCII, and `LIKE`
 * would read `%` and `_` as wildcards.
 */
export function addTextSearch(sqlite: Database.Database): void {
  sqlite.function('has_folded', { deterministic: true }, (text, wanted) =>
    typeof text === 'string' && typeof wanted === 'string' && folded(text).includes(wanted) ? 1 : 0,
  )
}

/**
 * The condition that one of these columns has a text in it, literally, in any case.
 *
 * @throws ItxError BAD_REQUEST for a text of more than 100 characters.
 */
export function hasText(columns: readonly SQLWrapper[], match: string): SQL | undefined {
  if (match.length > MAX_MATCH_LENGTH) {
    throw new ItxError(
      'BAD_REQUEST',
      `match has ${match.length} characters, ${shown(match)}; at most ${MAX_MATCH_LENGTH} are allowed`,
      { field: 'match', limit: MAX_MATCH_LENGTH, length: match.length },
    )
  }
  if (match === '') return undefined
  const wanted = folded(match)
  return or(...columns.map((column) => sql`has_folded(${column}, ${wanted})`))
}
