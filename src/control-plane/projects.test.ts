import { expect, test, vi } from 'vitest'
import { OPERATOR } from './audit.ts'
import { ensureDefaults } from './bootstrap.ts'
import type { ControlDatabase } from './database.ts'
import { newId } from './ids.ts'
import {
  addProjectMember,
  createProject,
  findProject,
  organizationsOwnedBy,
  projectRole,
  renameProject,
} from './projects.ts'
import { listProjectsOfUser } from './projects-of-user.ts'
import { isRole, ROLES, roleAtLeast } from './roles.ts'
import { member, organization, projectMembers, user } from './schema.ts'
import { refusal, testDatabase, testDirectory } from './testing.ts'

function withOrganizations(): ControlDatabase {
  const database = testDatabase()
  for (const id of ['org_a', 'org_b']) {
    database.db
      .insert(organization)
      .values({ id, name: id, slug: id.replace('_', '-'), createdAt: new Date() })
      .run()
  }
  return database
}

function addUser({ db }: ControlDatabase, id: string): string {
  const now = new Date()
  db.insert(user)
    .values({ id, name: id, email: `${id}@example.test`, createdAt: now, updatedAt: now })
    .run()
  return id
}

function addToOrganization({ db }: ControlDatabase, userId: string, organizationId: string, role: string): void {
  db.insert(member)
    .values({ id: newId('row_'), userId, organizationId, role, createdAt: new Date() })
    .run()
}

test('a project is found by id and by slug, and its creator is its admin', () => {
  const database = withOrganizations()
  const ann = addUser(database, 'ann')
  const project = createProject(database, { slug: 'my-app', name: ' My app ', organizationId: 'org_a', createdBy: ann })
  expect(project).toMatchObject({ slug: 'my-app', name: 'My app', organizationId: 'org_a' })
  expect(project.id).toMatch(/^prj_[a-z2-7]{20}$/)
  expect(findProject(database, project.id)).toEqual(project)
  expect(findProject(database, 'my-app')).toEqual(project)
  expect(findProject(database, 'other')).toBeNull()
  expect(findProject(database, 'prj_other')).toBeNull()
  expect(projectRole(database, ann, project.id)).toBe('admin')
})

test.each(['', '-a', 'a-', 'A', 'a_b', 'a b', 'ä', 'a/b', 'x'.repeat(64), 'prj_abc', 'system', 'a\n'])(
  'refuses the slug %j',
  async (slug) => {
    const database = withOrganizations()
    expect(await refusal(() => createProject(database, { slug, name: 'N', organizationId: 'org_a' }))).toBe(
      'BAD_REQUEST',
    )
  },
)

test.each(['a', '0', 'a-b', 'a--b', 'x'.repeat(63), 'system2', 'prj-a'])('takes the slug %j', (slug) => {
  expect(createProject(withOrganizations(), { slug, name: 'N', organizationId: 'org_a' }).slug).toBe(slug)
})

test('a slug is taken once in an instance; nothing is stored by half', async () => {
  const database = withOrganizations()
  createProject(database, { slug: 'app', name: 'N', organizationId: 'org_a' })
  const again = { slug: 'app', name: 'N', organizationId: 'org_b' }
  expect(await refusal(() => createProject(database, again))).toBe('CONFLICT slug')
  expect(await refusal(() => createProject(database, { ...again, slug: 'b', organizationId: 'none' }))).toBe(
    'NOT_FOUND',
  )
  expect(await refusal(() => createProject(database, { ...again, slug: 'c', createdBy: 'none' }))).toBe('NOT_FOUND')
  expect(await refusal(() => createProject(database, { ...again, slug: 'd', name: ' ' }))).toBe('BAD_REQUEST')
  expect(['b', 'c', 'd'].map((slug) => findProject(database, slug))).toEqual([null, null, null])
})

test('a role comes from membership, and an owner of the organisation is admin of its projects', () => {
  const database = withOrganizations()
  const project = createProject(database, { slug: 'app', name: 'N', organizationId: 'org_a' })
  for (const id of ['viewer', 'owner', 'both', 'member', 'foreigner', 'stranger']) addUser(database, id)
  addProjectMember(database, { projectId: project.id, userId: 'viewer', role: 'viewer' })
  addProjectMember(database, { projectId: project.id, userId: 'both', role: 'viewer' })
  addToOrganization(database, 'owner', 'org_a', 'owner')
  addToOrganization(database, 'both', 'org_a', 'admin,owner')
  addToOrganization(database, 'member', 'org_a', 'member')
  addToOrganization(database, 'foreigner', 'org_b', 'owner')
  const roleOf = (userId: string) => projectRole(database, userId, project.id)
  expect(roleOf('viewer')).toBe('viewer')
  expect(roleOf('owner')).toBe('admin')
  expect(roleOf('both')).toBe('admin')
  for (const id of ['member', 'foreigner', 'stranger', 'nobody']) expect(roleOf(id)).toBeNull()
  expect(projectRole(database, 'owner', 'prj_none')).toBeNull()
  for (const id of ['member', 'foreigner', 'stranger']) expect(listProjectsOfUser(database, id).projects).toEqual([])
  expect(['owner', 'both', 'member', 'foreigner'].map((id) => organizationsOwnedBy(database, id))).toEqual([
    ['org_a'],
    ['org_a'],
    [],
    ['org_b'],
  ])
  expect(listProjectsOfUser(database, 'both').projects).toEqual([{ ...project, role: 'admin' }])
})

test('a second membership replaces the first, and needs project and user', async () => {
  const database = withOrganizations()
  const { id: projectId } = createProject(database, { slug: 'app', name: 'N', organizationId: 'org_a' })
  const userId = addUser(database, 'ann')
  addProjectMember(database, { projectId, userId, role: 'admin' })
  addProjectMember(database, { projectId, userId, role: 'editor' })
  expect(database.db.select().from(projectMembers).all()).toEqual([{ projectId, userId, role: 'editor' }])
  expect(await refusal(() => addProjectMember(database, { projectId, userId: 'none', role: 'editor' }))).toBe(
    'NOT_FOUND',
  )
  expect(await refusal(() => addProjectMember(database, { projectId: 'none', userId, role: 'editor' }))).toBe(
    'NOT_FOUND',
  )
})

test('a project gets another slug and name, and keeps everything else', async () => {
  const database = withOrganizations()
  const ann = addUser(database, 'ann')
  const made = createProject(database, { slug: 'app', name: 'App', organizationId: 'org_a', createdBy: ann })
  createProject(database, { slug: 'taken', name: 'T', organizationId: 'org_a' })
  const rename = (change: { slug?: string; name?: string; projectId?: string }) =>
    renameProject(database, { projectId: made.id, by: OPERATOR, ...change })

  expect(rename({ slug: 'app-2' })).toEqual({ ...made, slug: 'app-2' })
  expect(rename({ name: ' The app ' })).toEqual({ ...made, slug: 'app-2', name: 'The app' })
  expect(findProject(database, 'app')).toBeNull()
  expect(findProject(database, 'app-2')).toEqual({ ...made, slug: 'app-2', name: 'The app' })
  expect(projectRole(database, ann, made.id)).toBe('admin')
  // The slug is free for others now, and its own is no conflict.
  expect(createProject(database, { slug: 'app', name: 'N', organizationId: 'org_a' }).slug).toBe('app')
  expect(rename({ slug: 'app-2', name: 'The app' }).slug).toBe('app-2')

  expect(await refusal(() => rename({ slug: 'taken' }))).toBe('CONFLICT slug')
  for (const slug of ['', 'A', 'prj_x', 'system']) expect(await refusal(() => rename({ slug }))).toBe('BAD_REQUEST')
  for (const name of ['', ' ', 'x'.repeat(101)]) expect(await refusal(() => rename({ name }))).toBe('BAD_REQUEST')
  expect(await refusal(() => rename({ projectId: 'prj_none', name: 'N' }))).toBe('NOT_FOUND')
  expect(findProject(database, 'app-2')?.name).toBe('The app')
})

test('a change is seen at once by the process that made it, within a second by another', async () => {
  const dataDir = testDirectory()
  const [here, there] = [testDatabase(dataDir), testDatabase(dataDir)]
  here.db.insert(organization).values({ id: 'o', name: 'O', slug: 'o', createdAt: new Date() }).run()
  const { id } = createProject(here, { slug: 'app', name: 'App', organizationId: 'o' })
  const known = [findProject(here, 'app'), findProject(there, 'app'), findProject(there, id)]
  expect(known.map((project) => project?.id)).toEqual([id, id, id])
  renameProject(here, { projectId: id, by: OPERATOR, slug: 'app-2' })
  expect([findProject(here, 'app'), findProject(here, 'app-2')?.id, findProject(here, id)?.slug]).toEqual([
    null,
    id,
    'app-2',
  ])
  expect(findProject(there, 'app-2')?.id).toBe(id)
  await vi.waitFor(() => expect(findProject(there, 'app')).toBeNull(), 3000)
  expect(findProject(there, id)?.slug).toBe('app-2')
})

test('projects of a user come by slug, page by page, others never', async () => {
  const database = withOrganizations()
  const ann = addUser(database, 'ann')
  addToOrganization(database, ann, 'org_b', 'owner')
  for (const slug of ['e', 'a', 'c'])
    createProject(database, { slug, name: slug, organizationId: 'org_a', createdBy: ann })
  for (const slug of ['d', 'b']) createProject(database, { slug, name: slug, organizationId: 'org_b' })
  createProject(database, { slug: 'bb', name: 'not hers', organizationId: 'org_a' })
  const slugs: string[] = []
  let after: string | undefined
  for (let pages = 1; pages <= 3; pages++) {
    const page = listProjectsOfUser(database, ann, after === undefined ? { limit: 2 } : { limit: 2, after })
    slugs.push(...page.projects.map((project) => project.slug))
    expect(page.next === null).toBe(pages === 3)
    after = page.next ?? undefined
  }
  expect(slugs).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(listProjectsOfUser(database, ann, { limit: 5 }).next).toBeNull()
  for (const limit of [0, 201, 1.5, Number.NaN]) {
    expect(await refusal(() => listProjectsOfUser(database, ann, { limit }))).toBe('BAD_REQUEST')
  }
})

test('roles are ordered, and closed', () => {
  expect(ROLES.map((role) => roleAtLeast(role, 'operator'))).toEqual([false, false, true, true])
  expect(isRole('viewer')).toBe(true)
  for (const other of ['owner', '', undefined, 0]) expect(isRole(other)).toBe(false)
})

test('the database refuses a role that is none', () => {
  const database = testDatabase()
  ensureDefaults(database)
  const userId = addUser(database, 'ann')
  const projectId = findProject(database, 'demo')?.id
  const insert = database.sqlite.prepare('INSERT INTO project_members VALUES (?, ?, ?)')
  expect(() => insert.run(projectId, userId, 'owner')).toThrow('CHECK')
})
