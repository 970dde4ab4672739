import { RpcTarget } from 'capnweb'
import { itxErrorCode } from '../streams/errors.ts'
import type { JsonText } from '../streams/json-text.ts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Role, ROLES, roleAtLeast } from '../control-plane/roles.ts'
import { type Dialled, TestTributary } from '../server/testing.ts'
import { decodeEvent } from '../streams/event.ts'
import { encodeInput } from '../streams/event-input.ts'
import { ItxClient } from './client/connect.ts'
import { Connection } from './client/connection.ts'
import type { ProjectApi } from './handle.ts'
import { NEEDED_ROLE, type Operation } from './permissions.ts'
import { allowOnly } from './rpc-target.ts'
import { newestEventsQuery, projectBySlugQuery, streamChildrenQuery, streamStateQuery } from './queries.ts'

// Threat: a caller reaches a member that was never meant for the wire, does more than their role allows, or learns from
// an error what the server looks like inside. Everything here crosses a real socket.

let tributary: TestTributary
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => {
  for (const each of dialled.splice(0)) each.socket.terminate()
})
afterAll(() => tributary.stop())

function itx(role: Role, project = 'demo'): Dialled {
  const socket = tributary.itx(role, project)
  dialled.push(socket)
  return socket
}

/** A stub as an untyped caller has it: any name can be called. */
type Untyped = { readonly [name: string]: Untyped } & ((...args: unknown[]) => Untyped & Promise<unknown>)

describe('T3: no member but those of the public interface can be reached', () => {
  const names = [
    'constructor',
    '__proto__',
    'prototype',
    'toString',
    'valueOf',
    'hasOwnProperty',
    '__defineGetter__',
    '__lookupGetter__',
    'isPrototypeOf',
    'apply',
    'call',
    'bind',
    'access',
    '#access',
    '#instance',
    '_access',
    'streamsOf',
    'require',
    'info',
    'open',
    'dispose',
    'Symbol.dispose',
    'Symbol(Symbol.dispose)',
    '@@dispose',
    'then',
    'catch',
    'admin',
    '0',
    '',
  ]
  const targets: Record<string, (socket: Dialled) => unknown> = {
    'the global handle': ({ root }) => root,
    'the projects': ({ root }) => root.projects,
    'a project': ({ root }) => root.projects.get('demo'),
    'the streams': ({ root }) => root.projects.get('demo').streams,
    'a stream': ({ root }) => root.projects.get('demo').streams.get('/a'),
    'a subscription': ({ root }) =>
      root.projects
        .get('demo')
        .streams.get('/a')
        .subscribe({}, () => {}),
    'a scan': ({ root }) =>
      root.projects
        .get('demo')
        .streams.get('/a')
        .scan({ filter: 'true' }, () => {}),
    'an activity': ({ root }) => root.projects.get('demo').streams.activity({ paths: ['/'] }, () => {}),
  }
  test.each(Object.entries(targets))('%s', async (_what, target) => {
    const call = await byHand(itx('admin'), target)
    for (const name of names) {
      const answer = await call([name])
      expect([name, answer]).toEqual([name, expect.stringMatching(/^\["reject"/)])
      expect(answer).not.toMatch(/\.ts:|node_modules/)
    }
  })

  test('a target with a method that its allowlist does not name, or lacks one, does not even load', () => {
    class Leaking extends RpcTarget {
      listed() {}
      inner() {}
    }
    // It does not even compile (`operations.types.test.ts`); this is for where types were talked round.
    const hold = allowOnly as (target: unknown, allowed: readonly string[]) => void
    expect(() => hold(Leaking, ['listed'])).toThrow('Leaking exposes inner too much')
    expect(() => hold(Leaking, ['listed', 'inner', 'gone'])).toThrow('lacks gone')
  })

  test('nor what lies behind a member, or behind the data of an answer', async () => {
    const call = await byHand(itx('admin'), ({ root }) => root)
    const paths = [
      ['whoami', 'constructor'],
      ['whoami', 'call'],
      ['whoami', 'bind'],
      ['projects', 'constructor'],
      ['projects', 'get', 'constructor'],
      ['projects', '__proto__', 'get'],
      ['__proto__', 'whoami'],
      ['constructor', 'prototype', 'whoami'],
    ]
    for (const path of paths) expect(await call(path)).toMatch(/^\["reject"/)
  })
})

/**
 * Calls as a hostile client would, frame by frame: the library keeps some names for itself and would not send them.
 * What the call is made on is found by a proper one first.
 */
async function byHand(
  socket: Dialled,
  target: (socket: Dialled) => unknown,
): Promise<(path: readonly string[]) => Promise<string>> {
  await (target(socket) as Untyped)['marked']!().catch(() => {})
  const frame = socket.sent.find((message) => message.includes('"marked"'))!
  let pushed = socket.sent.filter((message) => message.startsWith('["push"')).length
  return async (path) => {
    const id = ++pushed
    socket.socket.send(
      frame.replace('["marked"]', JSON.stringify(path)).replace(',"marked"]', `,${JSON.stringify(path).slice(1)}`),
    )
    socket.socket.send(`["pull",${id}]`)
    for (;;) {
      const answer = socket.received.find(
        (message) => message.startsWith(`["reject",${id},`) || message.startsWith(`["resolve",${id},`),
      )
      if (answer !== undefined) return answer
      const ended = socket.ended.then(() => Promise.reject(new Error('the session was ended')))
      await Promise.race([new Promise((resolve) => socket.socket.once('message', resolve)), ended])
    }
  }
}

describe('roles', () => {
  const calls: Record<Operation, (project: ProjectApi, path: string) => Promise<unknown>> = {
    describe: (project) => project.describe(),
    project: (project) => project.project(),
    overview: (project) => project.overview(),
    rename: (project) => project.rename({ name: 'Demo' }),
    createReadToken: (project) => project.createReadToken({ path: '/' }),
    contents: (project) => project.contents(),
    'project.delete': (project) => project.delete(),
    list: (project) => project.streams.list(),
    activity: (project, path) => project.streams.activity({ paths: [path] }, () => {}),
    children: (project, path) => project.streams.get(path).children(),
    state: (project, path) => project.streams.get(path).state(),
    read: (project, path) => project.streams.get(path).read(),
    getEvent: (project, path) => project.streams.get(path).getEvent({ offset: 1 }),
    subscribe: (project, path) => project.streams.get(path).subscribe({}, () => {}),
    scan: (project, path) => project.streams.get(path).scan({ filter: 'true' }, () => {}),
    export: (project, path) => project.streams.get(path).export(),
    import: (project, path) =>
      project.streams.get(`${path}/imported`).import({
        head: { contentType: 'application/json', firstOffset: 1 },
        events: [{ offset: 1, type: 'stream/created', createdAt: '2026-01-01T00:00:00.000Z' }],
        last: true,
      }),
    append: (project, path) => project.streams.get(path).append([{ type: 'a' }]),
    create: (project, path) => project.streams.get(path).create(),
    setMetadata: (project, path) => project.streams.get(path).setMetadata('{}' as JsonText),
    pause: (project, path) => project.streams.get(path).pause('a reason'),
    resume: (project, path) => project.streams.get(path).resume(),
    configure: (project, path) => project.streams.get(path).configure({ recordPresence: false }),
    processors: (project, path) => project.streams.get(path).processors(),
    attach: (project, path) => project.streams.get(path).attach('event-counter'),
    detach: async (project, path) => {
      await attached(path)
      return project.streams.get(path).detach('event-counter')
    },
    restart: async (project, path) => {
      await attached(path)
      return project.streams.get(path).restart('event-counter')
    },
    stateAt: (project, path) => project.streams.get(path).stateAt({ processor: 'core', offset: 1 }),
    close: (project, path) => project.streams.get(path).close(),
    reset: (project, path) => project.streams.get(path).reset(),
    delete: (project, path) => project.streams.get(path).delete(),
  }
  const attached = (path: string) => itx('admin').streams().get(path).attach('event-counter')
  const cases = ROLES.flatMap((role) =>
    (Object.keys(NEEDED_ROLE) as Operation[]).map((operation) => ({ role, operation })),
  )
  test.each(cases)('$role may $operation exactly when the table says so', async ({ role, operation }) => {
    const path = `/roles/${operation}/${role}`
    await itx('admin').streams().get(path).create()
    const needed: Role = NEEDED_ROLE[operation]
    // Whoever may delete one deletes one made for it.
    const project = operation === 'project.delete' ? `spare-${role}` : 'demo'
    if (project !== 'demo') tributary.project(project)
    const call = calls[operation](itx(role, project).root.projects.get(project), path)
    const outcome = await call.then(
      () => 'allowed',
      (error: unknown) => error,
    )
    if (roleAtLeast(role, needed)) expect(outcome).toBe('allowed')
    else expect(outcome).toMatchObject({ code: 'FORBIDDEN', details: { reason: 'role', operation, role, needed } })
  })

  test.each([
    ['viewer', []],
    ['editor', ['stream/metadata-updated']],
    ['operator', ['stream/configured', 'stream/metadata-updated', 'stream/paused', 'stream/resumed']],
  ] as const)('%s may append the core events whose operation is theirs, and no others', async (role, allowed) => {
    const path = `/core-events/${role}`
    await itx('admin').streams().get(path).create()
    const payloads = {
      'stream/configured': '{"config":{}}',
      'stream/metadata-updated': '{"metadata":{}}',
      'stream/paused': '{}',
      'stream/resumed': '{}',
      'stream/closed': '{}',
      'stream/child-created': '{"path":"/forged","incarnationId":"x"}',
    }
    const passed: string[] = []
    for (const [type, payload] of Object.entries(payloads)) {
      const append = itx(role)
        .streams()
        .get(path)
        .append([{ type, payload: payload as JsonText }])
      const code = await append.then(
        () => null,
        (error: unknown) => itxErrorCode(error),
      )
      if (code === null) passed.push(type)
      else expect(code).toBe('FORBIDDEN')
    }
    expect(passed).toEqual(allowed)
  })

  test('a viewer who is refused has stored nothing', async () => {
    await itx('viewer')
      .streams()
      .get('/refused')
      .append([{ type: 'a' }])
      .catch(() => {})
    expect(await itx('viewer').streams().get('/refused').state()).toMatchObject({ exists: false })
  })
})

describe('creating projects', () => {
  test('is not for tokens, nor for users who own no organisation', async () => {
    await expect(itx('admin').root.projects.create({ slug: 'mine', name: 'Mine' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
    const cookie = await tributary.signIn(await tributary.user('member@example.com', { demo: 'admin' }))
    const { root } = tributary.dial({ cookie, origin: tributary.origin })
    await expect(root.projects.create({ slug: 'mine', name: 'Mine' })).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  test('is for the first admin, who can use it at once; a slug is taken once', async () => {
    const setup = tributary.instance.setup
    await setup.complete({
      token: setup.path().slice('/setup/'.length),
      name: 'Root',
      email: 'root@example.com',
      password: 'correct horse battery',
    })
    const cookie = await tributary.signIn({ id: '', email: 'root@example.com', password: 'correct horse battery' })
    const { root } = tributary.dial({ cookie, origin: tributary.origin })
    expect(await root.whoami()).toMatchObject({ kind: 'user', instanceAdmin: true })
    expect(await root.projects.create({ slug: 'second', name: ' Second ' })).toMatchObject({
      slug: 'second',
      name: 'Second',
      role: 'admin',
    })
    expect(
      await root.projects
        .get('second')
        .streams.get('/a')
        .append([{ type: 'a' }]),
    ).toHaveLength(1)
    await expect(root.projects.create({ slug: 'second', name: 'x' })).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'slug' },
    })
    for (const slug of ['system', 'prj_x', 'A', '', 'a b', '-a', 'x'.repeat(64)]) {
      await expect(root.projects.create({ slug, name: 'x' })).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    }
    const all = await root.projects.list({ limit: 1 })
    expect([all.projects.map(({ slug }) => slug), all.nextAfter]).toEqual([['demo'], 'demo'])
    expect((await root.projects.list({ limit: 1, after: 'demo' })).projects.map(({ slug }) => slug)).toEqual(['second'])
  })
})

describe('errors', () => {
  test('arrive with code and details, and without a stack', async () => {
    const socket = itx('editor')
    const stream = socket.streams().get('/errors')
    const error = await stream.append([{ type: 'a', offset: 99 }]).then(undefined, (reason: unknown) => reason)
    expect({ ...(error as object) }).toEqual({
      code: 'CONFLICT',
      details: { reason: 'precondition', path: '/errors', expected: 99, actual: 2 },
    })
    expect((error as Error).message).toBe('/errors: offset 99 was expected, but the next event gets offset 2')
    const frame = socket.received.find((message) => message.includes('CONFLICT'))!
    expect(frame).not.toMatch(/stack|\.ts:|node_modules|at async/)
  })

  test('details are absent, not undefined, where there are none', async () => {
    const { root } = itx('viewer')
    const error = await root.projects
      .get('nosuch')
      .describe()
      .then(undefined, (reason: unknown) => reason)
    expect(Object.keys(error as object)).toEqual(['code', 'details'])
  })

  test('without a code become INTERNAL with a correlation id, under which the log has the rest', async () => {
    const socket = itx('viewer')
    const { engine } = tributary.instance
    const project = engine.project.bind(engine)
    engine.project = () => {
      throw new TypeError('the secret is 42', { cause: new Error('and a secret cause') })
    }
    const error = (await socket
      .streams()
      .get('/a')
      .state()
      .then(undefined, (reason: unknown) => reason)) as Error & { code: string; details: { correlationId: string } }
    engine.project = project
    expect({ ...error }).toEqual({
      code: 'INTERNAL',
      details: { correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    })
    expect(socket.received.join('\n')).not.toMatch(/secret|TypeError|\.ts/)
    const logged = tributary.logged.find((entry) =>
      String((entry as unknown[])[0]).includes(error.details.correlationId),
    )
    expect(String((logged as unknown[])[1])).toContain('the secret is 42')
  })

  test('of an unknown method say nothing about the inside', async () => {
    const socket = itx('viewer')
    await expect((socket.root as unknown as Untyped)['drop']!()).rejects.toMatchObject({ code: expect.any(String) })
    expect(socket.received.join('\n')).not.toMatch(/\.ts:|node_modules/)
  })
})

describe('bad arguments are BAD_REQUEST and store nothing', () => {
  const fn = () => {}
  const cases: Record<string, (root: Untyped) => Promise<unknown>> = {
    'projects.get()': (root) => root['projects']!['get']!(),
    'projects.get("")': (root) => root['projects']!['get']!(''),
    'projects.get({})': (root) => root['projects']!['get']!({}),
    'projects.get(function)': (root) => root['projects']!['get']!(fn),
    'projects.get(a long name)': (root) => root['projects']!['get']!('x'.repeat(201)),
    'projects.list(a number)': (root) => root['projects']!['list']!(7),
    'projects.list(limit 0)': (root) => root['projects']!['list']!({ limit: 0 }),
    'projects.list(unknown key)': (root) => root['projects']!['list']!({ colour: 1 }),
    'streams.get()': (root) => stream(root, undefined),
    'streams.get(no slash)': (root) => stream(root, 'a'),
    'streams.get(above the root)': (root) => stream(root, '/../a'),
    'streams.get(an object)': (root) => stream(root, { toString: 'x' }),
    'streams.list(a bad prefix)': (root) => root['projects']!['get']!('demo')['streams']!['list']!({ prefix: 'x' }),
    'append()': (root) => on(root)['append']!(),
    'append(an event)': (root) => on(root)['append']!({ type: 'a' }),
    'append(null)': (root) => on(root)['append']!([null]),
    'append(a function)': (root) => on(root)['append']!([fn]),
    'append(functions for events)': (root) => on(root)['append']!(fn),
    'append(unknown key)': (root) => on(root)['append']!([{ type: 'a', colour: 1 }]),
    'append(a raw message)': (root) => on(root)['append']!([{ type: 'a', raw: true }]),
    'append(payload as a value)': (root) => on(root)['append']!([{ type: 'a', payload: { b: 1 } }]),
    'append(payload that is no JSON)': (root) => on(root)['append']!([{ type: 'a', payload: '{' }]),
    'append(payload that is a function)': (root) => on(root)['append']!([{ type: 'a', payload: fn }]),
    'append(metadata that is no object)': (root) => on(root)['append']!([{ type: 'a', metadata: '[1]' }]),
    'append(a date as type)': (root) => on(root)['append']!([{ type: new Date() }]),
    'append(offset NaN)': (root) => on(root)['append']!([{ type: 'a', offset: Number.NaN }]),
    'append(offset as bigint)': (root) => on(root)['append']!([{ type: 'a', offset: 2n }]),
    'append(one bad among good)': (root) => on(root)['append']!([{ type: 'a' }, { type: '' }]),
    'append(a payload 257 deep)': (root) =>
      on(root)['append']!([{ type: 'a', payload: '['.repeat(257) + ']'.repeat(257) }]),
    'create(another content type)': (root) => on(root)['create']!({ contentType: 'text/plain' }),
    'create(events in it)': (root) => on(root)['create']!({ inputs: [{ type: 'stream/closed' }] }),
    'read(limit 0)': (root) => on(root)['read']!({ limit: 0 }),
    'read(limit 1001)': (root) => on(root)['read']!({ limit: 1001 }),
    'read(after -1)': (root) => on(root)['read']!({ after: -1 }),
    'read(after 1.5)': (root) => on(root)['read']!({ after: 1.5 }),
    'read(order)': (root) => on(root)['read']!({ order: 'random' }),
    'read(types empty)': (root) => on(root)['read']!({ types: [] }),
    'read(visibleOnly)': (root) => on(root)['read']!({ visibleOnly: true }),
    'read(null)': (root) => on(root)['read']!(null),
    'children(after and skip)': (root) => on(root)['children']!({ after: 'a', skip: 1 }),
    'children(after by creation)': (root) => on(root)['children']!({ after: 'a', order: 'created' }),
    'children(order)': (root) => on(root)['children']!({ order: 'size' }),
    'children(limit)': (root) => on(root)['children']!({ limit: 5000 }),
    'subscribe()': (root) => on(root)['subscribe']!(),
    'subscribe(no function)': (root) => on(root)['subscribe']!({}),
    'subscribe(an object for a function)': (root) => on(root)['subscribe']!({}, { a: 1 }),
    'subscribe(after soon)': (root) => on(root)['subscribe']!({ after: 'soon' }, fn),
    'subscribe(unknown key)': (root) => on(root)['subscribe']!({ colour: 1 }, fn),
  }
  const on = (root: Untyped) => root['projects']!['get']!('demo')['streams']!['get']!('/strict') as unknown as Untyped
  const stream = (root: Untyped, path: unknown) =>
    (root['projects']!['get']!('demo')['streams']!['get']!(path) as unknown as Untyped)['state']!()
  test.each(Object.entries(cases))('%s', async (_what, call) => {
    const { root } = itx('admin')
    await expect(call(root as unknown as Untyped)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.any(String),
    })
    expect(await root.projects.get('demo').streams.get('/strict').state()).toMatchObject({ exists: false })
  })

  test('a reserved type is FORBIDDEN', async () => {
    await expect(
      itx('admin')
        .streams()
        .get('/strict')
        .append([{ type: 'stream/closed' }]),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  test('options that are undefined count as not given', async () => {
    await itx('editor')
      .streams()
      .get('/options')
      .append([{ type: 'one' }])
    const page = await itx('viewer')
      .streams()
      .get('/options')
      .read({ after: undefined, limit: undefined } as never)
    expect([page.events.length, page.nextCursor]).toEqual([2, null])
  })
})

describe('payloads', () => {
  test('keep every key and every depth that a door allows', async () => {
    const stream = itx('editor').streams().get('/payloads')
    const payloads = [
      JSON.parse(
        '{"constructor":1,"toJSON":2,"__proto__":{"polluted":true},"hasOwnProperty":3,"then":4,"":5}',
      ) as unknown,
      JSON.parse('['.repeat(256) + ']'.repeat(256)) as unknown,
      ['\u2028\u0000😀', null, -0.5, 1e300, true],
    ]
    const metadata = JSON.parse('{"constructor":"a","__proto__":"b","toJSON":"c"}') as Record<string, unknown>
    await stream.append(payloads.map((payload) => encodeInput({ type: 'a', payload, metadata })))
    const { events } = await stream.read({ after: 1 })
    expect(events.map((event) => JSON.stringify(decodeEvent(event).payload))).toEqual(
      payloads.map((payload) => JSON.stringify(payload)),
    )
    expect(events.map((event) => JSON.stringify(decodeEvent(event).metadata))).toEqual(
      payloads.map(() => JSON.stringify(metadata)),
    )
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('are told apart: none, null, and the text null', async () => {
    const stream = itx('editor').streams().get('/nothing')
    await stream.append([
      { type: 'a' },
      { type: 'b', payload: 'null' as never },
      encodeInput({ type: 'c', payload: 'null' }),
    ])
    const { events } = await stream.read({ after: 1 })
    expect(events.map(({ payload }) => payload)).toEqual([undefined, 'null', '"null"'])
  })

  test('of several chunks arrive whole', async () => {
    const stream = itx('editor').streams().get('/chunks')
    const text = 'é😀'.repeat(700_000)
    await stream.append([encodeInput({ type: 'a', payload: text })])
    expect(decodeEvent((await stream.read({ after: 1 })).events[0]!).payload).toBe(text)
  })
})

test('a long conversation of our client leaves nothing behind in the tables of the session', async () => {
  const sent: string[] = []
  const connection = new Connection(() => {
    const headers = { authorization: `Bearer ${tributary.token('editor')}` }
    const socket = new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, { headers })
    const send = socket.send.bind(socket) as (data: unknown) => void
    socket.send = (data: unknown) => {
      sent.push(String(data))
      send(data)
    }
    return socket as unknown as globalThis.WebSocket
  })
  const client = new ItxClient(connection, 'demo')
  for (let i = 0; i < 50; i++) {
    await client.append('/long', [{ type: 'a' }])
    await client.read('/long', { limit: 1 })
    await client.state('/long')
    await client.use((project) => streamStateQuery('demo', '/long').queryFn(project))
    await client.use((project) => newestEventsQuery('demo', '/long').queryFn(project))
    await client.use((project) => streamChildrenQuery('demo', '/long', 'a').queryFn(project))
    using root = await connection.root()
    await projectBySlugQuery('demo').queryFn(root)
  }
  connection.close()
  const pushed = sent.filter((message) => message.startsWith('["push"')).length
  const released = sent.filter((message) => message.startsWith('["release"')).length
  expect(pushed).toBeGreaterThan(300)
  expect(pushed - released).toBeLessThan(10)
})
