import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RawResponse, TestTributary } from '../server/testing.ts'
import type { Operation } from './permissions.ts'

// Threat: one operation, or one way in, tells a project of others from none. Every operation there is, frame by frame,
// over a socket and in a batch, and the making of read tokens; `isolation.test.ts` has the other doors.

let tributary: TestTributary
let credentials: readonly Record<string, string>[]
let names: readonly (readonly [forbidden: string, missing: string])[]
beforeAll(async () => {
  tributary = await TestTributary.start()
  tributary.project('theirs')
  await tributary.streams('theirs').append('/secret' as never, [{ type: 'x', idempotencyKey: 'k' }])
  const cookie = await tributary.signIn(await tributary.user('ann@example.com', { demo: 'admin' }))
  const token = tributary.token('admin')
  const { root, socket } = tributary.itx('editor')
  const reader = await root.projects.get('demo').createReadToken({ path: '/' })
  socket.terminate()
  credentials = [
    { cookie, origin: tributary.origin },
    { authorization: `Bearer ${token}` },
    { authorization: `Bearer ${reader.token}` },
  ]
  const id = tributary.projectId('theirs')
  names = [
    ['theirs', 'nosuch'],
    [id, `${id.slice(0, -1)}${id.endsWith('a') ? 'b' : 'a'}`],
    ['system', 'mystem'],
    ['prj_system', 'prj_mystem'],
  ]
})
afterAll(() => tributary.stop())

const FUNCTION = ['export', -1]
/** Every operation: on what it is called, and with what; `FUNCTION` stands for one of the caller's. */
const OPERATIONS: Record<Operation, readonly [on: 'project' | 'streams' | 'stream', ...args: unknown[]]> = {
  describe: ['project'],
  project: ['project'],
  overview: ['project'],
  rename: ['project', { name: 'Mine' }],
  createReadToken: ['project', { path: '/' }],
  contents: ['project'],
  'project.delete': ['project'],
  list: ['streams'],
  activity: ['streams', { paths: [['/']] }, FUNCTION],
  children: ['stream'],
  state: ['stream'],
  read: ['stream'],
  getEvent: ['stream', { idempotencyKey: 'k' }],
  subscribe: ['stream', { after: 'start' }, FUNCTION],
  scan: ['stream', { filter: 'true' }, FUNCTION],
  export: ['stream'],
  import: ['stream', { events: [[]], incarnationId: 'x' }],
  append: ['stream', [[{ type: 'x' }]]],
  create: ['stream'],
  setMetadata: ['stream', '{}'],
  pause: ['stream'],
  resume: ['stream'],
  configure: ['stream', { recordPresence: true }],
  processors: ['stream'],
  attach: ['stream', 'event-counter'],
  detach: ['stream', 'event-counter'],
  restart: ['stream', 'event-counter'],
  stateAt: ['stream', { processor: 'core', offset: 1 }],
  close: ['stream'],
  reset: ['stream'],
  delete: ['stream'],
}

/** The frames of one call, all sent at once. */
function frames(operation: Operation, name: string): string[] {
  const [on, ...args] = OPERATIONS[operation]
  const method = operation === 'project.delete' ? 'delete' : operation
  const calls: unknown[][] = [[0, ['projects', 'get'], [name]]]
  if (on === 'stream') calls.push([1, ['streams', 'get'], ['/secret']])
  calls.push([calls.length, on === 'streams' ? ['streams', method] : [method], args])
  return [...calls.map((call) => ['push', ['pipeline', ...call]]), ['pull', calls.length]].map((frame) =>
    JSON.stringify(frame),
  )
}

const operations = Object.keys(OPERATIONS) as Operation[]

describe('the frames that answer', () => {
  test.each(operations)('%s are those of a project that is not there, over a socket', async (operation) => {
    for (const headers of credentials) {
      for (const [forbidden, missing] of names) {
        const answers = []
        for (const name of [forbidden, missing]) {
          const { socket, received, opened } = tributary.dial(headers)
          await opened
          for (const frame of frames(operation, name)) socket.send(frame)
          while (!received.some((frame) => frame.startsWith('["reject"') || frame.startsWith('["resolve"'))) {
            await new Promise((resolve) => socket.once('message', resolve))
          }
          answers.push(received.join('\n').replaceAll(name, 'NAME'))
          socket.terminate()
        }
        expect(answers[0]).toBe(answers[1])
        expect(answers[0]).toContain('NOT_FOUND')
      }
    }
  })

  const batched = operations.filter((operation) => !OPERATIONS[operation].includes(FUNCTION))
  test.each(batched)('%s are those of a project that is not there, in a batch', async (operation) => {
    for (const headers of credentials) {
      for (const [forbidden, missing] of names) {
        const send = (name: string) =>
          tributary.raw('/api/itx', {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/json' },
            body: frames(operation, name).join('\n'),
          })
        const answers = [bytes(await send(forbidden), forbidden), bytes(await send(missing), missing)]
        expect(answers[0]).toBe(answers[1])
        expect(answers[0]).toContain('NOT_FOUND')
      }
    }
  })
})

test('a read token is refused for a project of others as for one that is not there', async () => {
  const bodies = [
    (project: string) => ({ project, path: '/secret' }),
    (project: string) => ({ project, path: 'bad' }),
    (project: string) => ({ project }),
    (project: string) => ({ project, path: '/', seconds: 0 }),
  ]
  for (const headers of [...credentials, {}, { authorization: 'Bearer nonsense' }]) {
    for (const [forbidden, missing] of names) {
      for (const body of bodies) {
        const ask = (project: string) =>
          tributary.raw('/api/read-tokens', {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/json' },
            body: JSON.stringify(body(project)),
          })
        const [one, other] = [await ask(forbidden), await ask(missing)]
        expect(bytes(one, forbidden)).toBe(bytes(other, missing))
        expect(one.status).toBe('cookie' in headers || !/nonsense|^$/.test(headers['authorization'] ?? '') ? 404 : 401)
      }
    }
  }
})

test('nothing of it was done', async () => {
  const streams = tributary.streams('theirs')
  expect(await streams.state('/secret' as never)).toMatchObject({ maxOffset: 2, paused: false, closed: false })
  expect((await streams.list()).streams.map(({ path }) => path)).toEqual(['/', '/secret'])
})

/** Everything of an answer that a caller can tell apart, but for the time and the given name. */
function bytes({ status, headers, text }: RawResponse, name: string): string {
  const { date: _date, 'content-length': _length, ...rest } = headers
  return JSON.stringify({ status, headers: rest, text }).replaceAll(name, 'NAME')
}
