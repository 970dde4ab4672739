import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { bootstrapAdmin, ensureDefaults } from './bootstrap.ts'
import { listProjectsOfUser } from './projects-of-user.ts'
import { findProject, projectRole } from './projects.ts'
import { member, organization, projects, user } from './schema.ts'
import { refusal, testAuth, testDatabase } from './testing.ts'
import { createUser, hasInstanceAdmin } from './users.ts'

const ROOT = { email: 'root@example.test', password: 'correct horse battery 9' }

test('the first start makes organisation and project demo, later ones nothing', () => {
  const database = testDatabase()
  expect([ensureDefaults(database), ensureDefaults(database)]).toEqual([true, false])
  expect(findProject(database, 'demo')).toMatchObject({ slug: 'demo', name: 'Demo' })
  expect(database.db.select().from(projects).all()).toHaveLength(1)
  expect(database.db.select().from(organization).all()).toHaveLength(1)
})

test('demo does not come back after it was renamed or deleted', () => {
  const database = testDatabase()
  ensureDefaults(database)
  database.db.update(projects).set({ slug: 'mine' }).run()
  expect(ensureDefaults(database)).toBe(false)
  expect(findProject(database, 'demo')).toBeNull()
  database.db.delete(projects).run()
  expect(ensureDefaults(database)).toBe(false)
  expect(database.db.select().from(projects).all()).toEqual([])
})

test('bootstrap makes the first admin, owner of the demo organisation and member of demo, once', async () => {
  const { auth, database } = testAuth()
  const admin = await bootstrapAdmin(auth, database, ROOT)
  expect(admin).toMatchObject({ email: ROOT.email, name: 'root', instanceAdmin: true })
  expect(database.db.select({ role: member.role }).from(member).all()).toEqual([{ role: 'owner' }])
  const { projects: mine } = listProjectsOfUser(database, admin?.id ?? '')
  expect(mine.map(({ slug, role }) => [slug, role])).toEqual([['demo', 'admin']])
  database.db.delete(member).run()
  expect(projectRole(database, admin?.id ?? '', mine[0]?.id ?? '')).toBe('admin')

  expect(await bootstrapAdmin(auth, database, { ...ROOT, email: 'second@example.test' })).toBeNull()
  expect(database.db.select().from(user).all()).toHaveLength(1)
})

test('of several bootstraps at once one wins', async () => {
  const { auth, database } = testAuth()
  const emails = ['a@example.test', 'b@example.test', 'c@example.test']
  const made = await Promise.all(emails.map((email) => bootstrapAdmin(auth, database, { ...ROOT, email })))
  expect(made.filter((admin) => admin !== null)).toHaveLength(1)
  expect(database.db.select().from(user).where(eq(user.instanceAdmin, true)).all()).toHaveLength(1)
  expect(database.db.select().from(user).all()).toHaveLength(1)
})

test('bootstrap works where demo was renamed or deleted before', async () => {
  const renamed = testAuth()
  ensureDefaults(renamed.database)
  renamed.database.db.update(projects).set({ slug: 'mine' }).run()
  const admin = await bootstrapAdmin(renamed.auth, renamed.database, ROOT)
  expect(listProjectsOfUser(renamed.database, admin?.id ?? '').projects.map(({ slug }) => slug)).toEqual(['mine'])

  const deleted = testAuth()
  ensureDefaults(deleted.database)
  deleted.database.db.delete(organization).run()
  expect(await bootstrapAdmin(deleted.auth, deleted.database, ROOT)).not.toBeNull()
  expect(deleted.database.db.select().from(member).all()).toEqual([])
})

test('bootstrap does not take over an existing user', async () => {
  const { auth, database } = testAuth()
  await createUser(auth, database, { ...ROOT, name: 'Root' })
  expect(await refusal(() => bootstrapAdmin(auth, database, ROOT))).toBe('CONFLICT email')
  expect(hasInstanceAdmin(database)).toBe(false)
})
