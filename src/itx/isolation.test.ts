import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Dialled, type RawResponse, TestTributary, runCli } from '../server/testing.ts'
import { itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import type { ItxApi, ProjectApi } from './handle.ts'
import { projectBySlugQuery } from './queries.ts'
import { getServerItx, getServerRoot } from './server-handle.ts'

// Threat: somebody of one project sees that another exists, or what is in it. Two projects, two users, two tokens; at
// every door the answer for the other's project is that for no project at all, to the byte but for the name asked for.

let tributary: TestTributary
interface Somebody {
  readonly mine: string
  readonly theirs: string
  readonly cookie: string
  readonly token: string
}
let people: readonly Somebody[]

beforeAll(async () => {
  tributary = await TestTributary.start()
  people = await Promise.all(
    ['red', 'blue'].map(async (mine) => {
      tributary.project(mine)
      await tributary.instance.engine
        .project(tributary.projectId(mine))
        .append('/shared/name' as never, [{ type: `secret-of-${mine}` }])
      const cookie = await tributary.signIn(await tributary.user(`${mine}@example.com`, { [mine]: 'admin' }))
      return { mine, theirs: mine === 'red' ? 'blue' : 'red', cookie, token: tributary.token('admin', mine) }
    }),
  )
})
afterAll(() => tributary.stop())

/** What a caller can tell of an error, with the name asked for taken out. */
async function visible(call: PromiseLike<unknown>, name: string): Promise<string> {
  try {
    return `answered ${JSON.stringify(await call)}`
  } catch (error) {
    const { message, name: kind } = error as Error
    const seen = {
      kind,
      message,
      code: itxErrorCode(error),
      details: itxErrorDetails(error),
      own: { ...(error as object) },
    }
    return JSON.stringify(seen).replaceAll(name, 'NAME')
  }
}

/** Names that lead to the other's project, or the instance's own, each with one of the same shape that leads nowhere. */
function namesOf(project: string): readonly (readonly [forbidden: string, missing: string])[] {
  const id = tributary.projectId(project)
  return [
    // Of the same length: answers say how long they are.
    [project, `${project.slice(0, -1)}${project.endsWith('x') ? 'y' : 'x'}`],
    [id, `${id.slice(0, -1)}${id.endsWith('a') ? 'b' : 'a'}`],
    ['system', 'mystem'],
    ['prj_system', 'prj_mystem'],
  ]
}

const calls: Record<string, (root: ItxApi, name: string) => PromiseLike<unknown>> = {
  get: (root, name) => root.projects.get(name),
  project: (root, name) => root.projects.get(name).project(),
  describe: (root, name) => root.projects.get(name).describe(),
  overview: (root, name) => root.projects.get(name).overview(),
  list: (root, name) => root.projects.get(name).streams.list(),
  state: (root, name) => root.projects.get(name).streams.get('/shared/name').state(),
  read: (root, name) => root.projects.get(name).streams.get('/shared/name').read(),
  'read of nothing': (root, name) => root.projects.get(name).streams.get('/nothing').read(),
  'a bad path': (root, name) => root.projects.get(name).streams.get('bad').read(),
  append: (root, name) =>
    root.projects
      .get(name)
      .streams.get('/shared/name')
      .append([{ type: 'x' }]),
  subscribe: (root, name) =>
    root.projects
      .get(name)
      .streams.get('/shared/name')
      .subscribe({ after: 'start' }, () => {}),
  activity: (root, name) => root.projects.get(name).streams.activity({ paths: ['/'] }, () => {}),
  rename: (root, name) => root.projects.get(name).rename({ name: 'Mine now' }),
  contents: (root, name) => root.projects.get(name).contents(),
  delete: (root, name) => root.projects.get(name).delete(),
  createReadToken: (root, name) => root.projects.get(name).createReadToken({ path: '/' }),
}

describe.each(['a session', 'a token', 'a token in-band'])('the socket, with %s', (credential) => {
  function dial({ cookie, token }: Somebody): Pick<Dialled, 'root' | 'received' | 'socket' | 'close'> {
    if (credential === 'a session') return tributary.dial({ cookie, origin: tributary.origin })
    if (credential === 'a token') return tributary.dial({ authorization: `Bearer ${token}` })
    const dialled = tributary.dial({})
    const { received, socket } = dialled
    const root = dialled.root.authenticate(token) as Dialled['root']
    return { root, received, socket, close: () => dialled.close() }
  }

  test.each(Object.keys(calls))('%s', async (name) => {
    for (const somebody of people) {
      for (const [forbidden, missing] of namesOf(somebody.theirs)) {
        const socket = dial(somebody)
        const answers = [
          await visible(calls[name]!(socket.root, forbidden), forbidden),
          await visible(calls[name]!(socket.root, missing), missing),
        ]
        expect(answers[0]).toBe(answers[1])
        expect(answers[0]).toContain('NOT_FOUND')
        // The frames themselves, ids aside.
        const frames = socket.received
          .filter((frame) => frame.startsWith('["reject"'))
          .map((frame) => frame.replace(/^\["reject",-?\d+/, ''))
        const half = frames.length / 2
        expect(frames.slice(0, half).map((frame) => frame.replaceAll(forbidden, 'NAME'))).toEqual(
          frames.slice(half).map((frame) => frame.replaceAll(missing, 'NAME')),
        )
        socket.close()
      }
    }
  })

  test('each sees their own project alone, with what is in it', async () => {
    for (const somebody of people) {
      const { root, ...socket } = dial(somebody)
      expect((await root.projects.list()).projects.map(({ slug }) => slug)).toEqual([somebody.mine])
      const page = await root.projects.get(somebody.mine).streams.get('/shared/name').read()
      expect(page.events.map(({ type }) => type)).toContain(`secret-of-${somebody.mine}`)
      socket.socket.close()
    }
  })

  test('the other project is as it was', async () => {
    for (const { mine } of people) {
      const { maxOffset } = await tributary.streams(mine).state('/shared/name' as never)
      expect(maxOffset).toBe(2)
    }
  })
})

/** An answer but for the name asked for and what is new in each: the date. */
function bytes({ status, headers, text }: RawResponse, name: string): string {
  const { date: _date, ...rest } = headers
  return JSON.stringify({ status, headers: rest, text }).replaceAll(name, 'NAME')
}

describe('HTTP', () => {
  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
  const TARGETS = ['', '/', '/shared/name', '/nothing', '//', '/shared/name?live=sse', '/shared/name?offset=-1']

  test.each(METHODS)('%s says the same of a forbidden and a missing project, whoever asks', async (method) => {
    for (const { theirs, cookie, token } of people) {
      const credentials = [
        { cookie, origin: tributary.origin },
        { cookie },
        { authorization: `Bearer ${token}` },
        { authorization: 'Bearer nonsense' },
        {},
      ]
      for (const credential of credentials) {
        for (const [forbidden, missing] of namesOf(theirs)) {
          for (const target of TARGETS) {
            const ask = (name: string) =>
              tributary.raw(`/api/streams/${name}${target}`, {
                method,
                headers: { ...credential, 'content-type': 'application/json' } as Record<string, string>,
                ...(method === 'POST' || method === 'PUT' ? { body: '[1]' } : {}),
              })
            const answers = [bytes(await ask(forbidden), forbidden), bytes(await ask(missing), missing)]
            expect(answers[0]).toBe(answers[1])
            expect(answers[0]).not.toContain('secret-of')
            expect(JSON.parse(answers[0]!)).toMatchObject({
              status: expect.toSatisfy((status: number) => status >= 204),
            })
          }
        }
      }
    }
  })
})

describe('a batch', () => {
  test('says the same of a forbidden and a missing project, to the byte', async () => {
    for (const { mine, theirs, cookie, token } of people) {
      for (const headers of [{ authorization: `Bearer ${token}` }, { cookie, origin: tributary.origin }]) {
        const send = (
          name: string,
          rest: readonly (readonly [path: readonly string[], args: readonly unknown[]])[],
        ) => {
          const all = [[['projects', 'get'], [name]], ...rest]
          const frames = all.map(([path, args], i) => ['push', ['pipeline', i, path, args]])
          return tributary.raw('/api/itx', {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/json' } as Record<string, string>,
            body: [...frames, ['pull', all.length]].map((frame) => JSON.stringify(frame)).join('\n'),
          })
        }
        for (const rest of [
          [[['project'], []]],
          [[['describe'], []]],
          [[['delete'], []]],
          [
            [['streams', 'get'], ['/shared/name']],
            [['read'], []],
          ],
        ] as const) {
          for (const [forbidden, missing] of namesOf(theirs)) {
            const answers = [
              bytes(await send(forbidden, rest), forbidden),
              bytes(await send(missing, rest), missing),
            ].map((answer) => answer.replaceAll(/\d{2,}/g, 'LENGTH'))
            expect(answers[0]).toBe(answers[1])
            expect(answers[0]).toContain('NOT_FOUND')
          }
        }
        expect((await send(mine, [[['project'], []]])).text).toContain(mine)
      }
    }
  })
})

describe('a project that was deleted', () => {
  test('is as one that never was, through every door, to whom it belonged', async () => {
    const gone = 'gone'
    tributary.project(gone)
    const cookie = await tributary.signIn(await tributary.user('gone@example.com', { gone: 'admin' }))
    const token = tributary.token('admin', gone)
    const id = tributary.projectId(gone)
    const session = { cookie, origin: tributary.origin }
    await tributary.raw(`/api/streams/${gone}/a`, {
      method: 'PUT',
      headers: { ...session, 'content-type': 'application/json' },
    })
    const socket = tributary.dial(session)
    await socket.root.projects.get(gone).delete()
    for (const [name, missing] of [
      [gone, 'x'.repeat(gone.length)],
      [id, `${id.slice(0, -1)}${id.endsWith('a') ? 'b' : 'a'}`],
    ] as const) {
      for (const call of Object.values(calls)) {
        expect(await visible(call(socket.root, name), name)).toBe(await visible(call(socket.root, missing), missing))
      }
      const request = new Request(tributary.url, { headers: { cookie } })
      expect(await visible(getServerItx(name, request), name)).toBe(
        await visible(getServerItx(missing, request), missing),
      )
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']) {
        const ask = (asked: string) => tributary.raw(`/api/streams/${asked}/a`, { method, headers: session })
        expect(bytes(await ask(name), name)).toBe(bytes(await ask(missing), missing))
      }
    }
    // Its tokens went with it.
    const answer = await tributary.raw(`/api/streams/${gone}/a`, { headers: { authorization: `Bearer ${token}` } })
    expect(answer.status).toBe(401)
    socket.close()
  })
})

describe('the server itself, while it renders', () => {
  const request = (cookie?: string) => new Request(tributary.url, cookie === undefined ? {} : { headers: { cookie } })
  const own = ({ mine, cookie }: Somebody): Promise<ProjectApi & Disposable> => getServerItx(mine, request(cookie))

  test('getServerItx says the same of a forbidden and a missing project, to a stranger and to nobody', async () => {
    for (const { theirs, cookie } of people) {
      const answers = new Set<string>()
      for (const [forbidden, missing] of namesOf(theirs)) {
        for (const each of [
          request(cookie),
          request(),
          request('tributary.session_token=forged.x'),
          request('tributary.session_token=%E0%A4%A'),
        ]) {
          answers.add(await visible(getServerItx(forbidden, each), forbidden))
          answers.add(await visible(getServerItx(missing, each), missing))
        }
      }
      expect(answers.size).toBe(1)
      expect([...answers][0]).toContain('NOT_FOUND')
    }
  })

  test('getServerItx gives each their own project, and in-process the errors are the same', async () => {
    for (const somebody of people) {
      using handle = await own(somebody)
      expect(await handle.project()).toMatchObject({ slug: somebody.mine, role: 'admin' })
      const page = await handle.streams.get('/shared/name').read({ after: 1 })
      expect(page.events.map(({ type }) => type)).toEqual([`secret-of-${somebody.mine}`])
      await expect(handle.streams.get('bad').state()).rejects.toMatchObject({ code: 'BAD_REQUEST' })
      await expect(handle.streams.get('/a').read({ limit: 0 })).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    }
  })

  test('an instance admin has no way into the projects of others but as an admin', async () => {
    const { setup } = tributary.instance
    await setup.complete({
      token: setup.path().slice('/setup/'.length),
      name: 'Root',
      email: 'root@example.com',
      password: 'correct horse battery',
    })
    tributary.instance.control.sqlite
      .prepare("delete from member where user_id = (select id from user where email = 'root@example.com')")
      .run()
    const cookie = await tributary.signIn({ id: '', email: 'root@example.com', password: 'correct horse battery' })
    expect(await visible(getServerItx('red', request(cookie)), 'red')).toContain('NOT_FOUND')
  })

  test('a page finds null for both', async () => {
    for (const { mine, theirs, cookie } of people) {
      using root = await getServerRoot(request(cookie))
      expect(await projectBySlugQuery(theirs).queryFn(root)).toBeNull()
      expect(await projectBySlugQuery('nosuch').queryFn(root)).toBeNull()
      expect(await projectBySlugQuery('').queryFn(root)).toBeNull()
      expect(await projectBySlugQuery('x'.repeat(500)).queryFn(root)).toBeNull()
      expect(await projectBySlugQuery(mine).queryFn(root)).toMatchObject({ slug: mine })
    }
  })

  test('nobody has no global handle', async () => {
    expect(await visible(getServerRoot(request()), 'x')).toContain('NOT_FOUND')
  })
})

test('the command line tells a forbidden project from none by its name alone', async () => {
  const [red] = people
  const run = (project: string, args: readonly string[]) =>
    runCli(args, {
      stdin: '{"type":"x"}\n',
      env: { TRIBUTARY_URL: tributary.url, TRIBUTARY_TOKEN: red!.token, TRIBUTARY_PROJECT: project },
    })
  for (const args of [
    ['read', '/shared/name'],
    ['append', '/shared/name'],
    ['tail', '/shared/name'],
  ]) {
    const [forbidden, missing] = await Promise.all([run('blue', args), run('nosuch', args)])
    expect(forbidden.code).toBe(1)
    expect(JSON.stringify(forbidden).replaceAll('blue', 'NAME')).toBe(
      JSON.stringify(missing).replaceAll('nosuch', 'NAME'),
    )
    expect(forbidden.stderr).toContain('NOT_FOUND')
  }
  const mine = await run('red', ['read', '/shared/name'])
  expect([mine.code, mine.stdout]).toEqual([0, expect.stringContaining('secret-of-red')])
})
