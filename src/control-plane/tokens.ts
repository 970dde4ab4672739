import { createHash, randomBytes } from 'node:crypto'
import { and, asc, desc, eq } from 'drizzle-orm'
import { ItxError } from '../streams/errors.ts'
import { type Actor, OPERATOR } from './audit.ts'
import { leaveAudit } from './audit-outbox.ts'
import { type ControlDatabase, writeTransaction } from './database.ts'
import { newId } from './ids.ts'
import { type Role, isRole } from './roles.ts'
import { projects, tokens } from './schema.ts'

export interface NewToken {
  readonly projectId: string
  readonly role: Role
  /** What people call it; at most 100 characters. */
  readonly name?: string
  /** Milliseconds since 1970; never when absent. */
  readonly expiresAt?: number
  /** The user who makes it; none when the command line does. */
  readonly createdBy?: string
}

/** A token as those who may manage it see it: never the token itself, nor its hash. */
export interface TokenRecord {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly createdBy: string | null
  /** Times are milliseconds since 1970. */
  readonly createdAt: number
  readonly expiresAt: number | null
  /** Written about once a minute. */
  readonly lastUsedAt: number | null
}

/** What a valid token stands for. */
export interface VerifiedToken {
  readonly tokenId: string
  readonly projectId: string
  readonly role: Role
}

const NAME_LENGTH = 100
const TOKEN = /^trb_[A-Za-z0-9_-]{43}$/

/**
 * Creates a token of a project. `token` is shown this once: only its SHA-256 is stored.
 *
 * @throws ItxError NOT_FOUND when the project does not exist; BAD_REQUEST for an unknown role, a long name, or an expiry
 *   that is not in the future.
 */
export function createToken(
  database: ControlDatabase,
  { projectId, role, name = 'token', expiresAt, createdBy }: NewToken,
  now: () => number = Date.now,
): { id: string; token: string } {
  if (!isRole(role)) throw new ItxError('BAD_REQUEST', `role is ${JSON.stringify(role)}; see the roles of a project`)
  if (name.length > NAME_LENGTH) {
    throw new ItxError('BAD_REQUEST', `name has ${name.length} characters; at most ${NAME_LENGTH}`)
  }
  const createdAt = now()
  if (expiresAt !== undefined && !(Number.isSafeInteger(expiresAt) && expiresAt > createdAt)) {
    throw new ItxError(
      'BAD_REQUEST',
      `expiresAt is ${expiresAt}; it must be a time after ${createdAt}, in milliseconds`,
    )
  }
  const id = newId('tok_')
  const token = `trb_${randomBytes(32).toString('base64url')}`
  writeTransaction(database, (queries) => {
    if (queries.select({ id: projects.id }).from(projects).where(eq(projects.id, projectId)).get() === undefined) {
      throw new ItxError('NOT_FOUND', `no project ${projectId}`)
    }
    queries
      .insert(tokens)
      .values({ id, hash: hashOf(token), projectId, role, name, createdAt, expiresAt, createdBy })
      .run()
    const by: Actor = createdBy === undefined ? OPERATOR : { kind: 'user', id: createdBy }
    const made = { projectId, tokenId: id, name, role, expiresAt: expiresAt ?? null, by }
    leaveAudit(queries, { type: 'token/created', payload: made })
  })
  return { id, token }
}

/** The tokens of a project, the newest first, expired ones too. */
export function listTokens({ db }: ControlDatabase, projectId: string): TokenRecord[] {
  return db
    .select({
      id: tokens.id,
      name: tokens.name,
      role: tokens.role,
      createdBy: tokens.createdBy,
      createdAt: tokens.createdAt,
      expiresAt: tokens.expiresAt,
      lastUsedAt: tokens.lastUsedAt,
    })
    .from(tokens)
    .where(eq(tokens.projectId, projectId))
    .orderBy(desc(tokens.createdAt), asc(tokens.id))
    .all()
}

/** Revokes a token of a project; every process refuses it within 5 s. False when the project has no such token. */
export function revokeToken(
  database: ControlDatabase,
  { projectId, tokenId, by }: { readonly projectId: string; readonly tokenId: string; readonly by: Actor },
): boolean {
  return writeTransaction(database, (queries) => {
    const ofProject = and(eq(tokens.id, tokenId), eq(tokens.projectId, projectId))
    const revoked = queries.select({ name: tokens.name, role: tokens.role }).from(tokens).where(ofProject).get()
    if (revoked === undefined) return false
    queries.delete(tokens).where(ofProject).run()
    leaveAudit(queries, { type: 'token/revoked', payload: { projectId, tokenId, ...revoked, by } })
    return true
  })
}

interface CachedToken {
  readonly verified: VerifiedToken
  readonly readAt: number
  readonly expiresAt: number | null
}

/**
 * Tells what a token stands for. An answer is kept for at most 5 s and only when it was yes, so that a revoked token
 * dies within 5 s and a new one lives at once; an expiry counts to the millisecond (`itx.md`, "Security").
 *
 * Memory is bounded: `maxTokens` answers are kept.
 */
export class TokenVerifier {
  static readonly CACHE_MS = 5000
  readonly #database: ControlDatabase
  readonly #now: () => number
  readonly #maxTokens: number
  // By hash, so that no token lies in memory longer than its request.
  readonly #cache = new Map<string, CachedToken>()
  readonly #uses = new Map<string, number>()

  constructor(
    database: ControlDatabase,
    { now = Date.now, maxTokens = 10_000 }: { now?: () => number; maxTokens?: number } = {},
  ) {
    this.#database = database
    this.#now = now
    this.#maxTokens = maxTokens
  }

  /** What a token stands for, or null when it is unknown, revoked, expired or no token at all. */
  verify(token: string): VerifiedToken | null {
    if (!TOKEN.test(token)) return null
    const now = this.#now()
    const hash = hashOf(token)
    const entry = this.#cached(hash, now) ?? this.#read(hash, now)
    if (entry === undefined || (entry.expiresAt !== null && entry.expiresAt <= now)) return null
    this.#uses.set(entry.verified.tokenId, now)
    return entry.verified
  }

  /**
   * Stores when the tokens were last used, in one transaction; for a timer and for shutdown, since a request must not
   * wait for the disk on its account. Returns how many.
   *
   * @throws ItxError UNAVAILABLE when it cannot be written; nothing is lost, the next call tries again.
   */
  flushUses(): number {
    if (this.#uses.size === 0) return 0
    writeTransaction(this.#database, (queries) => {
      for (const [tokenId, lastUsedAt] of this.#uses) {
        queries.update(tokens).set({ lastUsedAt }).where(eq(tokens.id, tokenId)).run()
      }
    })
    const { size } = this.#uses
    this.#uses.clear()
    return size
  }

  #cached(hash: string, now: number): CachedToken | undefined {
    const entry = this.#cache.get(hash)
    // A clock that was set back makes an age negative: read again rather than trust it for long.
    return entry !== undefined && now >= entry.readAt && now - entry.readAt < TokenVerifier.CACHE_MS ? entry : undefined
  }

  #read(hash: string, now: number): CachedToken | undefined {
    this.#cache.delete(hash)
    const columns = { tokenId: tokens.id, projectId: tokens.projectId, role: tokens.role, expiresAt: tokens.expiresAt }
    const row = this.#database.db.select(columns).from(tokens).where(eq(tokens.hash, hash)).get()
    if (row === undefined) return undefined
    const { expiresAt, ...verified } = row
    const entry = { verified, readAt: now, expiresAt }
    this.#cache.set(hash, entry)
    dropOldest(this.#cache, this.#maxTokens)
    dropOldest(this.#uses, this.#maxTokens)
    return entry
  }
}

function dropOldest(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return
    map.delete(key)
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
