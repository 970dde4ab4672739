import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AUDIT_PATH, SYSTEM_PROJECT_ID } from '../control-plane/audit.ts'
import { type Dialled, PASSWORD, TestTributary, eventually, runCli } from '../server/testing.ts'
import { itxErrorCode } from '../streams/errors.ts'
import { parsePath } from '../streams/path.ts'

// `tributary project`, beside a running server that is never told.

const OWNER = 'owner@example.com'
const MEMBER = 'member@example.com'

let tributary: TestTributary
let owner: Dialled
let member: Dialled
beforeAll(async () => {
  tributary = await TestTributary.start()
  const { setup } = tributary.instance
  const token = setup.path().slice('/setup/'.length)
  await setup.complete({ token, name: 'Owner', email: OWNER, password: PASSWORD })
  await tributary.user(MEMBER, { demo: 'admin' })
  const signedIn = async (email: string) => {
    const cookie = await tributary.signIn({ id: '', email, password: PASSWORD })
    return tributary.dial({ cookie, origin: tributary.origin })
  }
  owner = await signedIn(OWNER)
  member = await signedIn(MEMBER)
})
afterAll(async () => {
  for (const { socket } of [owner, member]) socket.terminate()
  await tributary.stop()
})

const project = (...args: readonly string[]) =>
  runCli(['project', ...args], { env: { TRIBUTARY_DATA_DIR: tributary.dataDir } })
const linesOf = (stdout: string) =>
  stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** The role of somebody in a project, or why they have none. */
const roleIn = (slug: string, { root }: Dialled) =>
  root.projects
    .get(slug)
    .project()
    .then(({ role }) => role, itxErrorCode)

describe('project create', () => {
  test('makes one that the running server has at once: its owner’s, as admin, and nobody else’s', async () => {
    // Asked for before, so that the server knows that there is none.
    expect(await roleIn('invoices', owner)).toBe('NOT_FOUND')
    const made = await project('create', 'invoices', '--name', ' Invoices “2026” ', '--owner', 'OWNER@example.com')
    const id = expect.stringMatching(/^prj_/)
    expect([made.code, linesOf(made.stdout), made.stderr]).toEqual([
      0,
      [{ id, slug: 'invoices', name: 'Invoices “2026”' }],
      '',
    ])
    expect([await roleIn('invoices', owner), await roleIn('invoices', member)]).toEqual(['admin', 'NOT_FOUND'])
    expect((await owner.root.projects.list()).projects).toContainEqual({
      ...linesOf(made.stdout)[0],
      role: 'admin',
    })
    expect(
      await owner
        .streams('invoices')
        .get('/first')
        .append([{ type: 'a' }]),
    ).toHaveLength(1)
  })

  test('takes the slug for a name where none is given', async () => {
    const made = await project('create', 'nameless', '--owner', OWNER)
    expect(linesOf(made.stdout)).toMatchObject([{ slug: 'nameless', name: 'nameless' }])
  })

  test('is on the record as the operator’s act, which made the owner its admin', async () => {
    const made = await project('create', 'recorded', '--owner', OWNER)
    const { id } = linesOf(made.stdout)[0]!
    const audit = async () => {
      const { events } = await tributary.instance.engine
        .project(SYSTEM_PROJECT_ID)
        .read(parsePath(AUDIT_PATH), { after: 0, limit: 1000 })
      return events
        .map(({ type, payload }) => [type, JSON.parse(payload ?? 'null') as Record<string, unknown>] as const)
        .filter(([, payload]) => payload?.['projectId'] === id)
    }
    await eventually(async () => (await audit()).length === 2)
    const { id: userId } = (await owner.root.whoami()) as { readonly id: string }
    expect(await audit()).toEqual([
      ['project/created', expect.objectContaining({ slug: 'recorded', by: { kind: 'operator' } })],
      ['project/member-added', expect.objectContaining({ userId, role: 'admin', by: { kind: 'operator' } })],
    ])
  })

  test.each([
    [['invoicing', '--owner', 'nobody@example.com'], 'NOT_FOUND', '"nobody@example.com"', '"reason":"email"'],
    [['invoicing', '--owner', MEMBER], 'FORBIDDEN', `"${MEMBER}" owns no organisation`, '"reason":"role"'],
    [['demo', '--owner', OWNER], 'CONFLICT', 'the slug demo', '"reason":"slug"'],
    [['Invoices', '--owner', OWNER], 'BAD_REQUEST', 'slug is "Invoices"', ''],
    [['system', '--owner', OWNER], 'BAD_REQUEST', 'reserved', ''],
    [['invoicing', '--owner', OWNER, '--name', ' '], 'BAD_REQUEST', 'name has 0 characters; 1 to 100', ''],
  ])('%j is refused with %s, and makes nothing', async (args, code, words, details) => {
    const before = (await project('list')).stdout
    const done = await project('create', ...args)
    expect([done.code, done.stdout]).toEqual([1, ''])
    expect(done.stderr).toMatch(new RegExp(`^${code}: `, 'm'))
    expect(done.stderr).toContain(words)
    expect(done.stderr).toContain(details)
    expect((await project('list')).stdout).toBe(before)
  })
})

describe('project list', () => {
  test('prints a line for each by slug, over as many pages as it takes, whoever has them', async () => {
    for (let i = 0; i < 205; i++) tributary.project(`listed-${String(i).padStart(3, '0')}`)
    const done = await project('list')
    const found = linesOf(done.stdout)
    const slugs = found.map(({ slug }) => slug)
    expect([done.code, done.stderr, slugs]).toEqual([0, '', slugs.toSorted()])
    expect(slugs.filter((slug) => String(slug).startsWith('listed-'))).toHaveLength(205)
    expect(found.find(({ slug }) => slug === 'demo')).toEqual({
      id: tributary.projectId('demo'),
      slug: 'demo',
      name: 'Demo',
      organization: { id: expect.stringMatching(/^org_/), name: 'Demo' },
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
  })

  test('finds those that have a text in their name or slug', async () => {
    tributary.project('needle')
    expect(linesOf((await project('list', '--match', 'NEEDL')).stdout)).toMatchObject([{ slug: 'needle' }])
    expect(await project('list', '--match', 'no such text')).toMatchObject({ code: 0, stdout: '' })
    expect(await project('list', '--match', 'x'.repeat(101))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^BAD_REQUEST: match has 101 characters/m),
    })
  })
})
