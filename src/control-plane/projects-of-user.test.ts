import { expect, test } from 'vitest'
import { listAllProjects } from './all-projects.ts'
import type { ControlDatabase } from './database.ts'
import { newId } from './ids.ts'
import { listProjectsOfUser } from './projects-of-user.ts'
import { addProjectMember, createProject, projectRole } from './projects.ts'
import { member, organization, projects, user } from './schema.ts'
import { refusal, testDatabase } from './testing.ts'
import { textMatches } from './text-search.ts'

// Guards the list of projects: a search finds what has the text, the text is never a pattern, and it shows nobody a
// project that is not theirs.

function withUsers(): ControlDatabase {
  const database = testDatabase()
  const { db } = database
  const now = new Date()
  for (const id of ['owner', 'guest']) {
    db.insert(user)
      .values({ id, name: id, email: `${id}@example.test`, createdAt: now, updatedAt: now })
      .run()
  }
  for (const id of ['org_a', 'org_b']) {
    db.insert(organization)
      .values({ id, name: id, slug: id.replace('_', '-'), createdAt: now })
      .run()
  }
  db.insert(member)
    .values({ id: newId('row_'), userId: 'owner', organizationId: 'org_a', role: 'owner', createdAt: now })
    .run()
  return database
}

/** Projects of the owner, with these names; their slugs are p0, p1, … */
function named(...names: readonly string[]): ControlDatabase {
  const database = withUsers()
  for (const [i, name] of names.entries()) createProject(database, { slug: `p${i}`, name, organizationId: 'org_a' })
  return database
}

const found = (database: ControlDatabase, match: string, userId = 'owner') =>
  listProjectsOfUser(database, userId, { match }).projects.map(({ name }) => name)

test('a search finds a part of the name or of the slug, in any case, in any script', () => {
  const database = named('Zahlungen Österreich', 'ΑΘΗΝΑ', 'مشروع الدفع', 'Cafe\u0301', '🚀 launch', 'plain')
  expect(found(database, 'öst')).toEqual(['Zahlungen Österreich'])
  expect(found(database, 'ÖSTERR')).toEqual(['Zahlungen Österreich'])
  expect(found(database, 'θην')).toEqual(['ΑΘΗΝΑ'])
  expect(found(database, 'الدفع')).toEqual(['مشروع الدفع'])
  // However the accent was typed.
  expect(found(database, 'CAFÉ')).toEqual(['Cafe\u0301'])
  expect(found(database, '🚀')).toEqual(['🚀 launch'])
  expect(found(database, 'P5')).toEqual(['plain'])
  expect(found(database, '')).toHaveLength(6)
  expect(found(database, 'nothing like it')).toEqual([])
})

test('a text that looks like a pattern, or like SQL, is looked for as it is', () => {
  const hostile = [
    '100%',
    'a_b',
    "it's",
    '"quoted"',
    'back\\slash',
    '<script>alert(1)</script>',
    '\u202egnp.exe',
    'axb',
  ]
  const database = named(...hostile)
  for (const text of ['%', '_', "'", '"', '\\', '<script>', '\u202e']) {
    const expected = hostile.filter((name) => name.includes(text))
    expect([text, found(database, text)]).toEqual([text, expected])
    expect(expected).toHaveLength(1)
  }
  expect(found(database, "' or 1=1 --")).toEqual([])
  expect(found(database, '\u0000')).toEqual([])
  expect(found(database, '\ud800')).toEqual([])
  expect(listAllProjects(database, { limit: 10, match: '%' }).projects.map(({ name }) => name)).toEqual(['100%'])
})

test('a search is paged by slug, without a gap, and says when it is at its end', () => {
  const database = named(...Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? `even ${i}` : `odd ${i}`)))
  const slugs: string[] = []
  let after: string | undefined
  do {
    const page = listProjectsOfUser(database, 'owner', { match: 'EVEN', limit: 2, ...(after && { after }) })
    slugs.push(...page.projects.map(({ slug }) => slug))
    after = page.next ?? undefined
  } while (after !== undefined)
  expect(slugs).toEqual(['p0', 'p2', 'p4', 'p6', 'p8'])
})

test('a match that is too long is refused, with the limit and the length', async () => {
  const database = named('one')
  expect(found(database, 'x'.repeat(100))).toEqual([])
  expect(await refusal(() => found(database, 'x'.repeat(101)))).toBe('BAD_REQUEST')
  expect(() => found(database, 'x'.repeat(101))).toThrow(/match has 101 characters.*at most 100/)
})

test('nobody finds what is not theirs, and the roles are those of `projectRole`', () => {
  const database = named('shared one', 'shared two', 'shared three')
  createProject(database, { slug: 'other', name: 'shared four', organizationId: 'org_b' })
  const [first, second] = database.db.select().from(projects).all()
  addProjectMember(database, { projectId: first!.id, userId: 'guest', role: 'viewer' })
  addProjectMember(database, { projectId: second!.id, userId: 'guest', role: 'admin' })
  // Owning the organisation is more than being a viewer.
  addProjectMember(database, { projectId: first!.id, userId: 'owner', role: 'viewer' })
  expect(found(database, 'shared', 'guest')).toEqual(['shared one', 'shared two'])
  expect(found(database, 'four')).toEqual([])
  expect(found(database, 'shared', 'nobody')).toEqual([])
  for (const userId of ['guest', 'owner']) {
    const { projects: mine } = listProjectsOfUser(database, userId)
    expect(mine.map(({ role }) => role)).toEqual(mine.map(({ id }) => projectRole(database, userId, id)))
  }
})

test('the rule outside of the database is the same', () => {
  expect(textMatches(['a', 'CAFÉ'], 'cafe\u0301')).toBe(true)
  expect(textMatches(['a', 'b'], '%')).toBe(false)
})

test('of ten thousand projects a page, and a search that finds one, take well below a frame or two', () => {
  const database = withUsers()
  const insert = database.sqlite.prepare(
    'insert into projects (id, slug, name, organization_id, created_at) values (?, ?, ?, ?, ?)',
  )
  database.sqlite.transaction(() => {
    for (let i = 0; i < 10_000; i++) insert.run(`prj_${i}`, `p-${i}`, `Project ${i} Ä`, 'org_a', 0)
  })()
  const timed = (match: string, after?: string) => {
    const started = performance.now()
    const page = listProjectsOfUser(database, 'owner', { match, ...(after && { after }) })
    return { ms: performance.now() - started, count: page.projects.length }
  }
  timed('')
  const [first, one, none, last] = [timed(''), timed('ject 9876 ä'), timed('zzz'), timed('', 'p-98')]
  expect([first.count, one.count, none.count, last.count]).toEqual([100, 1, 0, 100])
  // Measured 7 to 14 ms; another worker of the test run may have the processor.
  for (const { ms } of [first, one, none, last]) expect(ms).toBeLessThan(500)
})
