import { ItxError, itxErrorCode } from '../../errors.ts'

/** What SQLite's result codes mean to a caller. Extended codes (`SQLITE_IOERR_WRITE`) begin with the plain one. */
const REASONS: readonly (readonly [prefix: string, reason: string, message: string])[] = [
  ['SQLITE_FULL', 'disk-full', 'the disk is full'],
  ['SQLITE_READONLY', 'read-only', 'the database cannot be written to'],
  ['SQLITE_BUSY', 'busy', 'the database is busy'],
  ['SQLITE_LOCKED', 'busy', 'the database is busy'],
  ['SQLITE_CANTOPEN', 'io', 'the database file cannot be opened'],
  ['SQLITE_IOERR', 'io', 'the disk answered with an error'],
  ['SQLITE_NOMEM', 'memory', 'there is not enough memory'],
]

/**
 * Turns what SQLite threw into a coded error: UNAVAILABLE where waiting or making room helps, INTERNAL for a corrupt
 * file and for anything unforeseen. A coded error stays what it is.
 *
 * @param where what was being read, for a corrupt file: the stream, and the offset if it is known
 */
export function storageError(
  error: unknown,
  where: { readonly path?: string; readonly offset?: number } = {},
): ItxError {
  if (itxErrorCode(error) !== undefined) return error as ItxError
  const sqlite = sqliteCode(error)
  const known = REASONS.find(([prefix]) => sqlite.startsWith(prefix))
  if (known) {
    return new ItxError('UNAVAILABLE', `nothing was stored: ${known[2]}`, { reason: known[1] }, { cause: error })
  }
  if (sqlite.startsWith('SQLITE_CORRUPT') || sqlite.startsWith('SQLITE_NOTADB')) {
    const at = where.path === undefined ? '' : ` where ${where.path} is read`
    const message = `the database file is damaged${at}${where.offset === undefined ? '' : ` at event ${where.offset}`}`
    return new ItxError('INTERNAL', message, { reason: 'corrupt', ...where }, { cause: error })
  }
  return new ItxError('INTERNAL', 'the storage failed in an unforeseen way', { reason: 'storage' }, { cause: error })
}

/** better-sqlite3 has the code in a field of its own, a Durable Object at the end of its message. */
function sqliteCode(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (typeof code === 'string') return code
  return typeof message === 'string' ? (/SQLITE_[A-Z_]+/.exec(message)?.[0] ?? '') : ''
}
