import { and, eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { member, organization, projectMembers } from '../control-plane/schema.ts'
import { type Dialled, TestTributary } from '../server/testing.ts'
import { itxErrorCode } from '../streams/errors.ts'
import type { ItxApi } from './handle.ts'
import { getServerItx } from './server-handle.ts'

// Whose a project is: that of whoever made it, of those it was given to, and of the owners of its organisation. Asked at
// every door, as each of them.

let tributary: TestTributary
const cookies: Record<string, string> = {}
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
  const { db } = tributary.instance.control
  db.insert(organization)
    .values([
      { id: 'org_ours', name: 'Ours', slug: 'ours', createdAt: new Date() },
      { id: 'org_theirs', name: 'Theirs', slug: 'theirs', createdAt: new Date() },
    ])
    .run()
  for (const [name, organizationId, role] of [
    ['maker', 'org_ours', 'owner'],
    ['partner', 'org_ours', 'admin,owner'],
    ['colleague', 'org_ours', 'member'],
    ['manager', 'org_ours', 'admin'],
    ['foreigner', 'org_theirs', 'owner'],
  ] as const) {
    const { id: userId, ...account } = await tributary.user(`${name}@example.com`)
    db.insert(member)
      .values({ id: `row_${name}`, organizationId, userId, role, createdAt: new Date() })
      .run()
    cookies[name] = await tributary.signIn({ id: userId, ...account })
  }
})
afterAll(async () => {
  for (const { socket } of dialled) socket.terminate()
  await tributary.stop()
})

function root(name: string) {
  const socket = tributary.dial({ cookie: cookies[name]!, origin: tributary.origin })
  dialled.push(socket)
  return socket.root
}

/** The role of somebody in a project, as each door has it; null when it is not there for them. */
async function roles(name: string, project: string): Promise<unknown[]> {
  const headers = { cookie: cookies[name]! }
  const found = async (call: PromiseLike<{ role: string }>) => {
    try {
      return (await call).role
    } catch (error) {
      return itxErrorCode(error)
    }
  }
  using rendering = await getServerItx(project, new Request(tributary.url, { headers })).catch(() => null)
  const { status } = await tributary.raw(`/api/streams/${project}`, { headers })
  return [
    await found(root(name).projects.get(project).project()),
    rendering === null ? 'NOT_FOUND' : await found(rendering.project()),
    status,
  ]
}

const ADMIN = ['admin', 'admin', 200]
const NOBODY = ['NOT_FOUND', 'NOT_FOUND', 404]

describe('a project', () => {
  test('is its maker’s, and stays so without the organisation', async () => {
    expect(await root('maker').projects.create({ slug: 'made', name: 'Made' })).toMatchObject({ role: 'admin' })
    tributary.instance.control.db.delete(member).where(eq(member.id, 'row_maker')).run()
    expect(await roles('maker', 'made')).toEqual(ADMIN)
  })

  test('is that of every owner of its organisation, without a row of their own, and of no other member', async () => {
    const { db } = tributary.instance.control
    expect(db.select().from(projectMembers).all()).toHaveLength(1)
    expect(await roles('partner', 'made')).toEqual(ADMIN)
    for (const name of ['colleague', 'manager', 'foreigner']) {
      expect([name, await roles(name, 'made')]).toEqual([name, NOBODY])
      expect((await root(name).projects.list()).projects).toEqual([])
    }
    expect((await root('partner').projects.list()).projects).toMatchObject([{ slug: 'made', role: 'admin' }])
  })

  test('is found by a part of its name or slug by whoever has it, and by nobody else', async () => {
    const slugs = async (of: ItxApi, match: unknown) =>
      (await of.projects.list({ match } as never)).projects.map(({ slug }) => slug)
    const token = tributary.itx('viewer', 'made')
    dialled.push(token)
    for (const [match, expected] of [
      ['MAD', ['made']],
      ['', ['made']],
      ['%', []],
      ['demo', []],
    ] as const) {
      expect([match, await slugs(root('partner'), match)]).toEqual([match, expected])
      expect([match, await slugs(token.root, match)]).toEqual([match, expected])
      expect([match, await slugs(root('colleague'), match)]).toEqual([match, []])
    }
    expect((await token.root.projects.list({ after: 'made' })).projects).toEqual([])
    for (const match of [7, null, {}, ['a'], 'x'.repeat(101)]) {
      for (const of of [root('partner'), token.root]) {
        const code = await slugs(of, match).then(() => 'done', itxErrorCode)
        expect([match, code]).toEqual([match, 'BAD_REQUEST'])
      }
    }
  })

  test('that is given to somebody is theirs with that role, at every door', async () => {
    const { db } = tributary.instance.control
    const [{ userId } = { userId: '' }] = db.select().from(member).where(eq(member.id, 'row_colleague')).all()
    const projectId = tributary.projectId('made')
    db.insert(projectMembers).values({ projectId, userId, role: 'operator' }).run()
    expect(await roles('colleague', 'made')).toEqual(['operator', 'operator', 200])
    db.delete(projectMembers)
      .where(and(eq(projectMembers.projectId, projectId), eq(projectMembers.userId, userId)))
      .run()
    expect(await roles('colleague', 'made')).toEqual(NOBODY)
  })

  test('is made in an organisation of one’s own alone', async () => {
    const make = (organizationId: string) =>
      root('partner')
        .projects.create({ slug: `in-${organizationId.slice(4)}`, name: 'x', organizationId })
        .then(
          ({ role }) => role,
          (error: unknown) => itxErrorCode(error),
        )
    expect([await make('org_ours'), await make('org_theirs'), await make('org_none')]).toEqual([
      'admin',
      'FORBIDDEN',
      'FORBIDDEN',
    ])
  })

  test('is made by the owner of an organisation alone, which the list tells everybody beforehand', async () => {
    const tries = async (of: ItxApi, slug: string) => [
      (await of.projects.list({ match: 'of no project' })).mayCreate,
      await of.projects.create({ slug, name: slug }).then(() => 'made', itxErrorCode),
    ]
    for (const name of ['partner', 'foreigner']) {
      expect([name, ...(await tries(root(name), `by-${name}`))]).toEqual([name, true, 'made'])
    }
    // The maker owned one, until the first of these tests.
    for (const name of ['maker', 'colleague', 'manager']) {
      expect([name, ...(await tries(root(name), `by-${name}`))]).toEqual([name, false, 'FORBIDDEN'])
    }
    const token = tributary.itx('admin', 'made')
    dialled.push(token)
    expect(await tries(token.root, 'by-token')).toEqual([false, 'FORBIDDEN'])
  })
})

test('an owner who is one no longer loses the socket that holds the project', async () => {
  const socket = tributary.dial({ cookie: cookies['partner']!, origin: tributary.origin })
  dialled.push(socket)
  expect(await socket.root.projects.get('made').project()).toMatchObject({ role: 'admin' })
  const begun = performance.now()
  tributary.instance.control.db.update(member).set({ role: 'member' }).where(eq(member.id, 'row_partner')).run()
  expect(await socket.ended).toEqual({ code: 4401, reason: 'access changed' })
  expect(performance.now() - begun).toBeLessThan(5000)
})
