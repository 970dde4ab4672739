import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { ItxError } from '../streams/errors.ts'
import { type Actor, OPERATOR } from './audit.ts'
import { leaveAudit } from './audit-outbox.ts'
import { type Auth, PASSWORD_LENGTH } from './auth.ts'
import { type ControlDatabase, type ControlQueries, writeTransaction } from './database.ts'
import { newId } from './ids.ts'
import { account, user } from './schema.ts'

export interface NewUser {
  readonly email: string
  readonly password: string
  readonly name: string
  readonly instanceAdmin?: boolean
  /** Who does this; the operator when absent. */
  readonly by?: Actor
}

export interface UserRecord {
  readonly id: string
  /** Lower case. */
  readonly email: string
  readonly name: string
  readonly instanceAdmin: boolean
}

/** A user who passed validation and whose password is hashed: what a transaction needs, with nothing left to await. */
export interface PreparedUser extends Omit<UserRecord, 'id'> {
  readonly passwordHash: string
  readonly by: Actor
}

const NAME_LENGTH = 100

const USER_COLUMNS = { id: user.id, email: user.email, name: user.name, instanceAdmin: user.instanceAdmin }

/**
 * Creates a user who can sign in with email and password at once. User and password are stored together or not at all.
 *
 * @throws ItxError BAD_REQUEST for an address that is none, a password or a name outside its limits; CONFLICT
 *   (`details.reason` email) when the address is taken, in whatever letter case.
 */
export async function createUser(auth: Auth, database: ControlDatabase, input: NewUser): Promise<UserRecord> {
  const prepared = await prepareUser(auth, input)
  return writeTransaction(database, (queries) => insertUser(queries, prepared))
}

/**
 * Validates and hashes, with better-auth's own hash.
 *
 * @throws ItxError BAD_REQUEST as `createUser`.
 */
export async function prepareUser(auth: Auth, input: NewUser): Promise<PreparedUser> {
  const email = input.email.trim().toLowerCase()
  // The check of better-auth's sign-in, which would refuse anything else.
  if (!z.email().safeParse(email).success) {
    throw new ItxError('BAD_REQUEST', `email is ${JSON.stringify(input.email)}; it must be an email address`)
  }
  const name = input.name.trim()
  if (name.length === 0 || name.length > NAME_LENGTH) {
    throw new ItxError('BAD_REQUEST', `name has ${name.length} characters; 1 to ${NAME_LENGTH} are allowed`)
  }
  const { length } = input.password
  if (length < PASSWORD_LENGTH.min) {
    throw new ItxError('BAD_REQUEST', `password has ${length} characters; at least ${PASSWORD_LENGTH.min}`)
  }
  if (length > PASSWORD_LENGTH.max) {
    throw new ItxError('BAD_REQUEST', `password has ${length} characters; at most ${PASSWORD_LENGTH.max}`)
  }
  const { password } = await auth.$context
  const passwordHash = await password.hash(input.password)
  return { email, name, instanceAdmin: input.instanceAdmin ?? false, passwordHash, by: input.by ?? OPERATOR }
}

/**
 * Writes user and credential account the way better-auth does. Its own adapter writes them in two awaited steps, between
 * which a crash would leave an address that is taken and cannot sign in, and no "first admin" could be decided.
 *
 * @throws ItxError CONFLICT (`details.reason` email) when the address is taken.
 */
export function insertUser(queries: ControlQueries, prepared: PreparedUser): UserRecord {
  const { passwordHash, by, ...fields } = prepared
  if (selectUserByEmail(queries, fields.email) !== null) {
    throw new ItxError('CONFLICT', `a user with the email ${fields.email} exists`, { reason: 'email' })
  }
  const id = newId('usr_')
  const now = new Date()
  const times = { createdAt: now, updatedAt: now }
  queries
    .insert(user)
    .values({ id, ...fields, ...times })
    .run()
  queries
    .insert(account)
    .values({
      id: newId('row_'),
      userId: id,
      accountId: id,
      providerId: 'credential',
      password: passwordHash,
      ...times,
    })
    .run()
  const { email, instanceAdmin } = fields
  leaveAudit(queries, { type: 'user/created', payload: { userId: id, email, instanceAdmin, by } })
  return { id, ...fields }
}

/** The user of an email address, in whatever letter case, or null. */
export function findUserByEmail(database: ControlDatabase, email: string): UserRecord | null {
  return selectUserByEmail(database.db, email.trim().toLowerCase())
}

/** Whether the instance has an admin; while it has none, setup is open. */
export function hasInstanceAdmin(database: { readonly db: ControlQueries }): boolean {
  const admin = database.db.select({ id: user.id }).from(user).where(eq(user.instanceAdmin, true)).limit(1).get()
  return admin !== undefined
}

function selectUserByEmail(queries: ControlQueries, email: string): UserRecord | null {
  return queries.select(USER_COLUMNS).from(user).where(eq(user.email, email)).get() ?? null
}
