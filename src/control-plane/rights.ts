import { eq } from 'drizzle-orm'
import type { ControlDatabase } from './database.ts'
import type { Role } from './roles.ts'
import { session, tokens, user } from './schema.ts'

/**
 * What a credential is worth now, read from the database past every cache: for those who hold something for as long as
 * a socket lives.
 */

export interface LiveSession {
  readonly userId: string
  readonly instanceAdmin: boolean
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** A session by its id, or null when it was ended or has expired. */
export function liveSession({ db }: ControlDatabase, sessionId: string, now: number): LiveSession | null {
  const row = db
    .select({ userId: session.userId, instanceAdmin: user.instanceAdmin, expiresAt: session.expiresAt })
    .from(session)
    .innerJoin(user, eq(user.id, session.userId))
    .where(eq(session.id, sessionId))
    .get()
  if (!row || row.expiresAt.getTime() <= now) return null
  return { ...row, expiresAt: row.expiresAt.getTime() }
}

/** A token by its id, or null when it was revoked or has expired. */
export function liveToken(
  { db }: ControlDatabase,
  tokenId: string,
  now: number,
): { readonly role: Role; readonly expiresAt: number | null } | null {
  const row = db
    .select({ role: tokens.role, expiresAt: tokens.expiresAt })
    .from(tokens)
    .where(eq(tokens.id, tokenId))
    .get()
  return row && (row.expiresAt === null || row.expiresAt > now) ? row : null
}
