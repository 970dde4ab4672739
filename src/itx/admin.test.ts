import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { AUDIT_PATH } from '../control-plane/audit.ts'
import { createProject } from '../control-plane/projects.ts'
import { organization } from '../control-plane/schema.ts'
import { type Dialled, PASSWORD, TestTributary, eventually } from '../server/testing.ts'
import { decodeEvent } from '../streams/event.ts'
import type { JsonText } from '../streams/json-text.ts'
import type { ItxApi, ProjectApi, StreamApi } from './handle.ts'
import { NEEDED_ROLE, type Operation } from './permissions.ts'
import { getServerItx, getServerRoot } from './server-handle.ts'

// Threat: somebody who is no admin of the instance finds out that there is an `itx.admin`, or gets through it; an admin
// uses it and nobody can tell afterwards; the audit can be changed by those it is about.

let tributary: TestTributary
let adminCookie: string
let adminId: string
let otherCookie: string
let auditLog: StreamApi
const dialled: Dialled[] = []

beforeAll(async () => {
  tributary = await TestTributary.start()
  const { setup, control } = tributary.instance
  const admin = await setup.complete({
    token: setup.path().slice('/setup/'.length),
    name: 'Root',
    email: 'root@example.com',
    password: PASSWORD,
  })
  adminId = admin.id
  adminCookie = await tributary.signIn({ id: admin.id, email: admin.email, password: PASSWORD })
  // An organisation that the admin is nobody in.
  control.db.insert(organization).values({ id: 'org_other', name: 'Other', slug: 'other', createdAt: new Date() }).run()
  for (const slug of ['alpha', 'beta', 'gamma']) {
    createProject(control, { slug, name: slug.toUpperCase(), organizationId: 'org_other' })
  }
  const other = await tributary.user('other@example.com', { alpha: 'admin' })
  otherCookie = await tributary.signIn(other)
  const { root } = tributary.dial({ cookie: adminCookie, origin: tributary.origin })
  auditLog = adminOf(root).projects.get('system').streams.get(AUDIT_PATH)
})
afterEach(() => {
  for (const each of dialled.splice(0)) each.socket.terminate()
})
afterAll(() => tributary.stop())

function dial(cookie: string): Dialled {
  const socket = tributary.dial({ cookie, origin: tributary.origin })
  dialled.push(socket)
  return socket
}

/** The handle of an instance admin, over a socket or in-process. */
const doors: Record<string, () => Promise<ItxApi>> = {
  'over a socket': async () => dial(adminCookie).root,
  'in the server': () => getServerRoot(new Request(tributary.url, { headers: { cookie: adminCookie } })),
}

function adminOf(itx: ItxApi) {
  if (!itx.admin) throw new Error('no admin here')
  return itx.admin
}

/** What the audit has of a type, the newest first. Over a handle that is opened once: opening it is audited, too. */
async function audited(type: string): Promise<readonly Record<string, unknown>[]> {
  const { events } = await auditLog.read({ order: 'desc', limit: 1000 })
  return events
    .filter((event) => event.type === type)
    .map((event) => decodeEvent(event).payload as Record<string, unknown>)
}

/** Of a project of others. */
async function openings() {
  return (await audited('admin/project-opened')).filter(({ projectId }) => projectId === tributary.projectId('gamma'))
}

describe('for whoever is no instance admin', () => {
  type Stub = { readonly [name: string]: Stub } & ((...args: unknown[]) => Promise<unknown>)
  const paths: readonly (readonly string[])[] = [
    [],
    ['projects'],
    ['projects', 'list'],
    ['projects', 'get'],
    ['x', 'y'],
  ]

  test.each(['a session', 'a token'])('admin is a name like any that leads nowhere: %s', async (credential) => {
    for (const path of paths) {
      const answers = []
      for (const name of ['admin', 'nosuch']) {
        const socket = credential === 'a token' ? tributary.itx('admin') : dial(otherCookie)
        dialled.push(socket)
        const target = [name, ...path].reduce((stub, step) => stub[step]!, socket.root as unknown as Stub)
        const message = await target('demo').then(
          () => 'answered',
          (error: unknown) => JSON.stringify([String(error), { ...(error as object) }]).replaceAll(name, 'NAME'),
        )
        const frames = socket.received
          .filter((frame) => frame.startsWith('["reject"'))
          .map((frame) => frame.replaceAll(name, 'NAME').replaceAll(UUID, 'ID'))
        answers.push({ message: message.replaceAll(UUID, 'ID'), frames })
      }
      expect(answers[0]).toEqual(answers[1])
      expect(answers[0]?.message).not.toBe('answered')
    }
  })

  test('nor is it told of by whoami, describe or the list', async () => {
    const { root } = dial(otherCookie)
    const answers = [await root.whoami(), await root.projects.list(), await root.projects.get('alpha').describe()]
    expect(JSON.stringify(answers)).not.toMatch(/"admin"[:,]\s*\{|itx\.admin|beta|gamma|prj_system/)
  })

  test('in the server it is undefined', async () => {
    using itx = await getServerRoot(new Request(tributary.url, { headers: { cookie: otherCookie } }))
    await expect(adminOf(itx).projects.list()).rejects.toThrow(NOTHING_THERE)
    await expect((itx as unknown as Record<string, Stub>)['nosuch']!['projects']!['list']!()).rejects.toThrow(
      NOTHING_THERE,
    )
  })
})

/** What Cap'n Web says of a name that is not there. */
const NOTHING_THERE = /is not a function|undefined|null/
const UUID = /[0-9a-f]{8}-[0-9a-f-]{27}/g

describe.each(Object.entries(doors))('an instance admin, %s', (_door, open) => {
  test('sees the projects of all organisations, a page at a time', async () => {
    const admin = adminOf(await open())
    const first = await admin.projects.list({ limit: 2 })
    expect(first.projects.map(({ slug }) => slug)).toEqual(['alpha', 'beta'])
    expect(first.projects[0]).toMatchObject({ name: 'ALPHA', organization: { id: 'org_other', name: 'Other' } })
    expect(first.nextAfter).toBe('beta')
    const rest = await admin.projects.list({ after: 'beta' })
    expect([rest.projects.map(({ slug }) => slug), rest.nextAfter]).toEqual([['demo', 'gamma'], null])
    await expect(admin.projects.list({ limit: 0 })).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(admin.projects.list({ colour: 1 } as never)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })

  test('reaches a project of others through admin alone, as its admin', async () => {
    const itx = await open()
    await expect(itx.projects.get('beta').project()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await itx.projects.list()).projects.map(({ slug }) => slug)).toEqual(['demo'])
    const beta = adminOf(itx).projects.get('beta')
    expect(await beta.project()).toMatchObject({ slug: 'beta', role: 'admin' })
    const id = tributary.projectId('beta')
    expect(await adminOf(itx).projects.get(id).project()).toMatchObject({ slug: 'beta' })
    await beta.streams.get('/by-admin').append([{ type: 'x' }])
    await beta.streams.get('/by-admin').delete({ recursive: true })
  })

  test('is told of a missing project as anybody is', async () => {
    const itx = await open()
    const told = (call: Promise<unknown>) =>
      call.then(
        () => 'answered',
        (error: unknown) => JSON.stringify([(error as Error).message, { ...(error as object) }]),
      )
    expect(await told(adminOf(itx).projects.get('nosuch').project())).toBe(
      await told(itx.projects.get('nosuch').project()),
    )
    await expect(adminOf(itx).projects.get('').project()).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })

  test('every opening is in the audit, and every operation that is more than looking', async () => {
    const before = (await audited('admin/project-changed')).length
    const opened = (await openings()).length
    const gamma = adminOf(await open()).projects.get('gamma')
    const projectId = tributary.projectId('gamma')
    await gamma.streams.get('/seen').read()
    await gamma.streams.get('/seen').state()
    const by = { kind: 'user', id: adminId }
    await eventually(async () => (await openings()).length > opened)
    const [newest, ...others] = await openings()
    expect(newest).toMatchObject({ projectId, by })
    expect(others).toHaveLength(opened)
    await gamma.streams.get('/seen').append([{ type: 'x' }])
    await gamma.rename({ name: 'Gamma' })
    await eventually(async () => (await audited('admin/project-changed')).length >= before + 2)
    const changes = (await audited('admin/project-changed')).slice(0, -before || undefined)
    expect(changes).toMatchObject([
      { projectId, by, operation: 'rename' },
      { projectId, by, operation: 'append' },
    ])
  })
})

describe('the project of the instance itself', () => {
  const calls: Record<Operation, (project: ProjectApi, stream: StreamApi) => Promise<unknown>> = {
    describe: (project) => project.describe(),
    project: (project) => project.project(),
    overview: (project) => project.overview(),
    createReadToken: (project) => project.createReadToken({ path: '/' }),
    rename: (project) => project.rename({ name: 'Mine' }),
    contents: (project) => project.contents(),
    'project.delete': (project) => project.delete(),
    list: (project) => project.streams.list(),
    activity: (project) => project.streams.activity({ paths: ['/'] }, () => {}),
    children: (_project, stream) => stream.children(),
    state: (_project, stream) => stream.state(),
    read: (_project, stream) => stream.read(),
    getEvent: (_project, stream) => stream.getEvent({ offset: 1 }),
    subscribe: (_project, stream) => stream.subscribe({}, () => {}),
    scan: (_project, stream) => stream.scan({ filter: 'true' }, () => {}),
    export: (_project, stream) => stream.export(),
    import: (_project, stream) => stream.import({ events: [], incarnationId: 'x' }),
    append: (_project, stream) => stream.append([{ type: 'forged' }]),
    create: (_project, stream) => stream.create(),
    setMetadata: (_project, stream) => stream.setMetadata('{}' as JsonText),
    pause: (_project, stream) => stream.pause(),
    resume: (_project, stream) => stream.resume(),
    configure: (_project, stream) => stream.configure({ recordPresence: true }),
    processors: (_project, stream) => stream.processors(),
    attach: (_project, stream) => stream.attach('event-counter'),
    detach: (_project, stream) => stream.detach('event-counter'),
    restart: (_project, stream) => stream.restart('event-counter'),
    stateAt: (_project, stream) => stream.stateAt({ processor: 'core', offset: 1 }),
    close: (_project, stream) => stream.close(),
    reset: (_project, stream) => stream.reset(),
    delete: (_project, stream) => stream.delete({ recursive: true }),
  }

  test('can be looked at by an instance admin, and changed by nobody', async () => {
    await eventually(async () => (await audited('admin/project-opened')).length > 0)
    for (const [door, open] of Object.entries(doors)) {
      const system = adminOf(await open()).projects.get('system')
      expect(await system.project()).toEqual({ id: 'prj_system', slug: 'system', name: 'System', role: 'viewer' })
      for (const path of [AUDIT_PATH, '/', '/new']) {
        const stream = system.streams.get(path)
        for (const [operation, call] of Object.entries(calls)) {
          if (path === '/new' && (operation === 'export' || operation === 'stateAt')) continue
          const outcome = await call(system, stream).then(
            () => 'allowed',
            (error: { code?: string }) => error.code,
          )
          const expected = NEEDED_ROLE[operation as Operation] === 'viewer' ? 'allowed' : 'FORBIDDEN'
          expect([door, path, operation, outcome]).toEqual([door, path, operation, expected])
        }
      }
      expect(await system.streams.get('/new').state()).toMatchObject({ exists: false })
    }
  })

  test('is reached by no name through projects.get, not even by an instance admin', async () => {
    for (const cookie of [adminCookie, otherCookie]) {
      const request = new Request(tributary.url, { headers: { cookie } })
      for (const name of ['system', 'prj_system']) {
        await expect(dial(cookie).root.projects.get(name).project()).rejects.toMatchObject({ code: 'NOT_FOUND' })
        await expect(getServerItx(name, request)).rejects.toMatchObject({ code: 'NOT_FOUND' })
        const answer = await tributary.raw(`/api/streams/${name}/audit`, { headers: { cookie } })
        expect(answer.status).toBe(404)
      }
    }
  })
})

test('whoever is no instance admin any more loses what they hold, at once for what is new', async () => {
  const socket = dial(adminCookie)
  const beta = adminOf(socket.root).projects.get('beta')
  expect(await beta.project()).toMatchObject({ slug: 'beta' })
  tributary.instance.control.sqlite.prepare('update user set instance_admin = 0 where id = ?').run(adminId)
  try {
    using itx = await getServerRoot(new Request(tributary.url, { headers: { cookie: adminCookie } }))
    await expect(adminOf(itx).projects.list()).rejects.toThrow(NOTHING_THERE)
    expect(await socket.ended).toMatchObject({ code: 4401 })
  } finally {
    tributary.instance.control.sqlite.prepare('update user set instance_admin = 1 where id = ?').run(adminId)
  }
})
