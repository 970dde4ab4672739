import { eq } from 'drizzle-orm'
import { OPERATOR } from './audit.ts'
import { leaveAudit } from './audit-outbox.ts'
import type { Auth } from './auth.ts'
import { type ControlDatabase, type ControlQueries, writeTransaction } from './database.ts'
import { newId } from './ids.ts'
import { insertProject, insertProjectMember } from './projects.ts'
import { member, meta, organization, projects } from './schema.ts'
import { hasInstanceAdmin, insertUser, type NewUser, type PreparedUser, prepareUser, type UserRecord } from './users.ts'

const DEMO_ORGANIZATION = 'defaults.organizationId'
const DEMO_PROJECT = 'defaults.projectId'

/**
 * Makes the organisation `demo` and the project `demo` on the first start of a data directory, and never again: an
 * admin who renamed or deleted them meant it. Processes that race make one of each. Returns whether this call made them.
 */
export function ensureDefaults(database: ControlDatabase): boolean {
  // Most starts are not the first, and need no write lock.
  if (readMeta(database.db, DEMO_PROJECT) !== null) return false
  return writeTransaction(database, (queries) => {
    if (readMeta(queries, DEMO_PROJECT) !== null) return false
    const organizationId = newId('org_')
    queries.insert(organization).values({ id: organizationId, name: 'Demo', slug: 'demo', createdAt: new Date() }).run()
    const project = insertProject(queries, { slug: 'demo', name: 'Demo', organizationId })
    queries
      .insert(meta)
      .values([
        { key: DEMO_ORGANIZATION, value: organizationId },
        { key: DEMO_PROJECT, value: project.id },
      ])
      .run()
    return true
  })
}

/**
 * Creates the first instance admin unattended, from `config.bootstrap`. Null when there already is an admin, which is
 * every start but the first.
 *
 * @throws ItxError as `createUser`: CONFLICT when the address belongs to a user who is not an admin.
 */
export async function bootstrapAdmin(
  auth: Auth,
  database: ControlDatabase,
  { email, password }: { readonly email: string; readonly password: string },
): Promise<UserRecord | null> {
  if (hasInstanceAdmin(database)) return null
  const name = email.slice(0, email.indexOf('@')) || email
  return createFirstAdmin(auth, database, { email, password, name })
}

/**
 * Creates the first instance admin: owner of the organisation that the first start made and admin of its project, as
 * far as they still exist. Null when there is an admin already; of several callers, in whatever process, one wins.
 *
 * @throws ItxError as `createUser`; nothing is stored then.
 */
export async function createFirstAdmin(
  auth: Auth,
  database: ControlDatabase,
  input: Omit<NewUser, 'instanceAdmin'>,
): Promise<UserRecord | null> {
  ensureDefaults(database)
  const prepared = await prepareUser(auth, { ...input, instanceAdmin: true })
  return writeTransaction(database, (queries) => insertFirstAdmin(queries, prepared))
}

function insertFirstAdmin(queries: ControlQueries, prepared: PreparedUser): UserRecord | null {
  if (hasInstanceAdmin({ db: queries })) return null
  const admin = insertUser(queries, prepared)
  const organizationId = readMeta(queries, DEMO_ORGANIZATION)
  const projectId = readMeta(queries, DEMO_PROJECT)
  if (organizationId !== null && exists(queries, organization, organizationId)) {
    queries
      .insert(member)
      .values({ id: newId('row_'), organizationId, userId: admin.id, role: 'owner', createdAt: new Date() })
      .run()
  }
  if (projectId !== null && exists(queries, projects, projectId)) {
    insertProjectMember(queries, { projectId, userId: admin.id, role: 'admin' })
  }
  // Whoever holds the link read it on the operator's terminal.
  leaveAudit(queries, { type: 'setup/completed', payload: { userId: admin.id, email: admin.email, by: OPERATOR } })
  return admin
}

function exists(queries: ControlQueries, table: typeof organization | typeof projects, id: string): boolean {
  return queries.select({ id: table.id }).from(table).where(eq(table.id, id)).get() !== undefined
}

function readMeta(queries: ControlQueries, key: string): string | null {
  return queries.select({ value: meta.value }).from(meta).where(eq(meta.key, key)).get()?.value ?? null
}
